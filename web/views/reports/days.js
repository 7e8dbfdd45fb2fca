// Days on the calendar, as YYYY-MM-DD: they are in no time zone, so they are counted in UTC.

import { addDays } from "../../time/day.js";

const LANGUAGE = navigator.languages;
const DAY_MS = 86_400_000;
const FIRST = "1970-01-01";
const LAST = "2199-12-31";

/** The days that one may ask about. */
export const BOUNDS = Object.freeze({ min: FIRST, max: LAST });

const dateOf = (day) => new Date(`${day}T00:00:00Z`);
const dayOf = (date) => date.toISOString().slice(0, 10);
const firstOfMonth = (day) => `${day.slice(0, 7)}-01`;
const firstOfYear = (day) => `${day.slice(0, 4)}-01-01`;

export const countDays = (from, to) => (dateOf(to) - dateOf(from)) / DAY_MS;

function addMonths(day, count) {
  const date = dateOf(firstOfMonth(day));
  date.setUTCMonth(date.getUTCMonth() + count);
  return dayOf(date);
}

/** Whether a text is a day that there is, and that one may ask about. */
export function isDay(text) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text ?? "")) return false;
  const date = dateOf(text);
  return !Number.isNaN(date.getTime()) && dayOf(date) === text && text >= FIRST && text <= LAST;
}

/** The day that it is now in a time zone. */
export function today(zone) {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  const parts = Object.fromEntries(format.formatToParts(new Date()).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}-${parts.day}`;
}

/** The first day of the period that a day is in; weeks begin on Monday, as the reports have it. */
function firstDay(day, period) {
  if (period === "week") return addDays(day, -((dateOf(day).getUTCDay() + 6) % 7));
  return period === "month" ? firstOfMonth(day) : day;
}

/** The first days of all periods of a range; `to` is the first day that is not in it. */
export function periodsOf(from, to, period) {
  const found = [];
  for (let day = firstDay(from, period); day < to; ) {
    found.push(day);
    day = period === "month" ? addMonths(day, 1) : addDays(day, period === "week" ? 7 : 1);
  }
  return found;
}

const week = (monday) => ({ from: monday, to: addDays(monday, 7) });
const months = (first, count) => ({ from: first, to: addMonths(first, count) });

/** The ranges that have a name, by what they are called, as of one day. */
export const RANGES = [
  ["Today", (day) => ({ from: day, to: addDays(day, 1) })],
  ["This week", (day) => week(firstDay(day, "week"))],
  ["Last week", (day) => week(addDays(firstDay(day, "week"), -7))],
  ["This month", (day) => months(firstOfMonth(day), 1)],
  ["Last month", (day) => months(addMonths(day, -1), 1)],
  ["This year", (day) => months(firstOfYear(day), 12)],
];

const formatter = (options) => new Intl.DateTimeFormat(LANGUAGE, { ...options, timeZone: "UTC" });
const IN_FULL = {
  day: formatter({ weekday: "short", day: "numeric", month: "short", year: "numeric" }),
  week: formatter({ day: "numeric", month: "short", year: "numeric" }),
  month: formatter({ month: "long", year: "numeric" }),
};
const SHORT = { day: formatter({ day: "numeric", month: "short" }), month: formatter({ month: "short", year: "2-digit" }) };

/** A period by its first day, as one says it. */
export function formatPeriod(day, period) {
  if (period === "week") return IN_FULL.week.formatRange(dateOf(day), dateOf(addDays(day, 6)));
  return IN_FULL[period].format(dateOf(day));
}

/** The same where there is little room. */
export const formatPeriodShort = (day, period) => (SHORT[period] ?? SHORT.day).format(dateOf(day));
