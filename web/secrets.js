// What the server shows only once, to be copied.

import { element, setText } from "./elements.js";

/** A secret in a field of its own, with a button that copies it. */
export function copied(label, secret) {
  const field = element("input", { readOnly: true, value: secret, "aria-label": label, class: "secret", onfocus: () => field.select() });
  const says = element("span", { class: "hint", role: "status" });
  const button = element("button", { type: "button", class: "primary", onclick: copy }, "Copy");
  return element("div", {}, element("div", { class: "in-a-row" }, field, button), says);

  async function copy() {
    field.select();
    try {
      await navigator.clipboard.writeText(secret); // which browsers have over https alone
      setText(says, "Copied.");
    } catch {
      setText(says, "Your browser does not let this page copy: it is selected, copy it with Ctrl+C.");
    }
  }
}
