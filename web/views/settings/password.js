// Changing the password.

import { post } from "../../api.js";
import { element } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { tell } from "../../notices.js";

export function passwordPart(session) {
  const secret = (name, autocomplete) => input(name, { type: "password", autocomplete, maxLength: 200 });
  const change = form(
    {},
    async (values, made) => {
      await post("/users/me/password", values);
      made.reset();
      tell("The new password is set, and you are signed out everywhere else.");
    },
    // For the browser, which keeps passwords by whose they are.
    element("input", { type: "email", autocomplete: "username", value: session.me.email ?? "", hidden: true }),
    field("Password of today", secret("current_password", "current-password")),
    field(
      "New password",
      secret("new_password", "new-password"),
      "Ten characters or more; a few words that belong together only for you are best.",
    ),
    element("button", {}, "Change the password"),
  );
  return element(
    "section",
    { class: "part", "aria-labelledby": "password-title" },
    element("h2", { id: "password-title", tabIndex: -1 }, "Password"),
    element(
      "p",
      { class: "hint" },
      "You are signed out everywhere else then. Where you have none, or have forgotten it: sign out, and choose ",
      "“Forgotten your password?” there.",
    ),
    change,
  );
}
