// By which ways one is told of what.

import { get, patch } from "../../api.js";
import { element, fill } from "../../elements.js";
import { announce, attempt, attemptQuietly } from "../../notices.js";

const KINDS = [
  ["assigned", "A task is given to you"],
  ["mentioned", "Somebody mentions you"],
  ["due_soon", "A task of yours is due soon"],
  ["overdue", "A task of yours is overdue"],
  ["timer_long", "Your timer runs for long"],
  ["invited", "You are taken into a project"],
  ["agent_finished", "An agent has finished a task"],
  ["agent_failed", "An agent has failed"],
  ["export_ready", "An archive is ready"],
  ["webhook_disabled", "A webhook was switched off"],
  ["message", "Somebody writes to you"],
];
const CHANNELS = [
  ["in_app", "Here"],
  ["email", "By letter"],
  ["digest", "Daily letter"],
];

export function toldPart() {
  const rows = element("tbody");
  const head = CHANNELS.map(([, name]) => element("th", { scope: "col", class: "tick" }, name));
  const table = element(
    "table",
    { "aria-labelledby": "told-title" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "When"), head)),
    rows,
  );
  fill(rows, KINDS.map(([kind, text]) => makeRow(kind, text, null)));
  void attemptQuietly(async () => {
    const { kinds } = await get("/users/me/notification-preferences");
    fill(rows, KINDS.map(([kind, text]) => makeRow(kind, text, kinds[kind])));
  });
  return element(
    "section",
    { class: "part", "aria-labelledby": "told-title" },
    element("h2", { id: "told-title" }, "What you are told of"),
    element(
      "p",
      { class: "hint" },
      "Letters go to an address that you have confirmed. The daily one comes at 8 o’clock, with what you have not read by then.",
    ),
    element("div", { class: "scrolled" }, table),
  );

  /** Before it is known what is chosen there is nothing to tick, and as much room. */
  function makeRow(kind, text, chosen) {
    const cells = CHANNELS.map(([channel, name]) => {
      const tick = element("input", {
        type: "checkbox", checked: chosen?.[channel], disabled: !chosen,
        "aria-label": `${text}: ${name}`, onchange: () => choose(kind, channel, tick),
      });
      return element("td", { class: "tick" }, tick);
    });
    return element("tr", {}, element("th", { scope: "row" }, text), cells);
  }

  // No version goes along: it says what this one is to be, and nothing about the others.
  async function choose(kind, channel, tick) {
    const wanted = { kinds: { [kind]: { [channel]: tick.checked } } };
    const isDone = await attempt(() => patch("/users/me/notification-preferences", wanted));
    if (isDone) announce("Saved.");
    else tick.checked = !tick.checked;
  }
}
