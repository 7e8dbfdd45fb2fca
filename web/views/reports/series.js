// What is stacked: the parts of all periods, the largest by colour and the others as one.

import { periodsOf } from "./days.js";

const COLOURS = 8; // that everybody can tell apart
const OTHER = "other";
const LEAST = 60; // seconds that bars are drawn for, if there is less

/**
 * Return what a report with parts shows as bars: `days` (the first of each period, also of those
 * without time), `totals` of each, and `series` from the largest: { key, label, colour, seconds, total }.
 * `highest` is what most is stacked up: with several labels for one entry, more than the time.
 */
export function seriesOf({ groups }, { from, to, period }) {
  const days = periodsOf(from, to, period);
  const places = new Map(days.map((day, place) => [day, place]));
  const zeros = () => days.map(() => 0);
  const totals = zeros();
  const parts = new Map();
  for (const group of groups) {
    const place = places.get(group.key);
    if (place === undefined) continue; // a zone that left a day out has its own calendar
    totals[place] += group.seconds;
    for (const { key, label, seconds } of group.parts) {
      if (!parts.has(key)) parts.set(key, { key, label, total: 0, seconds: zeros() });
      const part = parts.get(key);
      part.seconds[place] += seconds;
      part.total += seconds;
    }
  }
  const all = [...parts.values()].sort((a, b) => b.total - a.total);
  const series = all.slice(0, COLOURS).map((part, index) => ({ ...part, colour: String(index + 1) }));
  const rest = all.slice(COLOURS);
  if (rest.length > 0) series.push(together(rest, zeros()));
  const heights = days.map((_, place) => series.reduce((sum, { seconds }) => sum + seconds[place], 0));
  const highest = Math.max(LEAST, ...heights);
  return { period, days, totals, series, highest };
}

function together(parts, seconds) {
  for (const part of parts) part.seconds.forEach((each, place) => (seconds[place] += each));
  const total = parts.reduce((sum, part) => sum + part.total, 0);
  return { key: undefined, label: parts.length === 1 ? "1 other" : `${parts.length} others`, colour: OTHER, seconds, total };
}
