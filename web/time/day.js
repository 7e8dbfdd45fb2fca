// Days of the account's time zone, and how much of an entry falls on one.

import { fromWallClock, toWallClock } from "../format.js";

const QUARTER_MS = 15 * 60_000; // clocks are moved by whole ones
const DAY_MS = 24 * 60 * 60_000;

const iso = (ms) => new Date(ms).toISOString();

/** The day on which an instant falls. */
export const dayOf = (instant) => toWallClock(instant).slice(0, 10);
export const today = () => dayOf(iso(Date.now()));

/** The day of the calendar that is so many after another, or before it. */
export const addDays = (day, count) => iso(Date.parse(`${day}T00:00Z`) + count * DAY_MS).slice(0, 10);

/** When a day begins and ends, in ms: also one of 23 or 25 hours, or without a midnight. */
export const spanOf = (day) => ({ start: startOf(day), end: startOf(addDays(day, 1)) });

function startOf(day) {
  let instant = Date.parse(fromWallClock(`${day}T00:00`));
  while (dayOf(iso(instant)) < day) instant += QUARTER_MS;
  while (dayOf(iso(instant - QUARTER_MS)) >= day) instant -= QUARTER_MS;
  return instant;
}

const endOf = (entry, now) => (entry.ended_at ? Date.parse(entry.ended_at) : now);

export const isOn = (entry, { start, end }, now) => {
  const startedAt = Date.parse(entry.started_at);
  return startedAt < end && (startedAt >= start || endOf(entry, now) > start);
};

/** The seconds of an entry within a span, and all of them. */
export function secondsOf(entry, { start, end }, now) {
  const [from, to] = [Date.parse(entry.started_at), endOf(entry, now)];
  const counted = Math.max(0, Math.min(to, end) - Math.max(from, start)) / 1000;
  return { counted, all: Math.max(0, to - from) / 1000 };
}

/** Whether any two of these, sorted by their start, share time. */
export function doOverlap(entries, now) {
  let latest = 0;
  return entries.some((entry) => {
    const overlaps = Date.parse(entry.started_at) < latest;
    latest = Math.max(latest, endOf(entry, now));
    return overlaps;
  });
}
