// The checklist of a task.

import { patch, post, remove } from "../api.js";
import { element, keepFocus, keyedList, setText } from "../elements.js";
import { form, input } from "../forms.js";
import { attempt } from "../notices.js";
import { byPosition } from "../words.js";

export function checklist(context, taskId) {
  const { room } = context;
  const list = element("ul", { class: "checklist", role: "list" });
  const count = element("span", { class: "count" });
  const add = form(
    { class: "in-a-row" },
    async (values, made) => {
      room.put("item", await post("/items", { ...values, task_id: taskId }));
      made.reset();
      tell();
    },
    input("name", { maxLength: 100, autocomplete: "off", placeholder: "Add a line", "aria-label": "New line of the checklist" }),
    element("button", {}, "Add line"),
  );
  const draw = keyedList(list, (item) => item.id, makeLine, updateLine);
  const node = element(
    "section",
    { "aria-labelledby": "checklist-title" },
    element("h3", { id: "checklist-title" }, "Checklist ", count),
    list,
    add,
  );
  return { node, update };

  function tell() {
    context.changed.forEach((listener) => listener(null));
  }

  function update() {
    const items = [...room.rows.item.values()].filter((item) => item.task_id === taskId).sort(byPosition);
    keepFocus(() => draw(items));
    const done = items.filter(({ status }) => status === "done").length;
    setText(count, items.length > 0 ? `${done}/${items.length}` : "");
    add.hidden = !context.canWrite();
  }

  function makeLine(item) {
    const tick = element("input", { type: "checkbox", onchange: () => toggle(item.id, tick) });
    const drop = element("button", { type: "button", class: "quiet", onclick: () => discard(item.id) }, "×");
    return element("li", {}, element("label", {}, tick, element("span")), drop);
  }

  function updateLine(line, item) {
    const [label, drop] = line.children;
    const [tick, name] = label.children;
    tick.checked = item.status === "done";
    tick.disabled = !context.canWrite();
    setText(name, item.name);
    drop.setAttribute("aria-label", `Remove ${item.name}`);
    drop.hidden = !context.canWrite();
  }

  async function toggle(id, tick) {
    const isDone = await attempt(async () => {
      room.put("item", await patch(`/items/${id}`, { status: tick.checked ? "done" : "open" }));
    });
    if (!isDone) tick.checked = !tick.checked;
    tell();
  }

  async function discard(id) {
    await attempt(async () => {
      await remove(`/items/${id}`);
      room.rows.item.delete(id);
    });
    tell();
    add.querySelector("input").focus();
  }
}
