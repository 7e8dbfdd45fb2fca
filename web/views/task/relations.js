// The tasks that a task has to do with: what it is a part of, its own parts, what it waits for.

import { element, fill } from "../../elements.js";
import { byPosition, statusName } from "../../words.js";
import { blockersForm } from "./blockers.js";

export function relations(context, taskId) {
  const heading = element("h3", { id: "relations-title", tabIndex: -1 }, "Related tasks");
  const list = element("dl");
  const blockers = blockersForm(context, taskId);
  const node = element("section", { "aria-labelledby": heading.id, class: "relations" }, heading, list, blockers.node);
  let shown = "";
  return { node, update };

  function update(task) {
    const all = [...context.room.rows.task.values()];
    const known = (ids) => ids.map((id) => context.room.rows.task.get(id)).filter(Boolean);
    const groups = [
      ["Part of", known([task.parent_id].filter(Boolean))],
      ["Parts", all.filter((each) => each.parent_id === taskId).sort(byPosition)],
      ["Waits for", known(task.blocked_by), context.canWrite() && blockers.remover],
      ["Holds up", all.filter((each) => each.blocked_by.includes(taskId)).sort(byPosition)],
    ].filter(([, tasks]) => tasks.length > 0);
    blockers.update(task);
    node.hidden = groups.length === 0 && blockers.node.hidden;
    const told = groups.map(([name, tasks, remover]) => [name, tasks.map(({ id, title, status }) => [id, title, status]), Boolean(remover)]);
    const next = JSON.stringify(told);
    if (next === shown) return; // what is drawn anew loses the focus
    shown = next;
    fill(list, groups.map(groupOf));
  }

  function groupOf([name, tasks, remover]) {
    const lines = tasks.map((task) => element("dd", {}, linkTo(task), remover && remover(task, () => heading.focus())));
    return element("div", {}, element("dt", {}, name), lines);
  }

  function linkTo({ id, title, status }) {
    return [
      element("a", { href: `${context.address}/tasks/${id}`, class: status }, title),
      element("span", { class: "hint" }, ` ${statusName(status)}`),
    ];
  }
}
