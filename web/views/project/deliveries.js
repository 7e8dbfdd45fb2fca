// The log of what a webhook was sent; it keeps up while something is under way.

import { get, getPage, post } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element, setText } from "../../elements.js";
import { formatInstant, formatNumber } from "../../format.js";
import { pagedList } from "../../lists.js";
import { announce, attempt } from "../../notices.js";

const TICK_MS = 2_000;
const EXPECTING_MS = 15_000; // within that an event has its delivery, or nobody sends any

const numbered = ({ type, seq }) => (seq === null ? type : `${type} #${formatNumber(seq)}`);

function outcome({ status, attempts, next_attempt_at: next, answer_status: answered }) {
  if (status === "delivered") return `Delivered, ${answered}`;
  if (status === "failed") return answered ? `Failed, ${answered}` : "Failed";
  const isNow = attempts === 0 || Date.parse(next) < Date.now() + TICK_MS;
  return isNow ? "On its way" : `Again ${formatInstant(next)}`;
}

const attemptsInWords = (count) => (count === 1 ? "1 attempt" : `${formatNumber(count)} attempts`);

export function deliveryLog(part, webhookId) {
  const path = `/webhooks/${webhookId}/deliveries`;
  const known = new Map(); // by id: the delivery as it is shown, and its node
  const onlyFailed = element("input", { type: "checkbox", onchange: () => list.load() });
  const list = pagedList(() => (onlyFailed.checked ? `${path}?status=failed` : path), makeRow, "There is nothing.");
  const node = element("div", { "aria-busy": "true" }, element("label", { class: "check" }, onlyFailed, element("span", {}, "Only what failed")), list.node);
  let expectedUntil = 0;
  let isReading = false;
  const ticking = setInterval(() => isUnderWay() && void refresh(), TICK_MS);
  return { node, load, expect, leave: () => clearInterval(ticking) };

  function load() {
    return list.load().finally(() => node.removeAttribute("aria-busy"));
  }

  /** Something is about to be sent. */
  function expect() {
    expectedUntil = Date.now() + EXPECTING_MS;
  }

  function isUnderWay() {
    if (document.hidden || onlyFailed.checked || !list.node.isConnected) return false;
    const isSoon = ({ delivery, node: row }) =>
      row.isConnected && delivery.status === "pending" && Date.parse(delivery.next_attempt_at) < Date.now() + TICK_MS;
    return Date.now() < expectedUntil || [...known.values()].some(isSoon);
  }

  /** Read the first page again; rows that are there stay, and so does the focus. */
  async function refresh() {
    if (isReading) return;
    isReading = true;
    try {
      const { rows } = await getPage(path);
      const places = list.node.querySelector("ol");
      const isShown = ({ id }) => known.get(id)?.node.isConnected;
      if (!rows.some(isShown)) {
        if (rows.length > 0) await list.load();
        return;
      }
      for (const row of rows.filter(isShown)) update(row);
      for (const row of rows.filter((each) => !isShown(each)).reverse()) places.prepend(makeRow(row));
    } catch (problem) {
      if (!problem.isProblem) throw problem; // without a connection the page says so elsewhere
    } finally {
      isReading = false;
    }
  }

  function makeRow(delivery) {
    const open = element("button", { type: "button", onclick: () => show(delivery.id) }, "Open");
    const node = element(
      "li",
      { class: "row delivery" },
      element("div", {}, element("p", {}, numbered(delivery)), element("p", { class: "hint" })),
      element("span", { class: "state" }),
      open,
    );
    open.setAttribute("aria-label", `Open ${numbered(delivery)} of ${formatInstant(delivery.created_at)}`);
    known.set(delivery.id, { node });
    update(delivery);
    return node;
  }

  function update(delivery) {
    const { node } = known.get(delivery.id);
    const [what, state] = node.children;
    known.set(delivery.id, { node, delivery });
    setText(what.lastChild, `${formatInstant(delivery.created_at)} · ${attemptsInWords(delivery.attempts)}`);
    setText(state, outcome(delivery));
    state.dataset.status = delivery.status;
  }

  function show(id) {
    return attempt(async () => {
      const delivery = await get(`/deliveries/${id}`);
      if (known.get(id)?.node.isConnected) update(delivery);
      const event = element("pre", { tabIndex: 0, "aria-label": "What it says", role: "region" }, await textOf(delivery));
      const again = element("button", { type: "button", class: "primary", onclick: redeliver }, "Send it again");
      const dialog = openDialog(numbered(delivery), facts(delivery), element("h3", {}, "What it says"), event, again);

      async function redeliver() {
        dialog.close();
        await attempt(async () => {
          update(await post(`/deliveries/${id}/redeliver`));
          announce("It is sent again; the log tells what becomes of it.");
          expect();
        });
      }
    });
  }

  /** A message is the event as the room has it; that is not kept for ever. */
  async function textOf({ seq }) {
    if (seq === null) return "A ping says nothing but that it is one.";
    const [event] = await get(`/rooms/${part.room.name}/events?since=${seq - 1}&limit=1`);
    return event?.seq === seq ? JSON.stringify(event, null, 2) : "The event is not kept any more.";
  }
}

function facts(delivery) {
  const instant = (iso) => iso && formatInstant(iso);
  const rows = [
    ["State", outcome(delivery)],
    ["Happened", instant(delivery.created_at)],
    ["Attempts", formatNumber(delivery.attempts)],
    ["Last attempt", instant(delivery.last_attempt_at)],
    ["Next attempt", instant(delivery.next_attempt_at)],
    ["It took", delivery.ms !== null && `${formatNumber(delivery.ms)} ms`],
    ["Status of the answer", delivery.answer_status && String(delivery.answer_status)],
    ["Why there was none", delivery.error],
    ["Answer", delivery.answer],
    ["webhook-id", delivery.id],
  ];
  return element(
    "dl",
    { class: "facts" },
    rows.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
  );
}
