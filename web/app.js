// The page: finds out who is signed in, and shows the view that the address names.

import { get, onSignedOut, post } from "./api.js";
import { State, connect } from "./connection.js";
import { element, fill } from "./elements.js";
import { setZone } from "./format.js";
import { attempt, complain, hush } from "./notices.js";
import { boardView } from "./views/board.js";
import { letterView } from "./views/letters.js";
import { projectsView } from "./views/projects.js";
import { forgottenPassword, secondFactor, signIn, signUp } from "./views/sign_in.js";
import { timerView } from "./views/timer.js";

const ID = "([0-9a-f-]{36})";
const AT_PROJECT = new RegExp(`^#/projects/${ID}(?:/tasks/${ID})?$`);
const AT_PERSONAL = new RegExp(`^#/personal(?:/tasks/${ID})?$`);
const AT_TASK = new RegExp(`^#/tasks/${ID}$`);

const STATE_TEXTS = {
  [State.CONNECTED]: "Connected",
  [State.CATCHING_UP]: "Catching up",
  [State.OFFLINE]: "Offline: you see what was there; changes have to wait",
};

const page = document.querySelector("#page");
let session = null; // who is signed in, and what they share with all views
let shown = null; // the view: { name, node, show(taskId), leave() }

onSignedOut(() => {
  if (!session) return;
  endSession();
  void route();
});
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
  if (["#/sign-up", "#/forgotten-password"].includes(location.hash)) location.hash = "#/";
  else await route();
}

function beginSession(me) {
  setZone(me.timezone);
  const state = element("p", { class: "connection", role: "status" });
  const live = connect((next) => {
    state.textContent = STATE_TEXTS[next];
    document.body.dataset.connection = next.replace(" ", "-");
  });
  session = { me, live, onOwnEvent: new Set() };
  const tell = (event) => session?.onOwnEvent.forEach((listener) => listener(event));
  session.own = live.follow(`user:${me.id}`, { onChange: tell, onPresence: () => tell(null) });
  session.timer = timerView(session);
  session.view = element("div", { id: "view" });
  fill(
    page,
    element("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    element(
      "header",
      { class: "top" },
      element("a", { class: "brand", href: "#/" }, "Stint"),
      session.timer.node,
      state,
      element(
        "div",
        { class: "account" },
        element("span", { class: "name" }, me.name),
        element("button", { type: "button", class: "quiet", onclick: signOut }, "Sign out"),
      ),
    ),
    session.view,
  );
}

function skip(event) {
  event.preventDefault(); // the address names the view
  session.view.querySelector("h1")?.focus();
}

function endSession() {
  shown?.leave();
  shown = null;
  session.timer.leave();
  session.live.stop();
  session = null;
  delete document.body.dataset.connection;
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
    const views = { "#/sign-up": signUp, "#/forgotten-password": forgottenPassword };
    showAlone((views[location.hash] ?? signIn)(signedIn));
    return;
  }
  const [, taskId] = AT_TASK.exec(location.hash) ?? [];
  if (taskId) {
    await attempt(() => findTask(taskId));
    return;
  }
  const project = AT_PROJECT.exec(location.hash);
  const personal = AT_PERSONAL.exec(location.hash);
  if (project) showBoard(`project:${project[1]}`, `#/projects/${project[1]}`, project[2]);
  else if (personal) showBoard(`user:${session.me.id}`, "#/personal", personal[1]);
  else mount("projects", () => projectsView(session));
}

/** Links in letters name a task and not where it is. */
async function findTask(taskId) {
  const { project_id: projectId } = await get(`/tasks/${taskId}`);
  const board = projectId ? `#/projects/${projectId}` : "#/personal";
  location.replace(`${board}/tasks/${taskId}`);
}

function showBoard(roomName, address, taskId) {
  mount(roomName, () => boardView(session, roomName, address));
  shown.show(taskId);
}

function mount(name, make) {
  if (shown?.name === name) return;
  const isFirst = !shown;
  shown?.leave();
  shown = { name, show() {}, ...make() };
  fill(session.view, shown.node);
  if (!isFirst) session.view.querySelector("h1")?.focus();
}
