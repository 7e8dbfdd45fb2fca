// Coming in: signing in with a password, a passkey or a provider, signing up, forgotten passwords.

import { get, post } from "../../api.js";
import { element, fill } from "../../elements.js";
import { field, form, input } from "../../forms.js";
import { ownZone } from "../../format.js";
import { attempt, attemptQuietly } from "../../notices.js";
import { knowsPasskeys, usePasskey } from "../../passkeys.js";
import { button, frame, link, links } from "./around.js";
import { secondFactor } from "./second_factor.js";

const email = () => input("email", { type: "email", autocomplete: "username", maxLength: 254 });
const toDocs = () => element("p", { class: "hint" }, "For programs: ", link("docs", "docs"));

/** `signedIn` is called once somebody is. */
export function signIn(signedIn) {
  const providers = element("div", { class: "providers" });
  const byPasskey = element("button", { type: "button", onclick: takePasskey }, "Sign in with a passkey");
  const main = frame(
    "Sign in",
    form(
      {},
      async (values) => {
        try {
          await post("/auth/login", { ...values, cookies: true });
        } catch (problem) {
          if (problem.code !== "second_factor_required") throw problem;
          main.replaceWith(secondFactor(problem, signedIn));
          return;
        }
        await signedIn();
      },
      field("E-mail address", email()),
      field("Password", input("password", { type: "password", autocomplete: "current-password", maxLength: 200 })),
      button("Sign in"),
    ),
    element("div", { class: "providers" }, knowsPasskeys() && byPasskey, providers),
    links(link("#/sign-up", "Make an account"), link("#/forgotten-password", "Forgotten your password?")),
    toDocs(),
  );
  void attemptQuietly(async () => fill(providers, (await get("/auth/providers")).map(providerButton)));
  return main;

  function takePasskey() {
    return attempt(async () => {
      const { challenge, public_key: options } = await post("/auth/passkeys/options");
      const credential = await usePasskey(options);
      await post("/auth/passkeys", { challenge, credential, cookies: true });
      await signedIn();
    });
  }
}

function providerButton({ id, name }) {
  const leave = () =>
    attempt(async () => {
      const body = { cookies: true, return_to: location.pathname };
      location.assign((await post(`/auth/sign-on/${id}`, body)).authorization_url);
    });
  return element("button", { type: "button", onclick: leave }, `Sign in with ${name}`);
}

export function signUp(signedIn) {
  return frame(
    "Make an account",
    form(
      {},
      async (values) => {
        await post("/users", { ...values, timezone: ownZone() });
        await post("/auth/login", { email: values.email, password: values.password, cookies: true });
        await signedIn();
      },
      field("Name", input("name", { autocomplete: "name", maxLength: 100 })),
      field("E-mail address", email()),
      field(
        "Password",
        input("password", { type: "password", autocomplete: "new-password", maxLength: 200 }),
        "Ten characters or more; a few words that belong together only for you are best.",
      ),
      button("Make the account"),
    ),
    links(link("#/", "Sign in instead")),
    toDocs(),
  );
}

export function forgottenPassword() {
  const main = frame(
    "Forgotten password",
    form(
      {},
      async (values) => {
        await post("/auth/password-resets", values);
        main.replaceWith(
          frame(
            "Look into your mail",
            element("p", {}, `If ${values.email} has an account, a letter with a link is on its way there.`),
            links(link("#/", "Sign in")),
          ),
        );
      },
      field("E-mail address", email()),
      button("Send me a link"),
    ),
    links(link("#/", "Sign in")),
  );
  return main;
}
