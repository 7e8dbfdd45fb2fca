// One task on the board.

import { element, fill, setText } from "../../elements.js";
import { formatDay, formatPercent } from "../../format.js";
import { priorityName } from "../../words.js";

const initials = (name) =>
  name.split(/\s+/, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();

/** `address` is that of the board; the card's link opens the task above it. */
export function makeCard(task, address) {
  const link = element("a", { href: `${address}/tasks/${task.id}`, class: "title", tabIndex: -1 });
  link.draggable = false; // the card is
  return element(
    "li",
    { class: "card", "data-id": task.id },
    link,
    element("ul", { class: "marks", role: "list" }),
    element("div", { class: "workers" }),
  );
}

/** Show a task with what belongs to it; a card that shows this already is left alone. */
export function updateCard(card, { task, assignee, lease, agent, workers, done, total, comments }, isMovable) {
  if (card.draggable !== isMovable) card.draggable = isMovable; // to set it anew restyles each card
  const seen = JSON.stringify([
    task.version, task.title, assignee, lease?.version, agent, workers, done, total, comments,
  ]);
  if (card.seen === seen) return;
  card.seen = seen;
  const [link, marks, working] = card.children;
  setText(link, task.title);
  const isOpen = task.status === "pending" || task.status === "in_progress";
  const isLate = isOpen && task.due_at && Date.parse(task.due_at) < Date.now();
  fill(
    marks,
    task.priority !== "none" && mark(`priority ${task.priority}`, priorityName(task.priority)),
    task.due_at && mark(isLate ? "late" : "", `${isLate ? "Overdue: " : "Due "}${formatDay(task.due_at)}`),
    ...task.labels.map((label) => mark("label", label)),
    total > 0 && mark("", `${done}/${total}`, `${done} of ${total} lines of the checklist are done`),
    comments > 0 && mark("", comments === 1 ? "1 comment" : `${comments} comments`),
    assignee && mark("person", initials(assignee), `Assigned to ${assignee}`),
  );
  fill(working, lease && agentAtWork(lease, agent), workers.map((name) => element("p", {}, `${name} is on it`)));
}

function mark(kind, text, meaning) {
  if (!meaning) return element("li", { class: kind || null }, text);
  return element(
    "li",
    { class: kind || null, title: meaning },
    element("span", { "aria-hidden": "true" }, text),
    element("span", { class: "unseen" }, meaning),
  );
}

function agentAtWork({ progress, message }, name) {
  const said = [progress === null ? null : formatPercent(progress), message || null].filter(Boolean).join(" · ");
  return element("p", { class: "agent" }, `${name} works on it${said && `: ${said}`}`);
}
