// The second step of coming in: a passkey, a code of an app, or a recovery code.

import { post } from "../../api.js";
import { element, fill } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { knowsPasskeys, usePasskey, whyNone } from "../../passkeys.js";
import { button, frame, link, links } from "./around.js";

const code = { autocomplete: "one-time-code", spellcheck: false };

// What may answer, by the names that the API has for it.
const SECOND_FACTORS = {
  passkey: { instead: "a passkey" },
  totp: {
    name: "code",
    label: "Code of your authenticator app",
    instead: "code of your authenticator app",
    properties: { ...code, inputMode: "numeric", pattern: "[0-9]{6}", maxLength: 6, title: "Six digits" },
  },
  recovery_code: {
    name: "recovery_code",
    label: "Recovery code",
    instead: "recovery code",
    properties: { ...code, maxLength: 100 },
  },
};

/**
 * Ask for the second factor: `challenge`, `methods` and `public_key` are what the first step
 * answered. Who comes from a provider brings no `public_key`: their passkey has to know whose it is.
 */
export function secondFactor({ challenge, methods, public_key: options = { challenge } }, signedIn) {
  const known = methods.filter((method) => SECOND_FACTORS[method]);
  const offered = known.filter((method) => method !== "passkey" || knowsPasskeys());
  const place = element("div");
  if (offered.length > 0) queueMicrotask(() => show(offered[0]));
  else fill(place, element("p", {}, known.length > 0 ? whyNone() : "Go back and sign in once more."));
  return frame("One more step", place, links(link("#/", "Start again")));

  function show(method) {
    const others = offered.filter((other) => other !== method);
    const asked = method === "passkey" ? passkeyForm() : codeForm(SECOND_FACTORS[method]);
    fill(place, asked, others.map(switchTo));
    asked.querySelector("input, button").focus();
  }

  function switchTo(method) {
    const text = `Use instead: ${SECOND_FACTORS[method].instead}`;
    return element("button", { type: "button", class: "quiet", onclick: () => show(method) }, text);
  }

  function codeForm({ name, label, properties }) {
    return form({}, finish, field(label, input(name, properties)), button("Sign in"));
  }

  function passkeyForm() {
    return form(
      {},
      async () => finish({ credential: await usePasskey(options) }),
      element("p", {}, "Your device or your security key proves that it is you."),
      button("Use your passkey"),
    );
  }

  async function finish(answer) {
    await post("/auth/second-factor", { challenge, ...answer, cookies: true });
    await signedIn();
  }
}
