// What is around every view: where one can go, the timer, the connection, who is signed in.

import { openCapture } from "./capture.js";
import { State } from "./connection.js";
import { element, fill, setText } from "./elements.js";
import { formatNumber } from "./format.js";
import { makeKeys } from "./keys.js";
import { learnPeople, personName } from "./names.js";
import { announce } from "./notices.js";
import { sentenceOf } from "./notification_words.js";
import { timerView } from "./time/timer.js";

// Views that are not below the address of their place.
const BELOW = { "#/": /^#\/($|personal|projects)/, "#/settings": /^#\/(settings|import)/ };
const PLACES = [
  ["#/", "Projects"],
  ["#/inbox", "Inbox"],
  ["#/time", "Time"],
  ["#/reports", "Reports"],
  ["#/notifications", "Notifications"],
  ["#/trash", "Trash"],
  ["#/settings", "Settings"],
];

const STATE_TEXTS = {
  [State.CONNECTED]: "Connected",
  [State.CATCHING_UP]: "Catching up",
  [State.OFFLINE]: "Offline",
};
const OFFLINE_ADVICE = "You see what was there; changes have to wait until the connection is back.";

export function frame(session) {
  const stateName = element("span");
  const advice = element("span", { class: "advice" });
  const state = element("p", { class: "connection", role: "status" }, stateName, advice);
  const view = element("div", { id: "view" });
  const name = element("span", { class: "name" }, session.me.name);
  const unread = element("span", { class: "count" });
  const links = new Map(PLACES.map(([address, name]) => [address, element("a", { href: address }, name)]));
  links.get("#/notifications").append(" ", unread);
  session.timer = timerView(session);
  const keys = makeKeys({ i: () => openCapture(session) });
  session.onOwnEvent.add(onOwnEvent);
  const nodes = [
    element("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    element(
      "header",
      { class: "top" },
      element("a", { class: "brand", href: "#/" }, "Stint"),
      element(
        "div",
        { class: "ways" },
        element("nav", { class: "places", "aria-label": "Views" }, ...links.values()),
        element(
          "div",
          { class: "account" },
          name,
          element("button", { type: "button", class: "quiet keys-button", onclick: keys.open, "aria-keyshortcuts": "?", title: "What keys do (?)" }, "Keys"),
          element("button", { type: "button", class: "quiet", onclick: session.signOut }, "Sign out"),
        ),
      ),
      element("div", { class: "work" }, session.timer.node, captureButton()),
      state,
    ),
    view,
  ];
  return { nodes, show, showConnection, showName, leave };

  function show(node, address) {
    fill(view, node);
    for (const [place, link] of links) {
      const isHere = BELOW[place]?.test(address) ?? address.startsWith(place);
      if (!isHere) {
        link.removeAttribute("aria-current");
        continue;
      }
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "center" }); // they do not all fit on a telephone
    }
  }

  function showConnection(next) {
    setText(stateName, STATE_TEXTS[next]);
    setText(advice, next === State.OFFLINE ? OFFLINE_ADVICE : "");
    document.body.dataset.connection = next.replace(" ", "-");
  }

  function onOwnEvent(event) {
    countUnread();
    if (event?.type === "notification.created") void tellOf(event.data);
  }

  /** Say it to whoever cannot see the number. */
  async function tellOf(notification) {
    await learnPeople(session, [[notification.actor_id, notification.project_id]]);
    const sentence = sentenceOf(notification, personName(session, notification.actor_id));
    announce(`New notification. ${sentence}${notification.title && `: ${notification.title}`}.`);
  }

  function showName(next) {
    setText(name, next);
  }

  function countUnread() {
    const count = session.own.room.rows.notification.size;
    setText(unread, count > 0 ? formatNumber(count) : "");
    unread.title = count > 0 ? "Not read yet" : "";
  }

  function captureButton() {
    const about = { title: "Write down a line for the inbox (i)", "aria-keyshortcuts": "i" };
    return element("button", { type: "button", class: "capture", onclick: () => openCapture(session), ...about }, "Capture");
  }

  function skip(event) {
    event.preventDefault(); // the address names the view
    view.querySelector("h1")?.focus();
  }

  function leave() {
    session.onOwnEvent.delete(onOwnEvent);
    session.timer.leave();
    keys.leave();
    delete document.body.dataset.connection;
  }
}
