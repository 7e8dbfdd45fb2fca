// A form for what others may change as well: their changes come into the fields, and what both have
// changed is asked about.

import { element, fill } from "./elements.js";
import { addOption, field, form } from "./forms.js";
import { announce } from "./notices.js";

/**
 * A form for `row`. `fields` are by name: the `label`, `control` and `hint`, `shown(row)` for what
 * the control shows of a row, `sent(value)` for what is sent for that, and `told(value)` for how
 * people read it. `send(changes, version)` returns the row that was saved; `mayChange()` says
 * whether the reader may. Take what is new with `update(row)`.
 */
export function sharedForm({ label, saved, fields, row, send, mayChange }) {
  const names = Object.keys(fields);
  const differ = (name, one, other) => fields[name].shown(one) !== fields[name].shown(other);
  const valueOf = (name) => fields[name].control.value;
  let base = row; // what the fields were filled from
  const conflict = element("div");
  const all = element(
    "fieldset",
    { class: "fields" },
    names.map((name) => {
      const made = field(fields[name].label, fields[name].control, fields[name].hint);
      made.classList.add(name.replace(".", "-"));
      return made;
    }),
    element("button", { class: "primary" }, "Save"),
  );
  const node = element("div", {}, form({ "aria-label": label }, save, all), conflict);
  show(names);
  return { node, update, isDirty: () => changedNames().length > 0 };

  function show(some) {
    for (const name of some) set(name, fields[name].shown(base));
  }

  /** What a choice does not offer any more, or not yet, it has to show all the same. */
  function set(name, value) {
    const { control, told } = fields[name];
    if (control.options) addOption(control, value, told?.(value) ?? value);
    control.value = value;
  }

  function changedNames() {
    return names.filter((name) => valueOf(name) !== fields[name].shown(base));
  }

  /** Take what is new, unless somebody else has changed the very fields that were changed here. */
  function update(current) {
    all.disabled = !mayChange() || conflict.hasChildNodes();
    if (current.version <= base.version) return;
    const mine = changedNames();
    if (mine.some((name) => differ(name, current, base))) return; // saving will ask
    base = current;
    show(names.filter((name) => !mine.includes(name)));
  }

  async function save() {
    const changed = changedNames();
    if (changed.length > 0) await sendThese(changed, base.version);
  }

  async function sendThese(some, version) {
    const sentFor = (name) => (fields[name].sent ?? String)(valueOf(name));
    const seen = new Map(names.map((name) => [name, valueOf(name)]));
    try {
      base = await send(Object.fromEntries(some.map((name) => [name, sentFor(name)])), version);
      show(names.filter((name) => valueOf(name) === seen.get(name))); // who typed on meanwhile keeps that
      conflict.replaceChildren();
      announce(saved);
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      await settle(some, problem.current);
    }
  }

  /** Somebody was faster: what only one of us has changed needs no question. */
  async function settle(mine, current) {
    const isAsked = (name) => differ(name, current, base) && valueOf(name) !== fields[name].shown(current);
    const asked = mine.filter(isAsked);
    base = current;
    show(names.filter((name) => !mine.includes(name)));
    if (asked.length > 0) ask(asked, current);
    else await sendThese(mine, current.version);
  }

  function ask(asked, current) {
    const choices = form(
      { class: "conflict", "aria-labelledby": "conflict-title" },
      async (values) => {
        for (const name of asked) if (values[name] === "theirs") set(name, fields[name].shown(current));
        conflict.replaceChildren();
        update(base);
        fields[asked[0]].control.focus();
        await save();
      },
      element("h3", { id: "conflict-title", tabIndex: -1 }, "Somebody else has changed this meanwhile"),
      asked.map((name) => choice(name, valueOf(name), fields[name].shown(current))),
      element("button", { class: "primary" }, "Save what is chosen"),
    );
    fill(conflict, choices);
    update(base);
    choices.querySelector("h3").focus();
  }

  function choice(name, mine, theirs) {
    const told = (value) => (fields[name].told?.(value) ?? value) || "nothing";
    const option = (value, whose, text) =>
      element(
        "label",
        { class: "choice" },
        element("input", { type: "radio", name, value, checked: value === "mine" }),
        element("span", {}, element("strong", {}, whose), element("span", { class: "version" }, told(text))),
      );
    return element(
      "fieldset",
      {},
      element("legend", {}, fields[name].label),
      option("mine", "Yours", mine),
      option("theirs", "Theirs", theirs),
    );
  }
}
