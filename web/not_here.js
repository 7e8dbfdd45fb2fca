// What is shown in the place of a view that one may not see, or not any more.

import { element, fill } from "./elements.js";
import { announce } from "./notices.js";

/** Say it, and why, in the node of the view. */
export function sayNotHere(node, detail) {
  const hadFocus = node.contains(document.activeElement) || document.activeElement === document.body;
  const heading = element("h1", { tabIndex: -1 }, "Not here");
  fill(node, heading, element("p", {}, detail), element("a", { href: "#/" }, "Your projects"));
  document.title = "Not here – Stint";
  announce(detail);
  if (hadFocus) heading.focus();
}
