// Who one is: name, time zone, address, what one is told of, and deleting all that.

import { patch } from "../../api.js";
import { element, setText } from "../../elements.js";
import { addOption, field, form, input, select } from "../../forms.js";
import { formatInstant, zoneNames } from "../../format.js";
import { announce, attempt } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { addressPart } from "./address.js";
import { deletionPart } from "./deletion.js";
import { toldPart } from "./told.js";

const CLOCK_MS = 10_000;

export function profileView(session) {
  const name = input("name", { maxLength: 100, autocomplete: "name", value: session.me.name });
  const zone = select("timezone", zoneNames(session.me.timezone).map((each) => [each, each]), session.me.timezone);
  const clock = element("span");
  const address = addressPart(session);
  let shown = session.me; // what the fields were filled with
  zone.addEventListener("change", changeZone);
  session.onOwnEvent.add(update);
  const ticking = setInterval(tick, CLOCK_MS);
  const zoneField = field("Time zone", zone);
  zoneField.append(element("p", { class: "hint" }, "It is ", clock, " there. All times and days are shown so."));
  tick();
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Settings"),
    settingsPlaces("#/settings"),
    form(
      { class: "part" },
      rename,
      element("div", { class: "in-a-row" }, field("Name", name), element("button", {}, "Save the name")),
    ),
    element("div", { class: "part" }, zoneField),
    address.node,
    toldPart(),
    deletionPart(session),
  );
  return { node, leave };

  function leave() {
    clearInterval(ticking);
    session.onOwnEvent.delete(update);
  }

  function tick() {
    setText(clock, formatInstant(new Date().toISOString()));
  }

  /** Follow what was changed elsewhere; what somebody types stays. */
  function update() {
    const { me } = session;
    if (name.value === shown.name) name.value = me.name;
    if (zone.value === shown.timezone) choose(me.timezone);
    shown = me;
    address.update();
    tick();
  }

  function choose(timezone) {
    addOption(zone, timezone, timezone);
    zone.value = timezone;
  }

  async function save(fields) {
    try {
      session.learn(await patch("/users/me", fields, session.me.version));
    } catch (problem) {
      if (problem.status === 412) session.learn(problem.current); // so that the next attempt is one about that
      throw problem;
    } finally {
      update();
    }
  }

  async function rename() {
    await save({ name: name.value });
    name.value = session.me.name;
    announce("The name is saved.");
  }

  async function changeZone() {
    const isDone = await attempt(() => save({ timezone: zone.value }));
    if (!isDone) choose(session.me.timezone);
    else announce(`All times are shown in ${zone.value}.`);
  }
}
