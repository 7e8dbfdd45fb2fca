// The timer in the header: what runs and for how long, start and stop.

import { get, post } from "../api.js";
import { element, fill, setText } from "../elements.js";
import { formatElapsed } from "../format.js";
import { announce, attempt } from "../notices.js";

export function timerView(session) {
  let running = null;
  let title = "";
  let offset = 0; // of the server's clock, in ms
  const elapsed = element("span", { class: "elapsed", role: "timer" });
  const node = element("section", { class: "timer", "aria-label": "Timer" });
  const ticking = setInterval(tick, 1000);
  const listeners = new Set();
  session.onOwnEvent.add(onOwnEvent);
  document.addEventListener("visibilitychange", look);
  show();
  void look();
  return { node, start, stop, look, onChange: listeners, runsOn: (taskId) => running?.task_id === taskId, leave };

  function leave() {
    clearInterval(ticking);
    session.onOwnEvent.delete(onOwnEvent);
    document.removeEventListener("visibilitychange", look);
  }

  // The timer of a project's task is told in that project's room; our own room tells by presence.
  function onOwnEvent(event) {
    if (!event || event.type.startsWith("time_entry.")) void look();
  }

  function look() {
    if (document.hidden) return undefined;
    return attempt(async () => take(await get("/timer")));
  }

  async function take(entry) {
    const isSame = entry?.id === running?.id && entry?.version === running?.version;
    running = entry;
    if (isSame) return; // what is drawn anew loses the focus
    if (entry) title = entry.task_id ? (await get(`/tasks/${entry.task_id}`)).title : "";
    show();
    listeners.forEach((listener) => listener());
  }

  function show() {
    if (!running) {
      const begin = element("button", { type: "button", onclick: () => start(null) }, "Start timer");
      fill(node, begin);
      return;
    }
    const what = title || running.note || "No task";
    const name = running.task_id ? element("a", { href: `#/tasks/${running.task_id}` }, what) : element("span", {}, what);
    name.classList.add("what");
    fill(node, name, elapsed, element("button", { type: "button", onclick: stop }, "Stop"));
    tick();
  }

  function tick() {
    if (!running) return;
    const seconds = (Date.now() + offset - Date.parse(running.started_at)) / 1000;
    setText(elapsed, formatElapsed(seconds));
  }

  function start(task) {
    return attempt(async () => {
      const { started } = await post("/timer/start", task ? { task_id: task.id } : {});
      offset = Date.parse(started.started_at) - Date.now();
      await take(started);
      announce(task ? `The timer runs on ${task.title}.` : "The timer runs.");
    });
  }

  function stop() {
    return attempt(async () => {
      await post("/timer/stop");
      await take(null);
      node.querySelector("button").focus();
      announce("The timer is stopped.");
    });
  }
}
