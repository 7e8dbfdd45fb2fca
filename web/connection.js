// The WebSocket: keeps copies of rooms right, also after the connection was lost.

import { clientId, get, post } from "./api.js";
import { makeRoom } from "./room.js";

const PAUSE_MS = [200, 20_000];
const PING_MS = 20_000;
const SILENCE_MS = 10_000; // after a ping; then nobody is there any more

/** What the page may say of the connection. */
export const State = Object.freeze({
  CONNECTED: "connected",
  CATCHING_UP: "catching up",
  OFFLINE: "offline",
});

/**
 * Follow rooms over one WebSocket, and over the next when that is lost.
 *
 * `onState` hears one of `State` whenever it changes. A follower hears of each change of its room:
 * `onChange(event)` after an event, `onChange(null)` when everything may be another, `onPresence()`
 * when people or agents came, went or turned to something else, and `onRefused(detail)` when the
 * room may not be read.
 */
export function connect(onState) {
  const followed = new Map(); // by the name of the room: { room, follower, isOpen }
  let socket = null;
  let state = null;
  let failures = 0;
  let timer = 0;
  let stopped = false;

  addEventListener("online", openNow);
  addEventListener("offline", hangUp);
  const heartbeat = setInterval(ping, PING_MS);
  open();
  return { follow, stop };

  function tell(next) {
    if (next === state || stopped) return;
    state = next;
    onState(state);
  }

  function tellProgress() {
    const all = [...followed.values()];
    tell(all.every((each) => each.isOpen) ? State.CONNECTED : State.CATCHING_UP);
  }

  function follow(name, follower) {
    const entry = { room: makeRoom(name), follower, isOpen: false };
    followed.set(name, entry);
    if (socket?.isWelcome) void subscribe(entry);
    return {
      room: entry.room,
      stop() {
        if (followed.get(name) !== entry) return;
        followed.delete(name);
        say({ type: "unsubscribe", room: name });
      },
    };
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    clearInterval(heartbeat);
    removeEventListener("online", openNow);
    removeEventListener("offline", hangUp);
    socket?.close();
  }

  function openNow() {
    if (socket) return;
    clearTimeout(timer);
    failures = 0;
    open();
  }

  async function open() {
    const mine = { isWelcome: false, close: () => {} };
    socket = mine; // taken, so that nobody opens another meanwhile
    try {
      const { ticket } = await post("/ws/tickets");
      if (stopped || socket !== mine) return;
      const url = new URL(`ws/${clientId}`, document.baseURI.split("#")[0]);
      url.protocol = url.protocol.replace("http", "ws");
      socket = new WebSocket(url, ["stint.v1", `ticket.${ticket}`]);
      socket.onmessage = ({ data }) => receive(JSON.parse(data));
      socket.onclose = lost;
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      if (problem.status === 401) return; // the page hears of it elsewhere
      if (socket === mine) lost();
    }
  }

  function lost() {
    socket = null;
    for (const entry of followed.values()) entry.isOpen = false;
    if (stopped) return;
    tell(State.OFFLINE);
    failures += 1;
    const [low, high] = PAUSE_MS;
    const most = Math.min(high, low * 2 ** failures);
    timer = setTimeout(open, low + Math.random() * (most - low));
  }

  /** Give up a socket at once: a browser may take minutes to notice that nobody is there. */
  function hangUp() {
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    lost();
  }

  function ping() {
    if (socket?.readyState !== WebSocket.OPEN) return;
    say({ type: "ping" });
    const asked = socket;
    asked.silence ??= setTimeout(() => socket === asked && hangUp(), SILENCE_MS);
  }

  function say(message) {
    if (socket?.isWelcome) socket.send(JSON.stringify(message));
  }

  async function subscribe(entry) {
    const { room } = entry;
    const opening = socket;
    if (room.seq === null && !(await load(entry, opening))) return;
    if (socket === opening) say({ type: "subscribe", room: room.name, since: room.seq, epoch: room.epoch });
  }

  /** Load a snapshot; false where there is none, or nobody wants it any more. */
  async function load(entry, opening) {
    const { room, follower } = entry;
    const isFollowed = () => followed.get(room.name) === entry;
    let snapshot;
    try {
      snapshot = await get(`/rooms/${room.name}/snapshot`);
    } catch (problem) {
      if (!problem.isProblem) throw problem;
      if (!isFollowed()) return false;
      if (problem.status === 403 || problem.status === 404) refuse(entry, problem.detail);
      else if (socket === opening) hangUp();
      return false;
    }
    if (!isFollowed()) return false;
    if (room.seq !== null) return true; // one for another socket was faster, and events came after it
    room.load(snapshot);
    follower.onChange(null);
    return true;
  }

  function startOver(entry) {
    entry.room.seq = null;
    entry.isOpen = false;
    tellProgress();
    void subscribe(entry);
  }

  function refuse(entry, detail) {
    followed.delete(entry.room.name);
    entry.follower.onRefused?.(detail);
    tellProgress();
  }

  function receive(message) {
    clearTimeout(socket.silence);
    socket.silence = null;
    if (message.type === "welcome") {
      socket.isWelcome = true;
      failures = 0;
      tellProgress();
      for (const entry of followed.values()) void subscribe(entry);
      return;
    }
    const entry = followed.get(message.event?.room ?? message.room);
    if (entry) receiveInRoom(entry, message);
  }

  function receiveInRoom(entry, message) {
    const { room, follower } = entry;
    switch (message.type) {
      case "event":
        if (room.seq === null) break; // what a snapshot on its way does not have comes once more after it
        if (room.apply(message.event)) follower.onChange(message.event);
        else startOver(entry);
        break;
      case "subscribed":
        if (message.outcome === "resync_required") {
          startOver(entry);
          break;
        }
        entry.isOpen = true;
        room.present = new Map(message.present.map((each) => [each.connection_id, each]));
        follower.onPresence?.();
        tellProgress();
        break;
      case "presence":
        message.gone.forEach((id) => room.present.delete(id));
        message.present.forEach((each) => room.present.set(each.connection_id, each));
        follower.onPresence?.();
        break;
      case "revoked":
        refuse(entry, "You may no longer read this.");
        break;
      case "error":
        if (message.code === "not_found") refuse(entry, message.detail);
        else hangUp();
        break;
    }
  }
}
