// Keys that do something wherever one is, and a dialog that tells of all of them.

import { isDialogOpen, openDialog } from "./dialogs.js";
import { element } from "./elements.js";

const SETTING = "stint.keys"; // single letters can be in the way of who speaks to the computer
const EVERYWHERE = [
  ["i", "Write down a line for the inbox"],
  ["?", "Show this"],
];
const ON_THE_BOARD = [
  ["Arrow keys", "Go from task to task"],
  ["Shift + arrow keys", "Move the task"],
  ["Enter", "Open the task"],
  ["Escape", "Close what is open"],
];
const FIELDS = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";

const areOn = () => localStorage.getItem(SETTING) !== "off";

/** Listen for keys; `works` has what each does. */
export function makeKeys(works) {
  const all = { ...works, "?": open };
  document.addEventListener("keydown", onKey);
  return { open, leave: () => document.removeEventListener("keydown", onKey) };

  function onKey(event) {
    const work = all[event.key?.toLowerCase()]; // browsers that fill in a form tell of no key
    if (!work || !areOn() || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (event.target.closest?.(FIELDS) || isDialogOpen()) return;
    event.preventDefault(); // it is not typed into what opens
    work();
  }
}

function open() {
  const isOn = element("input", { type: "checkbox", checked: areOn(), onchange: () => localStorage.setItem(SETTING, isOn.checked ? "on" : "off") });
  openDialog(
    "Keys",
    element("h3", {}, "Everywhere, while you are not typing"),
    table(EVERYWHERE),
    element("label", { class: "choice" }, isOn, element("span", {}, "Use these single keys in this browser")),
    element("h3", {}, "On a board"),
    table(ON_THE_BOARD),
  );
}

const table = (rows) =>
  element(
    "dl",
    { class: "key-list" },
    rows.map(([key, meaning]) => element("div", {}, element("dt", {}, element("kbd", {}, key)), element("dd", {}, meaning))),
  );
