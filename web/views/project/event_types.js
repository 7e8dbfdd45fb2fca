// Which events a webhook is told of: all, or some, by kind.

import { Problem } from "../../api.js";
import { element, fill } from "../../elements.js";

const KINDS = [
  ["task", "Tasks", ["created", "updated", "moved", "deleted", "restored"]],
  ["lease", "Work of agents", ["created", "updated", "ended"]],
  ["item", "Checklists", ["created", "updated", "deleted", "restored"]],
  ["comment", "Comments", ["created", "updated", "deleted", "restored"]],
  [
    "time_entry",
    "Time",
    ["created", "imported", "started", "stopped", "updated", "moved", "deleted", "restored"],
  ],
  ["member", "Members", ["added", "updated", "removed", "claimed"]],
  ["project", "The project", ["created", "updated", "deleted", "restored"]],
];

/** All types that may happen in a project. */
export const OFFERED = KINDS.flatMap(([kind, , verbs]) => verbs.map((verb) => `${kind}.${verb}`));

/** As one tells what a webhook is told of. */
export function typesInWords(types) {
  if (types.length === 0) return "All events";
  const kinds = KINDS.map(([kind, name, verbs]) => [name, verbs.filter((verb) => types.includes(`${kind}.${verb}`))]);
  const told = kinds.filter(([, verbs]) => verbs.length > 0).map(([name, verbs]) => `${name}: ${verbs.join(", ")}`);
  return [...told, ...types.filter((type) => !OFFERED.includes(type))].join("; ");
}

/**
 * A choice of types: `show(types)` sets it, `isShown(types)` compares it, `value()` returns it and
 * throws a problem where nothing is chosen.
 */
export function typeChoice(types = []) {
  let others = []; // that are not offered here, but were chosen elsewhere
  const all = element("input", { type: "checkbox", onchange: toggle });
  const boxes = new Map(OFFERED.map((type) => [type, element("input", { type: "checkbox", onchange: mark })]));
  const groups = KINDS.map(makeGroup);
  const some = element("div", { class: "kinds" }, groups.map(({ node }) => node));
  const node = element(
    "fieldset",
    { class: "types" },
    element("legend", {}, "Events"),
    labelled(all, "All events, also kinds that are new in later versions"),
    some,
  );
  show(types);
  return { node, value, show, isShown };

  function makeGroup([kind, name, verbs]) {
    const mine = verbs.map((verb) => boxes.get(`${kind}.${verb}`));
    const whole = element("input", { type: "checkbox", onchange: () => choose(mine, whole.checked) });
    const node = element(
      "fieldset",
      {},
      element("legend", {}, labelled(whole, name)),
      verbs.map((verb, i) => labelled(mine[i], verb)),
    );
    return { node, whole, mine };
  }

  function choose(mine, isChosen) {
    for (const box of mine) box.checked = isChosen;
    mark();
  }

  function toggle() {
    some.hidden = all.checked;
  }

  function mark() {
    for (const { whole, mine } of groups) {
      const count = mine.filter(({ checked }) => checked).length;
      whole.checked = count === mine.length;
      whole.indeterminate = count > 0 && count < mine.length;
    }
  }

  function show(chosen) {
    all.checked = chosen.length === 0;
    for (const [type, box] of boxes) box.checked = chosen.includes(type);
    others = chosen.filter((type) => !boxes.has(type));
    toggle();
    mark();
  }

  function chosenNow() {
    return [...boxes.keys()].filter((type) => boxes.get(type).checked).concat(others);
  }

  function isShown(types) {
    if (all.checked) return types.length === 0;
    return String(chosenNow().sort()) === String([...types].sort());
  }

  function value() {
    if (all.checked) return [];
    const chosen = chosenNow();
    if (chosen.length === 0) throw new Problem({ code: "none", detail: "Choose at least one event, or all of them." });
    return chosen;
  }
}

const labelled = (box, text) => fill(element("label", { class: "check" }), box, element("span", {}, text));
