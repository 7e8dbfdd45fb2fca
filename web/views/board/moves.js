// Moving cards, by drag and by keyboard: to another place, and into another column.

import { post } from "../../api.js";
import { announce, complain } from "../../notices.js";
import { STATUSES, statusName } from "../../words.js";
import { dragByMouse, dropMarks } from "./drag.js";
import { dragByTouch } from "./touch.js";

const ORDER = STATUSES.map(([status]) => status);
const AFTER = "V"; // behind a position this sorts behind it, and before the next: until the server answers

/** `columnsOf` returns the columns by status, `draw` shows them anew at once. */
export function moves(board, context, columnsOf, draw) {
  const stops = new Map(); // by column: the id of the card that Tab leads to
  const underWay = new Map(); // by task: where it was put, and how many moves have no answer yet
  let queue = Promise.resolve();

  board.addEventListener("keydown", onKey);
  board.addEventListener("focusin", ({ target }) => {
    const card = target.closest(".card");
    if (card) setStop(columnOf(card), card.dataset.id);
  });
  const marks = dropMarks();
  dragByMouse(board, marks, drop);
  dragByTouch(board, marks, drop);
  return { keepTabStop, shown };

  /** A task as the board shows it: where somebody has put it, also before the server says so. */
  function shown(task) {
    const place = underWay.get(task.id);
    return place ? { ...task, status: place.status, position: place.position } : task;
  }

  function columnOf(card) {
    return columnsOf().get(card.closest(".column").dataset.status);
  }

  // Of each column one card is reached by Tab, so that a long board is not a long way.
  function keepTabStop(column) {
    const current = stops.get(column);
    const isThere = column.tasks.some(({ id }) => id === current);
    setStop(column, isThere ? current : column.tasks[0]?.id);
  }

  function setStop(column, id) {
    const linkOf = (each) => each && board.querySelector(`[data-id="${each}"] .title`);
    const before = linkOf(stops.get(column));
    if (before) before.tabIndex = -1;
    stops.set(column, id);
    const now = linkOf(id);
    if (now) now.tabIndex = 0;
  }

  function focusOn(task) {
    board.querySelector(`[data-id="${task.id}"] .title`)?.focus();
  }

  function onKey(event) {
    const card = event.target.closest(".card");
    if (!card || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const column = columnOf(card);
    const index = column.tasks.findIndex(({ id }) => id === card.dataset.id);
    const status = ORDER[ORDER.indexOf(card.closest(".column").dataset.status) + step[0]];
    if (!status) return;
    if (event.shiftKey) moveByKey(column, index, status, step);
    else goTo(column, index, status, step);
  }

  function goTo(column, index, status, [across, along]) {
    if (!across) {
      const next = column.tasks[index + along];
      if (next) focusOn(next);
      return;
    }
    const direction = Math.sign(across);
    for (let i = ORDER.indexOf(status); ORDER[i]; i += direction) {
      const { tasks } = columnsOf().get(ORDER[i]);
      if (tasks.length === 0) continue;
      focusOn(tasks[Math.min(index, tasks.length - 1)]);
      return;
    }
  }

  function moveByKey(column, index, status, [across, along]) {
    const task = column.tasks[index];
    if (across) {
      const { tasks } = columnsOf().get(status);
      to(task, status, tasks[index], tasks.at(-1));
    } else if (along < 0 && index > 0) {
      to(task, status, column.tasks[index - 1]);
    } else if (along > 0 && index < column.tasks.length - 1) {
      to(task, status, column.tasks[index + 2], column.tasks[index + 1]);
    }
  }

  /** Put a task into a column before another, or else after one. */
  function to(task, status, before, after) {
    if (!context.canWrite()) return;
    const place = before ? { before_id: before.id } : after && { after_id: after.id };
    const changes = [
      status !== task.status && { kind: "update", id: task.id, task: { status } },
      place && { kind: "move", id: task.id, to: place },
    ].filter(Boolean);
    if (changes.length === 0) return;
    const position = guess(before, after) ?? task.position;
    underWay.set(task.id, { status, position, moves: (underWay.get(task.id)?.moves ?? 0) + 1 });
    draw();
    const { tasks } = columnsOf().get(status);
    focusOn(task);
    announce(`${task.title}: ${statusName(status)}, ${tasks.findIndex(({ id }) => id === task.id) + 1} of ${tasks.length}.`);
    queue = queue.then(() => save(task, changes));
  }

  /** Return a position about there; the server's own comes with its answer. */
  function guess(before, after) {
    if (!before) return after && after.position + AFTER;
    const all = [...context.room.rows.task.values()].map((task) => shown(task).position);
    const low = all.filter((position) => position < before.position).reduce((a, b) => (a > b ? a : b), "");
    return low + AFTER < before.position ? low + AFTER : low;
  }

  async function save(task, changes) {
    const { room } = context;
    try {
      const { tasks } = await post("/tasks/bulk", { changes });
      for (const { warnings, ...row } of tasks) {
        room.put("task", row);
        if (warnings) complain(warnings.map(({ message }) => message).join(" "));
      }
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      complain(problem);
    } finally {
      const place = underWay.get(task.id);
      place.moves -= 1;
      if (place.moves === 0) underWay.delete(task.id);
    }
    draw();
  }

  function find(id) {
    const task = context.room.rows.task.get(id);
    return task && shown(task);
  }

  /** Let go of a card: before another, or else behind the last. */
  function drop(id, { column, next, last }) {
    const task = find(id);
    if (task) to(task, column.dataset.status, find(next?.dataset.id), find(last?.dataset.id));
  }
}
