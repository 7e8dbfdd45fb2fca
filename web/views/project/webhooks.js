// The webhooks of a project, and making one.

import { getAll, post } from "../../api.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { attemptQuietly } from "../../notices.js";
import { typeChoice, typesInWords } from "./event_types.js";
import { partOfProject } from "./part.js";
import { showSecret } from "./webhook_dialogs.js";

const WHY = {
  failing: "Off: its messages failed ten times in a row",
  gone: "Off: the receiver said that it is gone",
};

/** Whether a webhook is on, and if not, why. */
export const stateInWords = ({ active, disabled_because: reason }) => (active ? "On" : (WHY[reason] ?? "Off"));

export const ONLY_OWNERS = "Webhooks tell other services what happens in the project. Its owners see and make them.";

export function webhooksView(session, { projectId }) {
  const part = partOfProject(session, projectId, "webhooks", "Webhooks", { draw, onEvent });
  const none = element("p", { class: "hint", role: "status" });
  const list = element("ul", { class: "rows", role: "list", "aria-busy": "true" });
  const drawRows = keyedList(list, ({ id }) => id, makeRow, updateRow);
  const types = typeChoice();
  const add = form(
    { "aria-labelledby": "new-webhook" },
    async (values, made) => {
      const body = { url: values.url, event_types: types.value() };
      const webhook = await post(`/projects/${projectId}/webhooks`, body);
      made.reset();
      types.show([]);
      await load();
      showSecret(webhook);
    },
    field("Address", input("url", { type: "url", maxLength: 2000, autocomplete: "off" }), "It begins with https:// and is on the internet."),
    types.node,
    element("button", { class: "primary" }, "Make the webhook"),
  );
  const owners = element("div", { hidden: true }, none, list, element("h2", { id: "new-webhook" }, "New webhook"), add);
  const others = element("p", { hidden: true }, ONLY_OWNERS);
  part.node.append(element("h2", {}, "Webhooks"), others, owners);
  session.onOwnEvent.add(onOwnEvent);
  document.addEventListener("visibilitychange", onVisible);
  return { node: part.node, leave };

  function leave() {
    session.onOwnEvent.delete(onOwnEvent);
    document.removeEventListener("visibilitychange", onVisible);
    part.leave();
  }

  function draw() {
    const mayRead = part.isOwner();
    if (mayRead && owners.hidden) void load();
    owners.hidden = !mayRead;
    others.hidden = mayRead;
  }

  // No event tells of webhooks, besides the one that they were switched off.
  function onEvent(event) {
    if (!event && !owners.hidden) void load();
  }

  function onOwnEvent(event) {
    if (event?.type === "notification.created" && event.data.kind === "webhook_disabled") onEvent(null);
  }

  function onVisible() {
    if (!document.hidden) onEvent(null);
  }

  function load() {
    return attemptQuietly(async () => {
      const webhooks = await getAll(`/projects/${projectId}/webhooks`);
      keepFocus(() => drawRows(webhooks));
      setText(none, webhooks.length === 0 ? "There is none yet." : "");
    }).finally(() => list.removeAttribute("aria-busy"));
  }

  function makeRow({ id }) {
    return element(
      "li",
      { class: "row" },
      element("div", {}, element("a", { href: `#/projects/${projectId}/webhooks/${id}` }), element("p", { class: "hint" })),
      element("span", { class: "state" }),
    );
  }

  function updateRow(row, webhook) {
    const [what, state] = row.children;
    setText(what.firstChild, webhook.url);
    setText(what.lastChild, typesInWords(webhook.event_types));
    setText(state, stateInWords(webhook));
    state.classList.toggle("off", !webhook.active);
  }
}
