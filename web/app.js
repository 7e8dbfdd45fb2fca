// The page: finds out who is signed in, and shows the view that the address names.

import { get, onSignedOut, post } from "./api.js";
import { connect } from "./connection.js";
import { closeDialog } from "./dialogs.js";
import { fill } from "./elements.js";
import { setZone } from "./format.js";
import { frame } from "./frame.js";
import { attempt, complain, hush } from "./notices.js";
import { notThere, onItsWay } from "./stand_ins.js";
import { viewAt } from "./views.js";
import { letterView } from "./views/coming_in/letters.js";
import { secondFactor } from "./views/coming_in/second_factor.js";
import { forgottenPassword, signIn, signUp } from "./views/coming_in/sign_in.js";
import { tellWhenSlow } from "./waiting.js";

const STRANGERS = { "#/sign-up": signUp, "#/forgotten-password": forgottenPassword };

const page = document.querySelector("#page");
let session = null; // who is signed in, and what they share with all views
let shown = null; // the view: { name, node, show(taskId), leave() }, or { standsFor, node } until it is there

onSignedOut(over);
addEventListener("hashchange", () => void route());
void start();

async function start() {
  const letter = letterView(location.hash);
  if (letter) {
    history.replaceState(null, "", location.pathname); // not for whoever looks at the screen
    showAlone(letter);
    return;
  }
  const half = halfSignedIn();
  if (half) {
    history.replaceState(null, "", location.pathname);
    showAlone(secondFactor(half, signedIn));
    return;
  }
  try {
    beginSession(await get("/users/me"));
  } catch (problem) {
    if (!problem.isProblem) throw problem;
    if (problem.status !== 401) complain(problem);
  }
  await route();
}

/** What a provider's callback leaves in the address for those who have a second factor. */
function halfSignedIn() {
  const left = new URLSearchParams(location.hash.slice(1));
  if (!left.has("second_factor")) return null;
  return { challenge: left.get("second_factor"), methods: (left.get("methods") ?? "").split(",") };
}

async function signedIn() {
  beginSession(await get("/users/me"));
  if (STRANGERS[location.hash]) location.hash = "#/";
  else await route();
}

/**
 * A session: `me`, `live` rooms, `own` room with listeners of its events, the `timer`. Who changed
 * something of the room calls `tell(event)`, of the account `learn(me)`; who has ended the session
 * by what they did calls `over()`.
 */
function beginSession(me) {
  session = { me, onOwnEvent: new Set(), tell, signOut, learn, over };
  setZone(me.timezone);
  session.live = connect((state) => session?.frame.showConnection(state));
  const onPresence = () => tell({ type: "presence", data: {} });
  session.own = session.live.follow(`user:${me.id}`, { onChange: tell, onPresence });
  session.frame = frame(session);
  fill(page, session.frame.nodes);
}

/**
 * Let all who show something of one's own room know: of an event, of what one did oneself ahead of
 * its event, or by null that all may be another.
 */
function tell(event) {
  if (!session) return;
  learn(session.own.room.rows.user.get(session.me.id) ?? session.me);
  session.onOwnEvent.forEach((listener) => listener(event));
}

function learn(me) {
  if (me.version <= session.me.version) return;
  session.me = me;
  setZone(me.timezone);
  session.frame.showName(me.name);
}

function over() {
  if (!session) return;
  endSession();
  void route();
}

function endSession() {
  if (!session) return;
  closeDialog();
  shown?.leave();
  shown = null;
  session.frame.leave();
  session.live.stop();
  session = null;
}

function signOut() {
  return attempt(async () => {
    await post("/auth/logout");
    endSession();
    location.hash = "#/";
    await route();
  });
}

function showAlone(node) {
  hush();
  fill(page, node);
  document.title = `${node.querySelector("h1").textContent} – Stint`;
  (node.querySelector("input") ?? node.querySelector("h1")).focus();
}

async function route() {
  if (!session) {
    showAlone((STRANGERS[location.hash] ?? signIn)(signedIn));
    return;
  }
  const { name, load, parts } = viewAt(location.hash);
  if (name === "#/tasks") {
    await findTask(parts.taskId);
    return;
  }
  if (shown?.name !== name) await open(name, load, parts);
  if (shown?.name === name) shown.show(parts.taskId);
}

/** Open a view as soon as its module is there, unless somebody has gone elsewhere meanwhile. */
async function open(name, load, parts) {
  const asker = session;
  const asked = location.hash;
  const isWanted = () => session === asker && location.hash === asked && shown?.name !== name;
  const standIn = (makeNode) => isWanted() && mount(name, () => ({ name: null, standsFor: name, node: makeNode() }));
  closeDialog();
  let make;
  try {
    make = await tellWhenSlow(load, () => standIn(onItsWay));
  } catch (error) {
    console.error(error); // it may be a fault of the view's own
    standIn(notThere);
    return;
  }
  if (isWanted()) mount(name, () => make(session, parts));
}

/** Links in letters name a task and not where it is; where there is none one stays where one was. */
async function findTask(taskId) {
  const asker = session;
  const asked = location.hash;
  let address = shown?.name ?? "#/";
  await attempt(async () => {
    const { project_id: projectId } = await get(`/tasks/${taskId}`);
    address = `${projectId ? `#/projects/${projectId}` : "#/personal"}/tasks/${taskId}`;
  });
  // Unless somebody has gone elsewhere meanwhile, or has to sign in again: that leads back here.
  if (session === asker && location.hash === asked) location.replace(address);
}

function mount(name, make) {
  // The first view takes the focus from nobody, nor does one that was waited for.
  const takesFocus = shown && (shown.standsFor !== name || shown.node.contains(document.activeElement));
  shown?.leave();
  shown = { name, show() {}, leave() {}, ...make() };
  session.frame.show(shown.node, name);
  const heading = shown.node.querySelector("h1");
  document.title = `${heading.textContent} – Stint`;
  if (takesFocus) heading.focus();
}
