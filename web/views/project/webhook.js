// One webhook: whether it is on, what it is told, and what it was sent.

import { get, patch, post } from "../../api.js";
import { element, setText } from "../../elements.js";
import { formatInstant } from "../../format.js";
import { sayNotHere } from "../../not_here.js";
import { announce, attempt, complain } from "../../notices.js";
import { deliveryLog } from "./deliveries.js";
import { partOfProject } from "./part.js";
import { replayForm } from "./replay.js";
import { removeWebhook, rotateSecret } from "./webhook_dialogs.js";
import { webhookForm } from "./webhook_form.js";
import { ONLY_OWNERS, stateInWords } from "./webhooks.js";

export function webhookView(session, { projectId, webhookId }) {
  const part = partOfProject(session, projectId, "webhooks", "Webhook", { draw, onEvent });
  const path = `/webhooks/${webhookId}`;
  let webhook = null;
  const title = element("h2", { class: "address" }, "…");
  const state = element("p", { class: "state" });
  const rotated = element("p", { class: "hint lead" });
  const toggle = element("button", { type: "button", onclick: toggleActive });
  const button = (name, onclick) => element("button", { type: "button", onclick }, name);
  const log = deliveryLog(part, webhookId);
  const fields = webhookForm(path, take);
  const replay = replayForm(part, path, () => log.expect());
  const owners = element(
    "div",
    { hidden: true },
    title,
    state,
    rotated,
    element(
      "div",
      { class: "actions" },
      toggle,
      button("Send a ping", ping),
      button("New secret", () => rotateSecret(webhook, take)),
      button("Remove", () => removeWebhook(webhook, `#/projects/${projectId}/webhooks`)),
    ),
    element("details", { class: "change" }, element("summary", {}, "Change the address or the events"), fields.node),
    element("h2", {}, "Deliveries"),
    element("p", { class: "hint lead" }, "What it was sent in the last 30 days, newest first."),
    log.node,
    element("h2", { id: "replay" }, "Send events again"),
    replay.node,
  );
  const others = element("p", { hidden: true }, ONLY_OWNERS);
  part.node.append(others, owners);
  session.onOwnEvent.add(onOwnEvent);
  document.addEventListener("visibilitychange", onVisible);
  return { node: part.node, leave };

  function leave() {
    session.onOwnEvent.delete(onOwnEvent);
    document.removeEventListener("visibilitychange", onVisible);
    log.leave();
    part.leave();
  }

  function draw() {
    others.hidden = part.isOwner();
    if (!part.isOwner()) owners.hidden = true;
    else if (owners.hidden) void load();
    replay.update();
  }

  function onEvent(event) {
    if (!event) onVisible();
    else if (webhook?.active && (webhook.event_types.length === 0 || webhook.event_types.includes(event.type))) log.expect();
  }

  function onOwnEvent(event) {
    if (event?.type === "notification.created" && event.data.subject_id === webhookId) onVisible();
  }

  function onVisible() {
    if (!document.hidden && !owners.hidden) void load();
  }

  async function load() {
    try {
      take(await get(path));
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      if (problem.status === 404) sayNotHere(part.node, "There is no such webhook, or not any more.");
      else complain(problem);
      return;
    }
    if (owners.hidden) void log.load();
    else log.expect();
    owners.hidden = false;
  }

  function take(current) {
    if (current.version < webhook?.version) return; // an answer from before what was done meanwhile
    webhook = current;
    setText(title, webhook.url);
    setText(state, `${stateInWords(webhook)}.`);
    state.classList.toggle("off", !webhook.active);
    setText(toggle, webhook.active ? "Switch off" : "Switch on");
    const until = webhook.old_secret_until;
    const areTwo = until && Date.parse(until) > Date.now();
    rotated.hidden = !areTwo;
    if (areTwo) setText(rotated, `The secret before the last signs as well until ${formatInstant(until)}.`);
    fields.update(webhook);
  }

  function toggleActive() {
    const active = !webhook.active;
    return attempt(async () => {
      take(await patch(path, { active }));
      announce(active ? "It is on: what happens from now on is sent." : "It is off: what happens meanwhile can be sent again later.");
      log.expect();
    });
  }

  function ping() {
    return attempt(async () => {
      await post(`${path}/ping`);
      announce("A ping is sent; the log tells what becomes of it.");
      log.expect();
    });
  }
}
