// The address of a webhook and what it is told of.

import { patch } from "../../api.js";
import { element, fill } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { announce } from "../../notices.js";
import { typeChoice, typesInWords } from "./event_types.js";

/** `take(webhook)` hears of what was saved. */
export function webhookForm(path, take) {
  let base = null; // what the fields were filled from
  const url = input("url", { type: "url", maxLength: 2000, autocomplete: "off" });
  const types = typeChoice();
  const conflict = element("div");
  const node = form(
    { "aria-label": "The webhook" },
    save,
    field("Address", url),
    types.node,
    conflict,
    element("button", { class: "primary" }, "Save"),
  );
  return { node, update };

  function update(webhook) {
    if (webhook.version <= base?.version) return;
    if (base && isChanged()) return; // saving will tell
    show(webhook);
  }

  function show(webhook) {
    base = webhook;
    url.value = webhook.url;
    types.show(webhook.event_types);
    conflict.replaceChildren();
  }

  function isChanged() {
    return url.value !== base.url || !types.isShown(base.event_types);
  }

  async function save() {
    const body = { url: url.value, event_types: types.value() };
    try {
      const saved = await patch(path, body, base.version);
      show(saved);
      take(saved);
      announce("The webhook is saved.");
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      ask(problem.current);
    }
  }

  /** Somebody was faster: saving again overwrites it. */
  function ask(current) {
    base = current;
    const title = element("h3", { tabIndex: -1 }, "Somebody else has changed this meanwhile");
    const told = element(
      "dl",
      { class: "facts" },
      element("dt", {}, "Address"),
      element("dd", {}, current.url),
      element("dt", {}, "Events"),
      element("dd", {}, typesInWords(current.event_types)),
    );
    const theirs = element("button", { type: "button", onclick: () => takeTheirs(current) }, "Take theirs");
    fill(conflict, element("div", { class: "conflict" }, title, told, element("p", {}, "Save to have yours in its place."), theirs));
    title.focus();
  }

  function takeTheirs(current) {
    show(current);
    take(current);
    url.focus();
  }
}
