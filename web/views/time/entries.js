// Reading the entries of a day.

import { getAll, getPage } from "../../api.js";
import { isOn } from "../../time/day.js";

const BEFORE = 50; // entries that began earlier, among which those are that last into the day

/**
 * Return the entries of a day, the first one first: `span` is when it begins and ends, `running` what
 * runs, which may have begun long before, or null, and `now` in ms.
 */
export async function readEntries(span, running, now) {
  const [start, end] = [span.start, span.end].map((ms) => new Date(ms).toISOString());
  const [within, before] = await Promise.all([
    getAll(`/time-entries?started_after=${start}&started_before=${end}`),
    getPage(`/time-entries?started_before=${start}`, "", BEFORE),
  ]);
  const found = new Map([running, ...within, ...before.rows].filter(Boolean).map((entry) => [entry.id, entry]));
  const ofDay = [...found.values()].filter((entry) => isOn(entry, span, now));
  return ofDay.sort((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at) || (a.id < b.id ? -1 : 1));
}
