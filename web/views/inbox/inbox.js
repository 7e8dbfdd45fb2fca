// The inbox: lines captured on the way, to be done, put in order or made tasks of.

import { patch } from "../../api.js";
import { captureForm, takeItem } from "../../capture.js";
import { element, fill, keepFocus, keyedList, onceAFrame, setText } from "../../elements.js";
import { formatNumber } from "../../format.js";
import { lineOrder } from "../../line_order.js";
import { announce, attempt } from "../../notices.js";
import { removeWithUndo } from "../../undo.js";
import { byPosition } from "../../words.js";
import { openPromotion, openWording } from "./dialogs.js";

const CHANGED = "It was changed meanwhile; look at it again before you do this.";

export function inboxView(session) {
  const { room } = session.own;
  const nodes = new Map(); // lines by the id of their item: they may change lists
  const count = element("span", { class: "count" });
  const open = makeList("To do");
  const order = lineOrder(open.node, () => lines("open"), take);
  const done = makeList("Done");
  const doneCount = element("span", { class: "count" });
  const rest = element("details", { class: "done-lines", hidden: true }, element("summary", {}, "Done ", doneCount), done.node);
  const hint = element("p", { class: "hint" });
  const capture = captureForm(session);
  const said = capture.querySelector(".said");
  const node = element(
    "main",
    { id: "main", class: "wide inbox" },
    element("h1", { tabIndex: -1 }, "Inbox ", count),
    capture,
    hint,
    open.node,
    rest,
  );
  const redraw = onceAFrame(draw);
  session.onOwnEvent.add(onOwnEvent);
  if (room.seq !== null) draw();
  return { node, leave: () => session.onOwnEvent.delete(onOwnEvent) };

  function onOwnEvent(event) {
    if (!event || event.type.startsWith("item.")) redraw();
  }

  function makeList(label) {
    const list = element("ol", { class: "rows", role: "list", "aria-label": label });
    return { node: list, draw: keyedList(list, ({ id }) => id, lineOf, updateLine) };
  }

  function lines(status) {
    const mine = (item) => item.task_id === null && item.created_by === session.me.id;
    return [...room.rows.item.values()].filter((item) => mine(item) && item.status === status).sort(byPosition);
  }

  function draw() {
    const [todo, finished] = [lines("open"), lines("done")];
    for (const id of nodes.keys()) if (!room.rows.item.has(id)) nodes.delete(id);
    keepFocus(() => {
      open.draw(todo);
      done.draw(finished);
    });
    setText(count, todo.length > 0 ? formatNumber(todo.length) : "");
    setText(doneCount, formatNumber(finished.length));
    rest.hidden = finished.length === 0;
    setText(hint, todo.length === 0 ? "Nothing is waiting. What comes to mind, you can write down from every view: Capture above, or the key i." : "");
  }

  function lineOf({ id }) {
    if (!nodes.has(id)) nodes.set(id, makeLine(id));
    return nodes.get(id);
  }

  function makeLine(id) {
    const tick = element("input", { type: "checkbox", onchange: () => toggle(id, tick) });
    const button = (text, work) => element("button", { type: "button", class: "quiet", onclick: work }, text);
    return element(
      "li",
      { class: "row" },
      element("div", {}, element("label", {}, tick, element("span")), element("div", { class: "subject" })),
      element(
        "div",
        { class: "actions" },
        button("↑", () => order.step(id, -1)),
        button("↓", () => order.step(id, 1)),
        button("Edit", () => openWording(room.rows.item.get(id), take)),
        button("Make a task", () => attempt(() => openPromotion(room.rows.item.get(id), (task) => promoted(id, task)))),
        button("Delete", () => discard(id)),
      ),
    );
  }

  function updateLine(line, item) {
    const seen = `${item.version} ${item.status} ${item.promoted_task_id}`;
    if (line.seen === seen) return;
    line.seen = seen;
    const [[label, about], actions] = [line.children[0].children, line.children[1].children];
    label.children[0].checked = item.status === "done";
    setText(label.children[1], item.name);
    fill(
      about,
      item.description && element("p", { class: "hint" }, item.description),
      item.promoted_task_id && element("p", { class: "hint" }, element("a", { href: `#/tasks/${item.promoted_task_id}` }, "The task made of it")),
    );
    const [up, down, change, promote, discarding] = actions;
    up.setAttribute("aria-label", `Move up: ${item.name}`);
    down.setAttribute("aria-label", `Move down: ${item.name}`);
    for (const button of [change, promote, discarding]) button.setAttribute("aria-label", `${button.textContent}: ${item.name}`);
    const isOpen = item.status === "open";
    for (const button of [up, down]) button.hidden = !isOpen;
    promote.hidden = !isOpen || Boolean(item.promoted_task_id);
  }

  /** Take the server's answer, ahead of its event. */
  function take(item) {
    takeItem(session, item);
    draw();
  }

  async function toggle(id, tick) {
    const { name } = room.rows.item.get(id);
    const next = beside(id);
    const isDone = await attempt(async () => take(await patch(`/items/${id}`, { status: tick.checked ? "done" : "open" })));
    if (!isDone) {
      tick.checked = !tick.checked;
      return;
    }
    announce(`${name}: ${tick.checked ? "done" : "to do"}.`);
    focusOn(next);
  }

  function promoted(id, task) {
    const next = beside(id);
    room.put("item", { ...room.rows.item.get(id), status: "done", promoted_task_id: task.id });
    draw();
    fill(said, "Now a task: ", element("a", { href: `#/tasks/${task.id}` }, task.title));
    focusOn(next);
  }

  async function discard(id) {
    const { name, version } = room.rows.item.get(id);
    const next = beside(id);
    await attempt(async () => {
      try {
        await removeWithUndo(`/items/${id}`, name, session.me.id, redraw, { version });
      } catch (problem) {
        if (problem.status === 412) problem.message = CHANGED;
        throw problem;
      }
      room.rows.item.delete(id);
      draw();
      focusOn(next);
    });
  }

  /** The line to go to when this one goes away. */
  function beside(id) {
    const line = nodes.get(id);
    return line.nextElementSibling ?? line.previousElementSibling;
  }

  function focusOn(line) {
    (line?.isConnected ? line : capture).querySelector("input").focus();
  }
}
