// The checklist of a task: lines to tick off, to rename, to put in order and to make tasks of.

import { patch, post } from "../../api.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { emptied, form, input } from "../../forms.js";
import { lineOrder } from "../../line_order.js";
import { announce, attempt } from "../../notices.js";
import { removeWithUndo } from "../../undo.js";
import { byPosition } from "../../words.js";
import { editInPlace } from "./edit_in_place.js";

const NAME = { maxLength: 100, autocomplete: "off" };

export function checklist(context, taskId) {
  const { room, session } = context;
  const list = element("ul", { class: "checklist", role: "list" });
  const count = element("span", { class: "count" });
  const name = input("name", { ...NAME, placeholder: "Add a line", "aria-label": "New line of the checklist" });
  const add = form(
    { class: "in-a-row" },
    (values) => emptied(name, async () => take(await post("/items", { ...values, task_id: taskId }))),
    name,
    element("button", {}, "Add line"),
  );
  const draw = keyedList(list, (item) => item.id, makeLine, updateLine);
  const order = lineOrder(list, lines, take);
  const node = element(
    "section",
    { "aria-labelledby": "checklist-title" },
    element("h3", { id: "checklist-title" }, "Checklist ", count),
    list,
    add,
  );
  return { node, update };

  function take(item) {
    context.take("item", item);
  }

  function lines() {
    return [...room.rows.item.values()].filter((item) => item.task_id === taskId).sort(byPosition);
  }

  function update() {
    const items = lines();
    keepFocus(() => draw(items));
    const done = items.filter(({ status }) => status === "done").length;
    setText(count, items.length > 0 ? `${done}/${items.length}` : "");
    add.hidden = !context.canWrite();
  }

  function makeLine({ id }) {
    const tick = element("input", { type: "checkbox", onchange: () => toggle(id, tick) });
    const button = (kind, text, onclick) => element("button", { type: "button", class: `quiet ${kind}`, onclick }, text);
    const line = element(
      "li",
      { "data-id": id },
      order.gripFor(id),
      element("label", {}, tick, element("span")),
      button("rename", "Rename", () => beginToRename(line, id)),
      button("promote", "Make it a task", () => promote(line, id)),
      button("remove", "×", () => discard(id)),
    );
    return line;
  }

  function updateLine(line, item) {
    const [grip, { children: [tick, name] }, rename, promotion, drop] = line.children;
    tick.checked = item.status === "done";
    tick.disabled = !context.canWrite();
    setText(name, item.name);
    const labels = [
      [grip, "Move"],
      [rename, "Rename"],
      [promotion, "Make it a task:"],
      [drop, "Remove"],
    ];
    for (const [button, verb] of labels) {
      button.setAttribute("aria-label", `${verb} ${item.name}`);
      button.hidden = !context.canWrite();
    }
    promotion.hidden ||= item.promoted_task_id !== null;
  }

  async function toggle(id, tick) {
    const isDone = await attempt(async () => take(await patch(`/items/${id}`, { status: tick.checked ? "done" : "open" })));
    if (!isDone) tick.checked = !tick.checked;
  }

  function beginToRename(line, id) {
    const name = input("name", { ...NAME, value: room.rows.item.get(id).name, "aria-label": "Name of the line" });
    const properties = { class: "in-a-row" };
    editInPlace(line, { opener: ".rename", control: name, verb: "Save line", properties }, async (values, end) => {
      const saved = await patch(`/items/${id}`, values);
      end();
      take(saved);
    });
    name.select();
  }

  function promote(line, id) {
    return attempt(async () => {
      const task = await post(`/items/${id}/promote`, {});
      const item = room.rows.item.get(id);
      if (item) room.put("item", { ...item, status: "done", promoted_task_id: task.id }); // its event says more
      context.take("task", task);
      line.querySelector("input").focus();
      announce(`${task.title} is a task now, and a part of this one.`);
    });
  }

  async function discard(id) {
    const goOn = () => add.querySelector("input").focus();
    await attempt(async () => {
      await removeWithUndo(`/items/${id}`, room.rows.item.get(id).name, session.me.id, goOn);
      room.rows.item.delete(id);
      context.tell(null);
    });
    goOn();
  }
}
