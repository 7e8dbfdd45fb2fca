// A dialog to correct a time entry, or to add one by hand.

import { get, patch, post } from "../api.js";
import { openDialog } from "../dialogs.js";
import { element, fill } from "../elements.js";
import { fromWallClock, toWallClock } from "../format.js";
import { field, form, input, listOf, select } from "../forms.js";
import { announce } from "../notices.js";
import { entryNames } from "./entry_names.js";
import { placeFields } from "./place.js";
import { askAboutChange, askAboutOverlap } from "./questions.js";

const YES_OR_NO = [["yes", "Billable"], ["no", "Not billable"]];

/** What the fields show of an entry; of them only those that differ are sent. */
const shownOf = (entry) => ({
  started_at: toWallClock(entry.started_at),
  ended_at: toWallClock(entry.ended_at),
  note: entry.note,
  labels: entry.labels.join(", "),
  billable: entry.billable ? "yes" : "no",
  place: JSON.stringify([entry.project_id, entry.task_id]),
});

/**
 * Open the dialog on an entry, or on none, with `defaults` for its start and end. `saved` hears of
 * the entry; `others` are those beside it, whose ends it may touch.
 */
export async function openEntry(session, entry, { saved = () => {}, others = [], defaults } = {}) {
  const names = entryNames(session);
  if (entry) await names.learn([entry]);
  const place = await placeFields(session, names, entry);
  const isRunning = entry && !entry.ended_at;
  let base = entry; // what the fields were filled from
  const controls = {
    started_at: input("started_at", { type: "datetime-local", autofocus: true }),
    ended_at: input("ended_at", { type: "datetime-local" }),
    note: element("textarea", { name: "note", rows: 2, maxLength: 3000 }),
    labels: input("labels", { required: false, autocomplete: "off" }),
    billable: select("billable", entry ? YES_OR_NO : [["", "As the project has it"], ...YES_OR_NO]),
  };
  const question = element("div");
  const ends = isRunning
    ? element("p", { class: "hint ends" }, "It runs: stop the timer to set its end.")
    : field("End", controls.ended_at);
  const fields = form(
    { class: "fields", "aria-label": "Fields of the entry" },
    () => {
      question.replaceChildren();
      return save({});
    },
    field("Start", controls.started_at, `In the time zone of your account: ${session.me.timezone}`),
    ends,
    whole(field("Note", controls.note)),
    place.nodes,
    field("Labels", controls.labels, "With commas between them"),
    field("Billing", controls.billable),
    element("button", { class: "primary" }, entry ? "Save" : "Add it"),
  );
  await show(entry);
  const dialog = openDialog(entry ? "Correct an entry" : "Add an entry", fields, question);

  async function show(current) {
    const shown = current ? shownOf(current) : { started_at: toWallClock(defaults.started_at), ended_at: toWallClock(defaults.ended_at), note: "", labels: "", billable: "" };
    for (const [name, control] of Object.entries(controls)) control.value = shown[name];
    if (current) await place.show(current);
  }

  /** What was changed in the fields since they were filled. */
  function changes() {
    const shown = base ? shownOf(base) : {};
    const isNew = (name) => controls[name].value !== (shown[name] ?? "");
    const body = {};
    if (isNew("started_at")) body.started_at = touching(controls.started_at.value, others.map(({ ended_at: end }) => end));
    if (isNew("ended_at") && !isRunning) body.ended_at = touching(controls.ended_at.value, others.map(({ started_at: start }) => start));
    if (isNew("note")) body.note = controls.note.value;
    if (isNew("labels")) body.labels = listOf(controls.labels.value);
    if (isNew("billable")) body.billable = controls.billable.value === "yes";
    const { project_id: projectId, task_id: taskId } = place.value();
    if (JSON.stringify([projectId, taskId]) !== shown.place) Object.assign(body, place.value());
    return body;
  }

  async function save(more, version = base?.version) {
    const body = { ...changes(), ...more };
    if (entry && Object.keys(body).length === 0) {
      dialog.close();
      return;
    }
    try {
      const done = entry ? await patch(`/time-entries/${entry.id}`, body, version) : await post("/time-entries", body);
      dialog.close();
      announce("The entry is saved.");
      saved(done);
    } catch (problem) {
      await settle(problem, more, version);
    }
  }

  async function settle(problem, more, version) {
    if (problem.code === "empty_time_entry") problem.message = "An entry ends after it starts: correct the start or the end.";
    if (problem.code === "time_overlap" && problem.conflicting_ids) {
      const found = await Promise.all(problem.conflicting_ids.map((id) => get(`/time-entries/${id}`)));
      await names.learn(found);
      ask(askAboutOverlap(found, names, () => save({ ...more, allow_overlap: true }, version)));
    } else if (problem.status === 412) {
      const { current } = problem;
      await names.learn([current]);
      const theirs = Object.keys(shownOf(current)).filter((name) => shownOf(current)[name] !== shownOf(base)[name]);
      ask(askAboutChange(current, theirs, names, () => save(more, current.version), () => take(current)));
    } else {
      throw problem;
    }
  }

  function ask(asked) {
    fill(question, asked);
    asked.querySelector("h3").focus();
  }

  async function take(current) {
    base = current;
    await show(current);
    question.replaceChildren();
    controls.started_at.focus();
  }
}

/**
 * The instant of a wall clock without seconds; where another entry ends or starts in that very
 * minute, that instant: who types 10:30 after what ended at 10:30:27 means no overlap.
 */
function touching(wallClock, edges) {
  return edges.find((edge) => edge && toWallClock(edge) === wallClock) ?? fromWallClock(wallClock);
}

function whole(node) {
  node.classList.add("description"); // as wide as the form
  return node;
}
