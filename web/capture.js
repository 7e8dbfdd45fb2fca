// Writing down a line for the inbox, from wherever one is.

import { post } from "./api.js";
import { openDialog } from "./dialogs.js";
import { element, setText } from "./elements.js";
import { emptied, field, form, input } from "./forms.js";
import { formatNumber } from "./format.js";

const LINE_MAX = 100; // of the API
const LIMIT = `At most ${LINE_MAX} characters; more goes into its description.`;

/** Take the server's answer into the inbox, ahead of the event that says so. */
export function takeItem(session, item) {
  session.own.room.put("item", item);
  session.tell({ type: "item.put", subject: item.id, data: item });
}

/** A field for a line, which is not cut when it is too long; beside it stands by how much it is. */
export function lineField(label, properties = {}) {
  const control = input("name", { autocomplete: "off", oninput: count, ...properties });
  const node = field(label, control, LIMIT);
  const hint = node.querySelector(".hint");
  hint.setAttribute("role", "status");
  return { node, control, count };

  function count() {
    const over = [...control.value.trim()].length - LINE_MAX;
    const text = over > 0 ? `Too long by ${formatNumber(over)}: a line has at most ${LINE_MAX} characters.` : "";
    control.setCustomValidity(text);
    control.toggleAttribute("aria-invalid", over > 0);
    if (over > 0) control.setAttribute("aria-invalid", "true");
    hint.classList.toggle("over", over > 0);
    setText(hint, text || LIMIT);
  }
}

/** A line and a button; after each it waits for the next one. */
export function captureForm(session, properties = {}) {
  const said = element("p", { class: "said", role: "status" });
  const line = lineField("Line for the inbox", properties);
  const made = form(
    { class: "capture-form", "aria-label": "Capture" },
    (values) =>
      emptied(line.control, async () => {
        line.count();
        const item = await post("/items", values);
        takeItem(session, item);
        line.control.focus();
        setText(said, `In the inbox: ${item.name}`);
      }).finally(line.count),
    line.node,
    element("button", { class: "primary" }, "Write it down"),
  );
  return element("div", {}, made, said);
}

export function openCapture(session) {
  const hint = element("p", { class: "hint" }, "Enter writes it down and waits for the next one; Escape closes.");
  openDialog("Capture", captureForm(session, { autofocus: true }), hint);
}
