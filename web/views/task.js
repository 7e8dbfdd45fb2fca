// A task in a drawer beside the board: its fields, time, checklist and comments.

import { element, fill, setText } from "../elements.js";
import { formatDuration, formatInstant } from "../format.js";
import { complain } from "../notices.js";
import { checklist } from "./checklist.js";
import { comments } from "./comments.js";
import { taskForm } from "./task_form.js";

/** The drawer of a board; `show` opens it on a task, or with null closes it. */
export function taskDrawer(context) {
  const { session, address, changed } = context;
  const node = element("dialog", { class: "drawer", "aria-label": "Task", oncancel, onclose });
  let wanted = null; // the id of the task that the address names
  let content = null;
  changed.add(onChange);
  session.timer.onChange.add(onChange);
  return { node, show, leave: () => session.timer.onChange.delete(onChange) };

  function show(taskId) {
    if (taskId === wanted) return;
    wanted = taskId;
    if (node.open) node.close();
    content = null;
    onChange();
  }

  function onChange() {
    const { room } = context;
    if (!wanted || room.seq === null) return;
    const task = room.rows.task.get(wanted);
    if (!task) {
      wanted = null;
      if (node.open) node.close();
      else location.hash = address;
      complain("This task is not here any more.");
      return;
    }
    if (!content) {
      content = makeContent(context, task, askToClose);
      fill(node, content.node);
      node.showModal();
    }
    content.update(task);
  }

  function askToClose() {
    if (mayLeave()) node.close();
  }

  function oncancel(event) {
    if (event.target === node && !mayLeave()) event.preventDefault();
  }

  function mayLeave() {
    return !content?.isDirty() || confirm("Close the task without saving what you have changed?");
  }

  function onclose(event) {
    if (event.target !== node) return;
    content = null;
    node.replaceChildren();
    if (wanted && location.hash.endsWith(wanted)) location.hash = address;
  }
}

function makeContent(context, task, close) {
  const { session, room } = context;
  const fields = taskForm(context, task);
  const lines = checklist(context, task.id);
  const talk = comments(context, task.id);
  const timer = element("button", { type: "button", onclick: toggleTimer });
  const time = element("span", { class: "hint" });
  const made = element("p", { class: "hint" });
  const agent = element("p", { class: "agent" });
  const node = element(
    "div",
    { class: "task" },
    element(
      "header",
      { class: "title-row" },
      element("h2", { tabIndex: -1, autofocus: true }, "Task"),
      element("button", { type: "button", class: "quiet", onclick: close, "aria-label": "Close the task" }, "×"),
    ),
    agent,
    fields.node,
    element("div", { class: "time" }, timer, time),
    lines.node,
    talk.node,
    made,
  );
  return { node, update, isDirty: fields.isDirty };

  function toggleTimer() {
    return session.timer.runsOn(task.id) ? session.timer.stop() : session.timer.start(task);
  }

  function update(current) {
    fields.update(current);
    lines.update();
    talk.update();
    const lease = [...room.rows.lease.values()].find((each) => each.task_id === task.id);
    agent.hidden = !lease;
    setText(agent, lease ? `${context.nameOf(lease.agent_id)} works on it. ${lease.message}` : "");
    setText(timer, session.timer.runsOn(task.id) ? "Stop the timer" : "Start the timer");
    const entries = [...room.rows.time_entry.values()].filter((entry) => entry.task_id === task.id);
    const seconds = entries.reduce((sum, entry) => sum + (entry.seconds ?? 0), 0);
    setText(time, seconds > 0 ? `${formatDuration(seconds)} until now` : "");
    setText(made, `Made by ${context.nameOf(current.created_by)} on ${formatInstant(current.created_at)}.`);
  }
}
