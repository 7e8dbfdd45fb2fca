// The timer in the header: what runs and for how long, start, stop, and continue what was last.

import { get, post } from "../api.js";
import { element, fill, setText } from "../elements.js";
import { formatElapsed } from "../format.js";
import { announce, attempt, inBackground } from "../notices.js";
import { dayOf, today } from "./day.js";
import { openEntry } from "./entry_dialog.js";
import { entryNames } from "./entry_names.js";

export function timerView(session) {
  const names = entryNames(session);
  const listeners = new Set();
  let running = null;
  let last = null; // today's last entry, while nothing runs
  let offset = 0; // of the server's clock, in ms
  let asked = 0;
  let acted = 0;
  let shown = "";

  const note = element("input", { name: "note", maxLength: 3000, autocomplete: "off", placeholder: "What are you on?", "aria-label": "Note of the timer" });
  const resumeLast = element("button", { type: "button", class: "continue", onclick: () => resume(last) });
  const idle = element("form", { onsubmit: startNoted }, note, element("button", {}, "Start timer"), resumeLast);
  const elapsed = element("span", { class: "elapsed", role: "timer" });
  const stopIt = element("button", { type: "button", onclick: stop }, "Stop");
  const editIt = element("button", { type: "button", class: "quiet", onclick: edit, "aria-label": "Edit what runs" }, "Edit");
  const node = element("section", { class: "timer", "aria-label": "Timer", tabIndex: -1 });

  const ticking = setInterval(tick, 1000);
  session.onOwnEvent.add(onOwnEvent);
  document.addEventListener("visibilitychange", look);
  show();
  void look();
  return {
    node, start, stop, resume, look, leave, onChange: listeners,
    running: () => running,
    runsOn: (taskId) => running?.task_id === taskId,
    now: () => Date.now() + offset,
  };

  function leave() {
    clearInterval(ticking);
    session.onOwnEvent.delete(onOwnEvent);
    document.removeEventListener("visibilitychange", look);
  }

  // The timer of a project's task is told in that project's room; our own room tells by presence.
  function onOwnEvent(event) {
    if (!event || event.type === "presence" || event.type.startsWith("time_entry.")) void look();
  }

  function look() {
    if (document.hidden) return undefined;
    return inBackground(async () => {
      const mine = (asked += 1);
      const before = acted;
      const state = await read(await get("/timer"));
      if (mine !== asked) return; // a later look is under way
      if (before === acted) put(state);
      else await look(); // what was read may be from before what we did ourselves
    });
  }

  async function read(entry) {
    const [latest] = entry ? [] : await get("/time-entries?limit=1");
    const isOfToday = latest && dayOf(latest.ended_at ?? latest.started_at) === today();
    const state = { running: entry, last: isOfToday ? latest : null };
    if (state.running?.id !== running?.id) names.forget(); // a title may be another by now
    await names.learn([state.running, state.last].filter(Boolean));
    return state;
  }

  function put(state) {
    ({ running, last } = state);
    show();
    listeners.forEach((listener) => listener());
  }

  async function take(entry) {
    const state = await read(entry);
    acted += 1;
    put(state);
  }

  /** Show what runs, or what may be started; what is drawn anew loses the focus and is not. */
  function show() {
    setText(resumeLast, last ? `Continue ${names.of(last).what}` : "");
    resumeLast.hidden = !last;
    const next = running ? `${running.id} ${running.version} ${names.of(running).what}` : "idle";
    if (next === shown) return;
    shown = next;
    const hadFocus = node.contains(document.activeElement);
    fill(node, running ? [nameOf(running), elapsed, stopIt, editIt] : idle);
    if (hadFocus && !node.contains(document.activeElement)) node.focus();
    tick();
  }

  function nameOf(entry) {
    const { what } = names.of(entry);
    if (!entry.task_id) return element("span", { class: "what" }, what);
    return element("a", { class: "what", href: `#/tasks/${entry.task_id}` }, what);
  }

  function tick() {
    if (running) setText(elapsed, formatElapsed((Date.now() + offset - Date.parse(running.started_at)) / 1000));
  }

  function startNoted(event) {
    event.preventDefault();
    return startWith({ note: note.value.trim() }, "The timer runs.");
  }

  function start(task) {
    return startWith({ task_id: task.id }, `The timer runs on ${task.title}.`);
  }

  function startWith(body, said) {
    return begin(() => post("/timer/start", body), () => said);
  }

  /** Go on with what an entry was about. */
  function resume(entry) {
    return begin(
      () => post(`/time-entries/${entry.id}/continue`),
      (started) => `The timer runs on ${names.of(started).what}.`,
    );
  }

  function begin(ask, tell) {
    const isHere = node.contains(document.activeElement);
    return attempt(async () => {
      const { started } = await ask();
      offset = Date.parse(started.started_at) - Date.now();
      await take(started);
      note.value = "";
      if (isHere) stopIt.focus();
      announce(tell(started));
    });
  }

  function stop() {
    const isHere = node.contains(document.activeElement);
    return attempt(async () => {
      await post("/timer/stop");
      await take(null);
      if (isHere) node.querySelector("button").focus();
      announce("The timer is stopped.");
    });
  }

  function edit() {
    return attempt(() => openEntry(session, running, { saved: look }));
  }
}
