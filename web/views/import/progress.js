// How far something is that takes long: which part, or where that is not known, only that it goes on.

import { element, setText } from "../../elements.js";
import { announce } from "../../notices.js";
import { SLOW_MS } from "../../waiting.js";

export function progressBar() {
  const says = element("p");
  const bar = element("progress", { "aria-label": "Progress", max: 1 });
  const node = element("div", { class: "progress", hidden: true }, says, bar);
  let slow = 0;
  return { node, show, to, hide };

  /** Say what goes on; nobody knows yet for how long. */
  function show(text) {
    setText(says, text);
    bar.removeAttribute("value");
    if (!node.hidden) announce(text);
    slow ||= setTimeout(reveal, SLOW_MS);
  }

  function reveal() {
    node.hidden = false;
    announce(says.textContent);
  }

  function to(part) {
    bar.value = part;
  }

  function hide() {
    clearTimeout(slow);
    slow = 0;
    node.hidden = true;
    setText(says, "");
  }
}
