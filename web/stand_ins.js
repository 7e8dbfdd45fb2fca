// What is shown in the place of a view whose module is still on its way, or did not come.

import { element } from "./elements.js";
import { announce } from "./notices.js";

const NOT_THERE =
  "Its part of the page did not come: there is no connection to the server, or Stint was updated since you have opened the page. " +
  "Load the page again once the connection is back.";

const standIn = (title, ...children) =>
  element("main", { id: "main", class: "wide" }, element("h1", { tabIndex: -1 }, title), ...children);

export const onItsWay = () => standIn("Loading …");

/** Browsers remember what did not come, so that asking again would not help. */
export function notThere() {
  announce(NOT_THERE);
  return standIn(
    "This view could not be loaded",
    element("p", {}, NOT_THERE),
    element("button", { type: "button", class: "primary", onclick: () => location.reload() }, "Load the page again"),
  );
}
