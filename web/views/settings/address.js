// The e-mail address: whether it is known to be one's own, and changing it.

import { post } from "../../api.js";
import { element, setText } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { attempt, tell } from "../../notices.js";
import { confirming } from "./confirming.js";

export function addressPart(session) {
  const address = element("strong");
  const state = element("span");
  const again = element("button", { type: "button", onclick: sendAgain }, "Send the letter again");
  const change = form(
    {},
    askForChange,
    element(
      "div",
      { class: "in-a-row" },
      field("New address", input("email", { type: "email", autocomplete: "email", maxLength: 254 })),
      element("button", {}, "Change the address"),
    ),
    element("p", { class: "hint" }, "Both addresses get a letter; it changes once both have confirmed it, within two hours."),
  );
  const node = element(
    "section",
    { class: "part", "aria-labelledby": "address-title" },
    element("h2", { id: "address-title" }, "E-mail address"),
    element("p", {}, address, " ", state),
    element("p", {}, again),
    change,
  );
  update();
  return { node, update };

  function update() {
    const { email, verified } = session.me;
    setText(address, email ?? "");
    setText(state, verified ? "is confirmed." : "is not confirmed yet: open the link in the letter that went there.");
    again.hidden = verified;
  }

  function sendAgain() {
    return attempt(async () => {
      await post("/users/me/verification");
      tell(`A letter is on its way to ${session.me.email}. The link in it works for two days.`);
    });
  }

  async function askForChange(values, made) {
    const asked = { session, title: "Change the address", button: "Change the address" };
    const done = await confirming(asked, (confirmation) => post("/users/me/email", { ...values, ...confirmation }));
    if (!done) return;
    made.reset();
    tell(`Letters are on their way to ${session.me.email} and ${values.email}: open the links in both.`);
  }
}
