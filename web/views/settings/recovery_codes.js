// Recovery codes: what signs in when everything else is lost.

import { post } from "../../api.js";
import { element } from "../../elements.js";
import { formatNumber } from "../../format.js";
import { attempt } from "../../notices.js";
import { confirming } from "./confirming.js";

/** Nothing where there is no second factor that one could lose. */
export function recoveryPart(context, { totp, passkeys, recovery_codes: left }) {
  if (!totp && passkeys === 0) return null;
  return element(
    "section",
    { class: "part", "aria-labelledby": "recovery-title" },
    element("h2", { id: "recovery-title", tabIndex: -1 }, "Recovery codes"),
    element(
      "p",
      {},
      element("strong", {}, left === 1 ? "One is left. " : `${formatNumber(left)} are left. `),
      "Each signs you in once when you have lost your app or your passkeys.",
    ),
    element("button", { type: "button", onclick: renew }, "Make new ones"),
  );

  function renew() {
    return attempt(async () => {
      const asked = {
        session: context.session,
        title: "Make new recovery codes?",
        text: "Those that you have are void then.",
        button: "Make new ones",
      };
      const done = await confirming(asked, (confirmation) => post("/users/me/recovery-codes", confirmation));
      if (done) await context.changed("recovery-title", done.answer.recovery_codes);
    });
  }
}
