// What a report is about, as the page's address says it: in the words that the API has.

import { RANGES, countDays, isDay, today } from "./days.js";

export const PERIODS = ["day", "week", "month"];
export const GROUPINGS = [
  ["day", "Day"],
  ["week", "Week"],
  ["month", "Month"],
  ["project", "Project"],
  ["task", "Task"],
  ["user", "Person"],
  ["label", "Label"],
];

const HERE = "#/reports";
const ID = /^[0-9a-f-]{36}$/;
const [, thisMonth] = RANGES.find(([name]) => name === "This month");
// So that bars stay wide enough to be told apart.
const DAYS_BY_DAY = 92;
const DAYS_BY_WEEK = 731;

function isZone(name) {
  try {
    return Boolean(name && new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** Read the choices from an address; this month by day, as the account's clock has it, by default. */
export function choicesAt(hash, ownZone) {
  const given = Object.fromEntries(new URLSearchParams(hash.split("?")[1] ?? ""));
  const tz = isZone(given.tz) ? given.tz : ownZone;
  const isRange = isDay(given.from) && isDay(given.to) && given.from < given.to;
  const { from, to } = isRange ? given : thisMonth(today(tz));
  const isGrouping = GROUPINGS.some(([name]) => name === given.group_by);
  const choices = { from, to, tz, group_by: isGrouping ? given.group_by : "day" };
  if (!ID.test(given.project_id ?? "")) return choices;
  choices.project_id = given.project_id;
  return given.include === "agents" ? { ...choices, include: "agents" } : choices;
}

export const addressOf = (choices) => `${HERE}?${new URLSearchParams(choices)}`;

/** Whether an address is one of reports. */
export const isHere = (hash) => hash.split("?")[0] === HERE;

const pathOf = (question) => `/reports/time?${new URLSearchParams(question)}`;

/** What the API is asked: for the table, and for the bars, which may be the same. */
export function questionsOf(choices) {
  // All of a project's time is that project's: there it is the people that differ.
  const parts = choices.project_id ? "user" : "project";
  if (PERIODS.includes(choices.group_by)) {
    const path = pathOf({ ...choices, split_by: parts });
    return { period: choices.group_by, table: path, bars: path };
  }
  const days = countDays(choices.from, choices.to);
  const period = days <= DAYS_BY_DAY ? "day" : days <= DAYS_BY_WEEK ? "week" : "month";
  const bars = pathOf({ ...choices, group_by: period, split_by: choices.group_by });
  return { period, table: pathOf(choices), bars };
}

export const fileNameOf = ({ from, to }) => `stint-${from}-${to}.csv`;
