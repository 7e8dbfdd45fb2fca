// What is around the forms of those who are not signed in yet.

import { element } from "../../elements.js";

export const button = (text) => element("button", { class: "primary" }, text);
export const link = (href, text) => element("a", { href }, text);
export const links = (...all) => element("nav", { class: "links", "aria-label": "Other ways" }, ...all);

export function frame(title, ...children) {
  const heading = element("h1", { tabIndex: -1 }, title);
  return element("main", { class: "narrow" }, element("p", { class: "brand" }, "Stint"), heading, ...children);
}
