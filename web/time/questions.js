// What a correction of an entry may run into, and what one can do about it.

import { element } from "../elements.js";
import { form } from "../forms.js";
import { formatInstant, formatTime } from "../format.js";
import { dayOf } from "./day.js";

const LABELS = { started_at: "start", ended_at: "end", note: "note", labels: "labels", billable: "billing", place: "project or task" };

/** From when to when, with the days where there are two. */
export function spanText({ started_at: startedAt, ended_at: endedAt }) {
  if (!endedAt) return `${formatInstant(startedAt)} until now`;
  const end = dayOf(startedAt) === dayOf(endedAt) ? formatTime(endedAt) : formatInstant(endedAt);
  return `${formatInstant(startedAt)} – ${end}`;
}

/** The time is taken by `entries`; `keep` records it all the same. */
export const askAboutOverlap = (entries, names, keep) =>
  form(
    { class: "conflict", "aria-labelledby": "overlap-title" },
    keep,
    element("h3", { id: "overlap-title", tabIndex: -1 }, "You have recorded this time already"),
    element(
      "ul",
      {},
      entries.map((entry) => element("li", {}, `${names.of(entry).what}: ${spanText(entry)}`)),
    ),
    element("p", {}, "Correct the times above, or let both count."),
    element("button", {}, "Save it although they overlap"),
  );

/** Somebody was faster; `theirs` names the fields that are not as they were. */
export const askAboutChange = (current, theirs, names, overwrite, take) => {
  const { what } = names.of(current);
  const changed = theirs.map((name) => LABELS[name]).join(", ") || "something that is not shown here";
  return form(
    { class: "conflict", "aria-labelledby": "change-title" },
    overwrite,
    element("h3", { id: "change-title", tabIndex: -1 }, "This entry was changed meanwhile"),
    element("p", {}, `Other now: ${changed}. It is ${what}: ${spanText(current)}.`),
    current.note && what !== current.note && element("p", { class: "version" }, current.note),
    element(
      "div",
      { class: "in-a-row" },
      element("button", {}, "Save mine over it"),
      element("button", { type: "button", onclick: take }, "Take what is there"),
    ),
  );
};
