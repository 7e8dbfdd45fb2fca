// What the drawer shows of a task.

import { element, setText } from "../../elements.js";
import { formatInstant } from "../../format.js";
import { checklist } from "./checklist.js";
import { comments } from "./comments.js";
import { taskForm } from "./fields.js";
import { history } from "./history.js";
import { relations } from "./relations.js";
import { timeOn } from "./time.js";

/** `askToClose`, `mayLeave` and `discard` are the drawer's. */
export function taskContent(context, task, { askToClose, mayLeave, discard }) {
  const { room } = context;
  const fields = taskForm(context, task);
  const time = timeOn(context, task);
  const lines = checklist(context, task.id);
  const related = relations(context, task.id);
  const talk = comments(context, task.id);
  const past = history(context, task.id);
  const made = element("p", { class: "hint" });
  const agent = element("p", { class: "agent" });
  const drop = element("button", { type: "button", onclick: () => discard(room.rows.task.get(task.id)) }, "Delete the task");
  const node = element(
    "div",
    { class: "task", onclick },
    element(
      "header",
      { class: "title-row" },
      element("h2", { tabIndex: -1, autofocus: true }, "Task"),
      element("button", { type: "button", class: "quiet", onclick: askToClose, "aria-label": "Close the task" }, "×"),
    ),
    agent,
    fields.node,
    time.node,
    lines.node,
    related.node,
    talk.node,
    past.node,
    element("footer", { class: "title-row" }, made, drop),
  );
  return { node, update, isDirty: fields.isDirty };

  /** Other tasks are a link away; what is not saved here is asked about first. */
  function onclick(event) {
    if (event.target.closest("a") && !mayLeave()) event.preventDefault();
  }

  function update(current, event) {
    fields.update(current);
    for (const part of [time, lines, talk, related]) part.update(current);
    if (event !== undefined) past.hear(event);
    const lease = [...room.rows.lease.values()].find((each) => each.task_id === task.id);
    agent.hidden = !lease;
    setText(agent, lease ? `${context.nameOf(lease.agent_id)} works on it. ${lease.message}` : "");
    drop.hidden = !context.canWrite();
    setText(made, `Made by ${context.nameOf(current.created_by)} on ${formatInstant(current.created_at)}.`);
  }
}
