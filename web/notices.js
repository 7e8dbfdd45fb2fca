// What the page says besides what it shows: to whoever listens, and when something went wrong.

import { element, fill } from "./elements.js";

const SHOWN_MS = 12_000;

const announcements = document.querySelector("#announcements");
const complaints = document.querySelector("#complaints");
let timer;
let cameFrom = null; // where the focus was before it came to what is shown

complaints.addEventListener("focusin", ({ relatedTarget }) => {
  if (!complaints.contains(relatedTarget)) cameFrom = relatedTarget;
});

// A dialog lets nobody reach or hear what is outside of it; what is inside goes when it closes.
document.addEventListener("close", ({ target }) => target.contains(complaints) && comeTo(document.body), true);

function comeTo(place) {
  if (complaints.parentNode !== place) place.append(announcements, complaints);
}

const comeWhereOneIs = () => comeTo([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body);

/** Say something that one sees anyway: it is for screen readers. */
export function announce(text) {
  comeWhereOneIs();
  fill(announcements, element("p", {}, text));
}

/** Show what went wrong until it was read. */
export function complain(problem) {
  notify("notice", problem.message ?? problem);
}

/** Tell what was done, where one may not see it otherwise. */
export function tell(text) {
  notify("notice done", text);
}

/** Tell what was done, with a button that takes it back. */
export function offerUndo(text, undo) {
  const button = element("button", { type: "button", onclick: () => attempt(undo) }, "Undo");
  notify("notice done", text, button);
}

function notify(kind, text, ...buttons) {
  clearTimeout(timer);
  comeWhereOneIs();
  const close = element("button", { type: "button", class: "quiet", onclick: hush, "aria-label": "Close" }, "×");
  fill(complaints, element("div", { class: kind }, element("p", {}, text), ...buttons, close));
  timer = setTimeout(expire, SHOWN_MS);
}

/** Nothing goes away under somebody's hands. */
function expire() {
  if (complaints.matches(":hover, :focus-within")) timer = setTimeout(expire, SHOWN_MS);
  else hush();
}

export function hush() {
  clearTimeout(timer);
  const hadFocus = complaints.contains(document.activeElement);
  complaints.replaceChildren();
  if (hadFocus) (cameFrom?.isConnected ? cameFrom : document.querySelector("#main h1"))?.focus();
}

/** Run what a click asks for; when it is refused, say why. Returns whether it was done. */
export function attempt(work) {
  hush();
  return attemptQuietly(work);
}

/** The same for what nobody has clicked on: what is being said meanwhile, as an undo, stays. */
export const attemptQuietly = (work) => run(work, () => true);

/** The same for what goes on by itself: that nobody answers is told elsewhere. */
export const inBackground = (work) => run(work, ({ status }) => status !== 0 && status !== 401);

async function run(work, isTold) {
  try {
    await work();
    return true;
  } catch (problem) {
    if (!problem.isProblem) throw problem;
    if (isTold(problem)) complain(problem);
    return false;
  }
}
