// The choices of a report: range, zone, whose time, and how it is added up.

import { element, setText } from "../../elements.js";
import { addOption, field, input, offer, select } from "../../forms.js";
import { zoneNames } from "../../format.js";
import { addDays } from "../../time/day.js";
import { GROUPINGS } from "./address.js";
import { BOUNDS, RANGES, today } from "./days.js";

const OTHER_DAYS = "";
const MINE = "";

/** A form that shows choices by `show`, and calls `changed(choices)` when one of them is another. */
export function choicesForm(changed) {
  let shown = null;
  let projects = [];
  const range = select("range", [...RANGES.map(([name]) => [name, name]), [OTHER_DAYS, "Other days"]]);
  const first = input("first", { type: "date", ...BOUNDS });
  const last = input("last", { type: "date", ...BOUNDS });
  const zone = select("tz", zoneNames().map((name) => [name, name.replaceAll("_", " ")]));
  const whose = select("project_id", []);
  const grouping = select("group_by", GROUPINGS);
  const agents = element("input", { type: "checkbox", name: "include" });
  const withAgents = element("label", { class: "choice" }, agents, "Count the time of agents");
  const node = element(
    "form",
    { class: "choices", "aria-label": "What the report is about", noValidate: true, onsubmit: stay, onchange },
    field("Range", range),
    field("First day", first),
    field("Last day", last),
    field("Time zone", zone),
    field("Whose time", whose),
    field("Added up by", grouping),
    withAgents,
  );
  return { node, show, showProjects };

  function stay(event) {
    event.preventDefault();
  }

  /** Offer the projects whose time one may see. */
  function showProjects(found = projects) {
    projects = found;
    const chosen = shown?.project_id ?? MINE;
    const isKnown = chosen === MINE || projects.some(({ id }) => id === chosen);
    const others = isKnown ? [] : [[chosen, "A project"]];
    offer(whose, [[MINE, "Mine"], ...others, ...projects.map(({ id, name }) => [id, name])]);
    whose.value = chosen;
  }

  function show(choices) {
    shown = choices;
    const { from, to, tz } = choices;
    const now = today(tz);
    const named = RANGES.find(([, rangeOf]) => rangeOf(now).from === from && rangeOf(now).to === to);
    range.value = named?.[0] ?? OTHER_DAYS;
    first.value = from;
    last.value = addDays(to, -1);
    addOption(zone, tz, tz);
    zone.value = tz;
    grouping.value = choices.group_by;
    agents.checked = choices.include === "agents";
    withAgents.hidden = !choices.project_id;
    showProjects();
    check();
  }

  function onchange({ target }) {
    if (target === range) choose(target.value);
    const isRight = check();
    if (!isRight) return;
    const choices = { from: first.value, to: addDays(last.value, 1), tz: zone.value, group_by: grouping.value };
    if (whose.value !== MINE) choices.project_id = whose.value;
    if (whose.value !== MINE && agents.checked) choices.include = "agents";
    show(choices);
    changed(choices);
  }

  function choose(name) {
    const [, rangeOf] = RANGES.find(([each]) => each === name) ?? [];
    if (!rangeOf) return; // which ones is for the fields to say
    const { from, to } = rangeOf(today(zone.value));
    first.value = from;
    last.value = addDays(to, -1);
  }

  /** Say beside the fields what is wrong with the days; in the browser's words where it has some. */
  function check() {
    const isTurned = first.value && last.value && last.value < first.value;
    last.setCustomValidity(isTurned ? "This is before the first day. Choose a later one." : "");
    for (const control of [first, last]) {
      setText(node.querySelector(`#${control.id}-wrong`), control.validationMessage);
      if (control.validity.valid) control.removeAttribute("aria-invalid");
      else control.setAttribute("aria-invalid", "true");
    }
    return first.validity.valid && last.validity.valid;
  }
}
