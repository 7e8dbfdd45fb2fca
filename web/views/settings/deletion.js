// Deleting the account.

import { remove } from "../../api.js";
import { element } from "../../elements.js";
import { attempt, tell } from "../../notices.js";
import { confirming } from "./confirming.js";

const WHAT_HAPPENS =
  "You leave all projects. What you did in those that others are in stays there, by a “deleted user”. Projects that " +
  "nobody else is in, your agents and all that is private to you are deleted for good: nothing brings them back.";

export function deletionPart(session) {
  return element(
    "section",
    { class: "part", "aria-labelledby": "deletion-title" },
    element("h2", { id: "deletion-title" }, "Delete the account"),
    element(
      "p",
      {},
      WHAT_HAPPENS,
      " You may want to ",
      element("a", { href: "#/import" }, "take everything with you"),
      " before.",
    ),
    element("button", { type: "button", class: "danger", onclick: leave }, "Delete the account"),
  );

  function leave() {
    return attempt(async () => {
      const asked = { session, title: "Delete your account?", text: WHAT_HAPPENS, button: "Delete it for good" };
      const done = await confirming(asked, (confirmation) => remove("/users/me", undefined, confirmation));
      if (!done) return;
      history.replaceState(null, "", "#/"); // for who signs in next
      session.over();
      tell("Your account is deleted.");
    });
  }
}
