// The time that a task took: the timer, the sum, and each entry.

import { element, keyedList, setText } from "../../elements.js";
import { formatDuration, formatInstant, formatNumber, formatSpan } from "../../format.js";

export function timeOn(context, task) {
  const { timer } = context.session;
  const button = element("button", { type: "button", onclick: toggle });
  const sum = element("span", { class: "hint" });
  const summary = element("summary");
  const list = element("ol", { class: "entries", role: "list" });
  const details = element("details", { hidden: true, ontoggle: update }, summary, list);
  const draw = keyedList(list, (entry) => entry.id, makeEntry, updateEntry);
  const node = element("section", { "aria-label": "Time" }, element("div", { class: "time" }, button, sum), details);
  return { node, update };

  function toggle() {
    return timer.runsOn(task.id) ? timer.stop() : timer.start(task);
  }

  function update() {
    setText(button, timer.runsOn(task.id) ? "Stop the timer" : "Start the timer");
    const entries = [...context.room.rows.time_entry.values()].filter((entry) => entry.task_id === task.id);
    const seconds = entries.reduce((total, entry) => total + (entry.seconds ?? 0), 0);
    setText(sum, seconds > 0 ? `${formatDuration(seconds)} until now` : "");
    setText(summary, entries.length === 1 ? "1 entry" : `${formatNumber(entries.length)} entries`);
    details.hidden = entries.length === 0;
    if (details.open) draw(entries.sort((a, b) => (a.started_at < b.started_at ? 1 : -1)));
  }

  function makeEntry() {
    return element("li", {}, element("strong"), element("span"), element("span", { class: "number" }));
  }

  function updateEntry(line, { user_id: userId, started_at: from, ended_at: to, seconds, note }) {
    const [who, when, long] = line.children;
    setText(who, context.nameOf(userId));
    setText(when, [to ? formatSpan(from, to) : `since ${formatInstant(from)}`, note].filter(Boolean).join(" · "));
    setText(long, to ? formatDuration(seconds) : "runs");
  }
}
