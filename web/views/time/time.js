// The time of a day: its entries, what they add up to, and correcting them by hand.

import { element, keepFocus, keyedList, onceAFrame, setText } from "../../elements.js";
import { formatCalendarDay, formatDuration } from "../../format.js";
import { attempt, complain, inBackground } from "../../notices.js";
import { addDays, dayOf, doOverlap, isOn, secondsOf, spanOf, today } from "../../time/day.js";
import { openEntry } from "../../time/entry_dialog.js";
import { entryNames } from "../../time/entry_names.js";
import { removeWithUndo } from "../../undo.js";
import { tellWhenSlow } from "../../waiting.js";
import { readEntries } from "./entries.js";
import { makeRow, showTime, updateRow } from "./entry_row.js";

const HOUR_MS = 3_600_000;
const LOOK_MS = 10_000; // the entries of projects are told in the rooms of these, which are not open here
const UNREAD = "The entries of this day could not be read; they come when the connection is back.";

export function timeView(session) {
  const names = entryNames(session);
  const rows = new Map(); // nodes by the id of their entry
  let day = "";
  let known = ""; // the day whose entries are there
  let span = null;
  let entries = [];
  let asked = 0;

  const heading = element("h2", { id: "day" });
  const total = element("p", { class: "total" });
  const hint = element("p", { class: "hint" });
  const pick = element("input", { type: "date", "aria-label": "Day", onchange: () => pick.value && go(pick.value) });
  const toToday = element("button", { type: "button", onclick: () => go(today()) }, "Today");
  const list = element("ol", { class: "rows entries", role: "list", "aria-labelledby": "day" });
  const add = element("button", { type: "button", class: "primary", onclick: addEntry }, "Add an entry");
  const draw = keyedList(list, ({ id }) => id, rowOf, (node, entry) => updateRow(node, entry, names.of(entry), span, now()));
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("div", { class: "title-row" }, element("h1", { tabIndex: -1 }, "Time"), add),
    element(
      "div",
      { class: "days", role: "group", "aria-label": "Choose a day" },
      element("button", { type: "button", onclick: () => go(addDays(day, -1)), "aria-label": "Previous day" }, "‹"),
      pick,
      element("button", { type: "button", onclick: () => go(addDays(day, 1)), "aria-label": "Next day" }, "›"),
      toToday,
    ),
    element("div", { class: "day-head" }, heading, total),
    hint,
    list,
  );

  const load = onceAFrame(() => inBackground(read));
  const ticking = setInterval(tick, 1000);
  const looking = setInterval(look, LOOK_MS);
  session.onOwnEvent.add(onOwnEvent);
  session.timer.onChange.add(load);
  return { node, show, leave };

  function leave() {
    clearInterval(ticking);
    clearInterval(looking);
    session.onOwnEvent.delete(onOwnEvent);
    session.timer.onChange.delete(load);
  }

  /** Show the day that the address names, or today. */
  function show() {
    const wanted = new URLSearchParams(location.hash.split("?")[1]).get("day") ?? "";
    const isDay = /^\d{4}-\d\d-\d\d$/.test(wanted) && !Number.isNaN(Date.parse(wanted));
    void turnTo(isDay ? wanted : today());
  }

  function go(wanted) {
    location.hash = wanted === today() ? "#/time" : `#/time?day=${wanted}`;
    if (day !== wanted) void turnTo(wanted);
  }

  async function turnTo(wanted) {
    if (wanted === day) return;
    day = wanted;
    pick.value = day;
    toToday.disabled = day === today();
    setText(heading, formatCalendarDay(day));
    const isRead = await tellWhenSlow(() => inBackground(read), () => wait(wanted, "Loading …"));
    if (!isRead) wait(wanted, UNREAD);
  }

  /** While nothing is known of the wanted day, that of another one is not shown. */
  function wait(wanted, said) {
    if (day !== wanted || known === wanted) return;
    known = "";
    put([]);
    setText(hint, said);
  }

  function onOwnEvent(event) {
    if (!event) names.forget();
    if (!event || event.type.startsWith("time_entry.") || event.type.startsWith("task.")) load();
  }

  /** The timer tells us when it has looked. */
  function look() {
    void session.timer.look();
  }

  function now() {
    return session.timer.now();
  }

  async function read() {
    const mine = (asked += 1);
    const wanted = spanOf(day);
    const ofDay = await readEntries(wanted, session.timer.running(), now());
    await names.learn(ofDay);
    if (mine !== asked) return; // another day, or a later state of this one
    known = day;
    span = wanted;
    put(ofDay);
  }

  function put(next) {
    entries = next;
    keepFocus(() => draw(entries));
    for (const id of rows.keys()) if (!entries.some((entry) => entry.id === id)) rows.delete(id);
    tell();
  }

  function rowOf(entry) {
    if (!rows.has(entry.id)) rows.set(entry.id, makeRow(entry, { resume, edit, discard }));
    return rows.get(entry.id);
  }

  function tell() {
    const seconds = entries.reduce((sum, entry) => sum + secondsOf(entry, span, now()).counted, 0);
    setText(total, entries.length > 0 ? `${formatDuration(seconds)} in all` : "");
    const said = entries.length === 0 ? "Nothing is recorded on this day. Start the timer above, or add an entry for what you have done." : doOverlap(entries, now()) ? "Some entries overlap; the time of each counts." : "";
    setText(hint, said);
  }

  function tick() {
    const isToday = location.hash === "#/time";
    if (isToday && day !== today()) void turnTo(today()); // midnight
    const running = entries.find((entry) => !entry.ended_at);
    if (!running) return;
    showTime(rows.get(running.id), running, span, now());
    tell();
  }

  function byId(id) {
    return entries.find((entry) => entry.id === id);
  }

  function resume(id) {
    return session.timer.resume(byId(id)).then(load);
  }

  function edit(id) {
    const others = entries.filter((entry) => entry.id !== id);
    return attempt(() => openEntry(session, byId(id), { saved, others }));
  }

  /** Offer the time since the last entry, or the last hour; on other days the first hour of work. */
  function addEntry() {
    const at = Math.min(now(), spanOf(day).start + 10 * HOUR_MS);
    const end = day === today() ? now() : at;
    const ended = entries.map((entry) => Date.parse(entry.ended_at ?? entry.started_at)).filter((ms) => ms < end);
    const since = day === today() ? Math.max(0, ...ended) : 0;
    const start = since && end - since > 60_000 ? since : end - HOUR_MS;
    const defaults = { started_at: new Date(start).toISOString(), ended_at: new Date(end).toISOString() };
    return attempt(() => openEntry(session, null, { saved, others: entries, defaults }));
  }

  function saved(entry) {
    if (!isOn(entry, spanOf(day), now())) complain(`The entry is on another day: ${formatCalendarDay(dayOf(entry.started_at))}.`);
    load();
    void session.timer.look();
  }

  async function discard(id, row) {
    const entry = byId(id);
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".actions button:last-child") ?? add;
    const { what } = names.of(entry);
    const isDone = await attempt(async () => {
      try {
        await removeWithUndo(`/time-entries/${id}`, entry.note, session.me.id, load, { version: entry.version, name: what });
      } catch (problem) {
        if (problem.status === 412) problem.message = "It was changed meanwhile: look at it again, and delete it then.";
        throw problem;
      }
    });
    if (isDone) next.focus();
    await inBackground(read);
    void session.timer.look();
  }
}
