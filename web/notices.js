// What the page says besides what it shows: to whoever listens, and when something went wrong.

import { element, fill } from "./elements.js";

const SHOWN_MS = 12_000;

const announcements = document.querySelector("#announcements");
const complaints = document.querySelector("#complaints");
let timer;

/** Say something that one sees anyway: it is for screen readers. */
export function announce(text) {
  fill(announcements, element("p", {}, text));
}

/** Show what went wrong until it was read. */
export function complain(problem) {
  clearTimeout(timer);
  const close = element("button", { type: "button", onclick: hush, "aria-label": "Close" }, "×");
  fill(complaints, element("div", { class: "notice" }, element("p", {}, problem.message ?? problem), close));
  timer = setTimeout(hush, SHOWN_MS);
}

export function hush() {
  clearTimeout(timer);
  complaints.replaceChildren();
}

/** Run what a click asks for; when it is refused, say why. Returns whether it was done. */
export async function attempt(work) {
  try {
    await work();
    hush();
    return true;
  } catch (problem) {
    if (!problem.isProblem) throw problem;
    complain(problem);
    return false;
  }
}
