// A task in a drawer beside the board.

import { element } from "../../elements.js";
import { attempt, complain } from "../../notices.js";
import { removeWithUndo } from "../../undo.js";
import { taskContent } from "./content.js";

/** The drawer of a board; `show` opens it on a task, or with null closes it. */
export function taskDrawer(context) {
  const { session, address, changed } = context;
  const node = element("dialog", { class: "drawer", "aria-label": "Task", oncancel, onclose });
  let wanted = null; // the id of the task that the address names
  let content = null;
  let discarded = null; // the id of the task that is on its way into the trash
  const onTimer = () => onChange();
  changed.add(onChange);
  session.timer.onChange.add(onTimer);
  return { node, show, leave: () => session.timer.onChange.delete(onTimer) };

  function show(taskId) {
    if (taskId === wanted) return;
    wanted = taskId;
    discarded = null;
    if (node.open) node.close();
    empty();
    onChange();
  }

  /** Take the task away; what is being said stays, which may be in here. */
  function empty() {
    content?.node.remove();
    content = null;
  }

  /** Without an event, nothing has happened in the room. */
  function onChange(event) {
    const { room } = context;
    if (!wanted || room.seq === null) return;
    const task = room.rows.task.get(wanted);
    if (!task) {
      if (discarded !== wanted) complain("This task is not here any more.");
      goAway();
      return;
    }
    if (!content) {
      content = taskContent(context, task, { askToClose, mayLeave, discard });
      node.prepend(content.node);
      node.showModal();
    }
    content.update(task, event);
  }

  function goAway() {
    nameBoard();
    wanted = null;
    if (node.open) node.close();
  }

  function discard({ id, title }) {
    const card = document.querySelector(`.card[data-id="${id}"]`);
    const next = (card?.nextElementSibling ?? card?.previousElementSibling)?.querySelector(".title");
    return attempt(async () => {
      discarded = id;
      try {
        await removeWithUndo(`/tasks/${id}`, title, session.me.id, focusOnBoard);
        context.room.rows.task.delete(id);
      } finally {
        if (context.room.rows.task.has(id)) discarded = null;
      }
      if (wanted === id) goAway();
      context.tell(null);
      if (next?.isConnected) next.focus();
      else focusOnBoard();
    });
  }

  function focusOnBoard() {
    document.querySelector("#main h1").focus();
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
    if (event.target !== node || node.open) return; // or opened on another task already
    empty();
    nameBoard();
  }

  /** Who is on the way to another view, which may take a while to come, goes on. */
  function nameBoard() {
    if (wanted && location.hash.endsWith(wanted)) location.hash = address;
  }
}
