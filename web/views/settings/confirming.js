// Confirming that it is you once more, before what protects an account is changed.

import { get, post } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element, fill } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { knowsPasskeys, usePasskey } from "../../passkeys.js";

const PASSWORD = "confirmation_required"; // the account has one
const SIGN_IN_AGAIN = "sign_in_again"; // it has none, and the last sign-in is a while ago

/**
 * Do what the API may want a confirmation for: `send(confirmation)`. It is tried without one first,
 * since the server knows what the account has; with a `text` of what will happen only after a click
 * on `button`. Returns `{ answer }` of `send`, or null for those who thought better of it.
 */
export async function confirming({ session, title, text, button }, send) {
  if (text) return ask(session, title, send, (attempt) => step(attempt, text, button), button);
  try {
    return { answer: await send({}) };
  } catch (problem) {
    if (!isAsked(problem)) throw problem;
    return ask(session, title, send, (_, askBack) => askBack(problem), button);
  }
}

const isAsked = ({ code }) => code === PASSWORD || code === SIGN_IN_AGAIN;

const step = (attempt, text, button) =>
  form({}, () => attempt({}), element("p", {}, text), element("button", { class: "primary" }, button));

function ask(session, title, send, begin, button) {
  return new Promise((resolve, reject) => {
    const place = element("div");
    const dialog = openDialog(title, place);
    let result = null;
    dialog.addEventListener("close", () => resolve(result));
    void Promise.resolve(begin(attempt, askBack)).then((first) => first && show(first), giveUp);

    function giveUp(problem) {
      reject(problem);
      dialog.close();
    }

    function show(...nodes) {
      fill(place, ...nodes);
      place.querySelector("input, button").focus();
    }

    async function attempt(confirmation) {
      try {
        result = { answer: await send(confirmation) };
        dialog.close();
      } catch (problem) {
        if (!isAsked(problem)) throw problem;
        await askBack(problem);
      }
    }

    async function askBack({ code }) {
      const { passkeys } = await get("/users/me/second-factors");
      const byPassword = code === PASSWORD;
      const byPasskey = passkeys > 0 && knowsPasskeys();
      show(byPassword ? passwordForm() : signInAgain(byPasskey), byPasskey && passkeyForm(byPassword));
    }

    function passwordForm() {
      const properties = { type: "password", autocomplete: "current-password", maxLength: 200 };
      return form(
        {},
        (values) => attempt(values),
        field("Your password", input("password", properties), "To be certain that it is you."),
        element("button", { class: "primary" }, button),
      );
    }

    function passkeyForm(isSecond) {
      const useOne = async () => {
        const { challenge, public_key: options } = await post("/users/me/confirmations/options");
        await attempt({ passkey: { challenge, credential: await usePasskey(options) } });
      };
      const text = isSecond ? "Use a passkey instead" : "Use a passkey";
      return form({ class: "other-way" }, useOne, element("button", { class: isSecond ? "quiet" : "primary" }, text));
    }

    function signInAgain(orPasskey) {
      const text = `To be certain that it is you: sign out, sign in again, and do this within five minutes${
        orPasskey ? "; or use a passkey." : "."
      }`;
      return element(
        "div",
        {},
        element("p", {}, text),
        element("button", { type: "button", onclick: leave }, "Sign out"),
      );
    }

    function leave() {
      dialog.close();
      void session.signOut();
    }
  });
}
