// What links in letters ask for; their token comes after #, which no server ever sees.

import { post } from "../../api.js";
import { element } from "../../elements.js";
import { field, form, input } from "../../forms.js";

const LETTERS = {
  verify: {
    title: "Is this e-mail address yours?",
    button: "Confirm this address",
    fields: () => [],
    path: "/auth/verify-email",
    told: ({ complete }) =>
      complete
        ? "The address is confirmed."
        : "Confirmed. The address changes as soon as the other one is confirmed, too.",
  },
  reset: {
    title: "Choose a new password",
    button: "Set it",
    fields: () => [
      field(
        "New password",
        input("password", { type: "password", autocomplete: "new-password", maxLength: 200 }),
        "You are signed out everywhere, and sign in with it.",
      ),
    ],
    path: "/auth/password-resets/redeem",
    told: () => "The new password is set. Sign in with it.",
  },
};

/** Return the view that a link in a letter leads to, or null when `hash` is none of these. */
export function letterView(hash) {
  const [action, token] = hash.slice(1).split("=");
  if (!token || !Object.hasOwn(LETTERS, action)) return null;
  const letter = LETTERS[action];
  const says = element("p", { role: "status" });
  const asked = form(
    {},
    async (values) => {
      says.textContent = letter.told((await post(letter.path, { token, ...values })) ?? {});
      asked.hidden = true;
    },
    ...letter.fields(),
    element("button", { class: "primary" }, letter.button),
  );
  return element(
    "main",
    { class: "narrow" },
    element("p", { class: "brand" }, "Stint"),
    element("h1", { tabIndex: -1 }, letter.title),
    says,
    asked,
    element("p", {}, element("a", { href: "#/" }, "Go on to Stint")),
  );
}
