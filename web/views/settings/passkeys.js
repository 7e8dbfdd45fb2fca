// One's passkeys: listed, added and removed.

import { post, remove } from "../../api.js";
import { element } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { formatDay, formatInstant } from "../../format.js";
import { attempt, tell } from "../../notices.js";
import { knowsPasskeys, makePasskey, whyNone } from "../../passkeys.js";
import { confirming } from "./confirming.js";

export function passkeysPart(context, passkeys) {
  return element(
    "section",
    { class: "part", "aria-labelledby": "passkeys-title" },
    element("h2", { id: "passkeys-title", tabIndex: -1 }, "Passkeys"),
    element("p", {}, "A device or a security key that signs you in by your finger, your face or its PIN, without a password."),
    passkeys.length > 0 && element("ul", { class: "rows", role: "list" }, passkeys.map(makeRow)),
    knowsPasskeys() ? addForm() : element("p", { class: "hint" }, whyNone()),
  );

  function makeRow({ id, name, created_at: made, last_used_at: used }) {
    const drop = () => discard(id, name);
    return element(
      "li",
      { class: "row" },
      element(
        "div",
        {},
        element("strong", {}, name),
        element(
          "p",
          { class: "hint" },
          `Added ${formatDay(made)}, ${used ? `last used ${formatInstant(used)}` : "not used yet"}`,
        ),
      ),
      element("button", { type: "button", onclick: drop, "aria-label": `Remove ${name}` }, "Remove"),
    );
  }

  function addForm() {
    const name = input("name", { maxLength: 100, autocomplete: "off", value: navigator.userAgentData?.platform || "This device" });
    return form(
      {},
      add,
      element(
        "div",
        { class: "in-a-row" },
        field("Name for one more", name),
        element("button", {}, "Add a passkey"),
      ),
      element("p", { class: "hint" }, "The password alone does not sign you in any more then, and all your other sessions end."),
    );
  }

  async function add({ name }) {
    const asked = { session: context.session, title: "Add a passkey", button: "Go on" };
    const done = await confirming(asked, async (confirmation) => {
      const { public_key: options } = await post("/users/me/passkeys/options", confirmation);
      return makePasskey(options);
    });
    if (!done) return;
    const { recovery_codes: codes } = await post("/users/me/passkeys", { name, credential: done.answer });
    await context.changed("passkeys-title", codes);
    tell(`${name} signs you in from now on.`);
  }

  function discard(id, name) {
    return attempt(async () => {
      const asked = {
        session: context.session,
        title: `Remove ${name}?`,
        text: "It does not sign you in any more, and all your other sessions end. Remove it from the device as well, in the settings there.",
        button: "Remove the passkey",
      };
      const path = `/users/me/passkeys/${id}`;
      const done = await confirming(asked, (confirmation) => remove(path, undefined, confirmation));
      if (done) await context.changed("passkeys-title");
    });
  }
}
