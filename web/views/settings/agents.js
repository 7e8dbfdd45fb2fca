// One's own agents: made, switched off and on, and given tokens.

import { getAll, patch, post } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { formatInstant } from "../../format.js";
import { announce, attempt, inBackground } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { askForToken } from "./new_token.js";
import { showOnce } from "./shown_once.js";

const LOOK_MS = 30_000; // what an agent is doing follows from the time as well
const STATES = {
  working: "Working",
  waiting: "Waiting for an answer",
  stale: "Not heard of for a while",
  idle: "Idle",
  offline: "Offline",
};
// What work takes, and nothing that is for those who run a project or an account.
const WORKING_SCOPES = ["tasks:write", "projects:read", "time:write", "rooms:read"];

export function agentsView(session) {
  let agents = [];
  const once = element("div");
  const list = element("ul", { class: "rows", role: "list", "aria-labelledby": "agents-title" });
  const none = element("p", { class: "hint", hidden: true }, "You have no agent yet.");
  const draw = keyedList(list, ({ id }) => id, makeRow, updateRow);
  const make = element("button", { type: "button", class: "primary", onclick: askForAgent }, "New agent");
  const looking = setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  session.onOwnEvent.add(onOwnEvent);
  void load();
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { id: "agents-title", tabIndex: -1 }, "Agents"),
    settingsPlaces("#/settings/agents"),
    element("p", {}, "Software that works beside people. Take an agent into a project there, under Members."),
    once,
    make,
    none,
    list,
  );
  return { node, leave };

  function leave() {
    clearInterval(looking);
    document.removeEventListener("visibilitychange", look);
    session.onOwnEvent.delete(onOwnEvent);
  }

  function look() {
    if (!document.hidden) void load();
  }

  function onOwnEvent(event) {
    if (event?.type.startsWith("agent.")) void load();
  }

  function load() {
    return inBackground(async () => {
      agents = await getAll("/agents?owner=me");
      keepFocus(() => draw(agents));
      none.hidden = agents.length > 0;
    });
  }

  function makeRow({ id }) {
    const current = () => agents.find((agent) => agent.id === id);
    return element(
      "li",
      { class: "row" },
      element("div", {}, element("strong"), element("p", { class: "hint" })),
      element(
        "div",
        { class: "in-a-row" },
        element("button", { type: "button", onclick: () => giveToken(current()) }, "New token"),
        element("button", { type: "button", onclick: () => flip(current()) }),
      ),
    );
  }

  function updateRow(row, agent) {
    const { name, kind, is_active: isOn } = agent;
    const [give, turn] = row.querySelectorAll("button");
    const state = isOn ? STATES[agent.state] : "Switched off";
    const seen = agent.last_seen_at ? `last heard of ${formatInstant(agent.last_seen_at)}` : "never heard of";
    setText(row.querySelector("strong"), name);
    setText(row.querySelector(".hint"), `${state}; ${kind}; ${seen}`);
    give.setAttribute("aria-label", `New token for ${name}`);
    give.disabled = !isOn;
    setText(turn, isOn ? "Switch off" : "Switch on");
    turn.setAttribute("aria-label", `Switch ${isOn ? "off" : "on"} ${name}`);
  }

  // Its tokens end with it: there is no way back but new ones, so the version has to be that shown.
  function flip({ id, name, version, is_active: isOn }) {
    return attempt(async () => {
      try {
        await patch(`/agents/${id}`, { is_active: !isOn }, version);
        announce(isOn ? `${name} is switched off; its tokens work no more.` : `${name} is switched on; give it a token.`);
      } finally {
        await load();
      }
    });
  }

  function giveToken({ id, name }) {
    const made = ({ token }) =>
      showOnce(once, {
        title: `A token for ${name}`,
        text: "It is shown only now. The agent sends it as “Authorization: Bearer …”.",
        lines: [token],
        kept: () => make.focus(),
      });
    const path = `/agents/${id}/tokens`;
    return attempt(() => askForToken({ path, title: `New token for ${name}`, chosen: WORKING_SCOPES, made }));
  }

  function askForAgent() {
    const dialog = openDialog(
      "New agent",
      form(
        {},
        async (values) => {
          const agent = await post("/agents", values);
          dialog.close();
          await load();
          announce(`${agent.name} is there; give it a token.`);
        },
        field("Name", input("name", { maxLength: 100, autocomplete: "off" })),
        field("Kind", input("kind", { maxLength: 50, autocomplete: "off", value: "script" }), "What it is, in your words: script, ci, llm …"),
        element("button", { class: "primary" }, "Make the agent"),
      ),
    );
    dialog.querySelector("input").focus();
  }
}
