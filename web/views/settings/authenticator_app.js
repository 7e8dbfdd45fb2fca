// The authenticator app: set up by a picture or a key, and asked for its codes once it has shown one.

import { post, remove } from "../../api.js";
import { element, fill } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { attempt, tell } from "../../notices.js";
import { confirming } from "./confirming.js";

const PICTURE = "data:image/svg+xml,%3Csvg%20xmlns=%22http:%2F%2Fwww.w3.org%2F2000%2Fsvg%22%20";

export function appPart(context, { totp: isOn }) {
  const place = element("div");
  fill(place, isOn ? onState() : offState());
  return element(
    "section",
    { class: "part", "aria-labelledby": "app-title" },
    element("h2", { id: "app-title", tabIndex: -1 }, "Authenticator app"),
    place,
  );

  function offState() {
    return [
      element("p", {}, "An app on your telephone shows codes, and one of them is asked for beside the password."),
      element("button", { type: "button", onclick: setUp }, "Set up an app"),
    ];
  }

  function onState() {
    return [
      element("p", {}, element("strong", {}, "It is on. "), "A code of the app is asked for when you sign in."),
      element("button", { type: "button", onclick: turnOff }, "Remove the app"),
    ];
  }

  function setUp() {
    return attempt(async () => {
      const asked = { session: context.session, title: "Set up an authenticator app", button: "Go on" };
      const done = await confirming(asked, (confirmation) => post("/users/me/totp", confirmation));
      if (done) showSetup(done.answer);
    });
  }

  function showSetup({ secret, uri, qr_svg: picture }) {
    const code = input("code", {
      autocomplete: "one-time-code", inputMode: "numeric", pattern: "[0-9]{6}", maxLength: 6, title: "Six digits",
    });
    fill(
      place,
      element(
        "ol",
        { class: "steps" },
        element(
          "li",
          {},
          element("p", {}, "Scan this with the app:"),
          element("img", { class: "qr", alt: "A QR code that says the same as the key below", src: pictureOf(picture) }),
          element(
            "p",
            {},
            "Or type in the key ",
            element("code", {}, secret.match(/.{1,4}/g).join(" ")),
            ", or ",
            element("a", { href: uri }, "open the app on this device"),
            ".",
          ),
        ),
        element(
          "li",
          {},
          form(
            {},
            confirm,
            field("Code that the app shows now", code, "All your other sessions end when it is right."),
            element(
              "div",
              { class: "in-a-row" },
              element("button", { class: "primary" }, "Turn it on"),
              element("button", { type: "button", onclick: giveUp }, "Cancel"),
            ),
          ),
        ),
      ),
    );
    code.focus();
  }

  async function confirm(values) {
    const { recovery_codes: codes } = await post("/users/me/totp/confirm", values);
    await context.changed("app-title", codes);
    tell("The app is on.");
  }

  function giveUp() {
    fill(place, offState());
    place.querySelector("button").focus();
  }

  function turnOff() {
    return attempt(async () => {
      const asked = {
        session: context.session,
        title: "Remove the authenticator app?",
        text: "Its codes are not asked for any more, and all your other sessions end. If there is no passkey, the recovery codes go, too.",
        button: "Remove the app",
      };
      const done = await confirming(asked, (confirmation) => remove("/users/me/totp", undefined, confirmation));
      if (done) await context.changed("app-title");
    });
  }
}

/** As an image, which takes the namespace that markup does without: the policy of the page lets it show no markup. */
const pictureOf = (svg) => `${PICTURE}${encodeURIComponent(svg.slice("<svg ".length))}`;
