// What concerns oneself: what is not read yet, live, and what was.

import { post } from "../api.js";
import { element, keepFocus, keyedList, onceAFrame, setText } from "../elements.js";
import { formatInstant, formatNumber } from "../format.js";
import { pagedList } from "../lists.js";
import { learnPeople, learnProjects, personName, projectName } from "../names.js";
import { announce, attempt, attemptQuietly } from "../notices.js";
import { placeOf, sentenceOf } from "../notification_words.js";

const KEPT = "Notifications are kept for 90 days.";

export function notificationsView(session) {
  const unread = () => session.own.room.rows.notification; // another Map after each snapshot
  const count = element("span", { class: "count" });
  const heading = element("h2", { id: "unread-title", tabIndex: -1 }, "Not read yet ", count);
  const list = element("ol", { class: "rows notifications", role: "list", "aria-busy": "true", "aria-labelledby": "unread-title" });
  const none = element("p", { class: "hint", hidden: true }, "You have read everything.");
  const readAll = element("button", { type: "button", hidden: true, onclick: markAll }, "Mark all as read");
  const read = pagedList(
    "/notifications?unread=false",
    (row) => element("li", { "data-id": row.id }, told(row)),
    `What you have read is listed here. ${KEPT}`,
    { "aria-labelledby": "read-title" },
    learn,
  );
  const draw = keyedList(list, (row) => row.id, makeRow, () => {});
  const loadRead = onceAFrame(() => void read.load());
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Notifications"),
    element("div", { class: "title-row apart" }, heading, readAll),
    list,
    none,
    element("h2", { id: "read-title" }, "Read"),
    read.node,
  );
  let asked = 0;
  const projects = attemptQuietly(() => learnProjects(session));
  session.onOwnEvent.add(onOwnEvent);
  void show();
  void read.load();
  return { node, leave: () => session.onOwnEvent.delete(onOwnEvent) };

  function onOwnEvent(event) {
    if (event && !event.type.startsWith("notification.")) return;
    void show();
    if (event?.type !== "notification.created") loadRead();
  }

  async function learn(rows) {
    await Promise.all([projects, learnPeople(session, rows.map((row) => [row.actor_id, row.project_id]))]);
  }

  async function show() {
    const mine = (asked += 1);
    if (session.own.room.seq === null) return; // comes with the first event
    await learn([...unread().values()]);
    if (mine !== asked) return;
    const rows = [...unread().values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    keepFocus(() => draw(rows));
    list.removeAttribute("aria-busy");
    setText(count, rows.length > 0 ? formatNumber(rows.length) : "");
    readAll.hidden = rows.length === 0;
    none.hidden = rows.length > 0;
  }

  function makeRow(row) {
    const button = element("button", { type: "button", onclick: () => mark(row, line) }, "Mark as read");
    button.setAttribute("aria-label", `Mark as read: ${said(row)}`);
    const line = element("li", { class: "row", "data-id": row.id }, told(row, () => void attemptQuietly(() => markNow(row))), button);
    return line;
  }

  /** What is said of a notification; `opened` hears when somebody goes to what it is about. */
  function told(row, opened = () => {}) {
    const [address, name] = placeOf(row) ?? [];
    const project = projectName(session, row.project_id);
    const about = row.title || name;
    return element(
      "div",
      {},
      element("p", {}, sentenceOf(row, personName(session, row.actor_id))),
      about && element("p", { class: "about" }, address ? element("a", { href: address, onclick: opened }, about) : about),
      row.message && element("p", { class: "message" }, row.message),
      element(
        "p",
        { class: "hint" },
        project && project !== row.title && `${project} · `,
        element("time", { dateTime: row.created_at }, formatInstant(row.created_at)),
      ),
    );
  }

  function said(row) {
    return [sentenceOf(row, personName(session, row.actor_id)), row.title].filter(Boolean).join(": ");
  }

  async function mark(row, line) {
    const next = (line.nextElementSibling ?? line.previousElementSibling)?.querySelector("a, button") ?? heading;
    if (await attempt(() => markNow(row))) {
      next.focus();
      announce("It is marked as read.");
    }
  }

  /** Mark it, and let everything here know before its event comes. */
  async function markNow(row) {
    const answer = await post(`/notifications/${row.id}/read`);
    unread().delete(row.id);
    session.tell({ type: "notification.read", subject: row.id, data: answer });
  }

  async function markAll() {
    await attempt(async () => {
      const { count: number } = await post("/notifications/read-all");
      unread().clear();
      session.tell({ type: "notification.read", data: {} });
      heading.focus();
      announce(number === 1 ? "One notification is marked as read." : `${formatNumber(number)} notifications are marked as read.`);
    });
  }
}
