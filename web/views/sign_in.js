// Coming in: signing in with one or two factors or a provider, signing up, forgotten passwords.

import { get, post } from "../api.js";
import { element, fill } from "../elements.js";
import { field, form, input } from "../forms.js";
import { ownZone } from "../format.js";
import { attempt } from "../notices.js";

const email = () => input("email", { type: "email", autocomplete: "username", maxLength: 254 });
const code = { autocomplete: "one-time-code", spellcheck: false };

// What may answer the question for a second factor here, by the names that the API has for it.
const SECOND_FACTORS = {
  totp: {
    name: "code",
    label: "Code of your authenticator app",
    properties: { ...code, inputMode: "numeric", pattern: "[0-9]{6}", maxLength: 6, title: "Six digits" },
  },
  recovery_code: { name: "recovery_code", label: "Recovery code", properties: { ...code, maxLength: 100 } },
};

const button = (text) => element("button", { class: "primary" }, text);
const link = (href, text) => element("a", { href }, text);

function frame(title, ...children) {
  const heading = element("h1", { tabIndex: -1 }, title);
  return element("main", { class: "narrow" }, element("p", { class: "brand" }, "Stint"), heading, ...children);
}

const links = (...all) => element("nav", { class: "links", "aria-label": "Other ways" }, ...all);
const toDocs = () => element("p", { class: "hint" }, "For programs: ", link("docs", "docs"));

/** `signedIn` is called once somebody is. */
export function signIn(signedIn) {
  const providers = element("div", { class: "providers" });
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
    providers,
    links(link("#/sign-up", "Make an account"), link("#/forgotten-password", "Forgotten your password?")),
    toDocs(),
  );
  void attempt(async () => fill(providers, (await get("/auth/providers")).map(providerButton)));
  return main;
}

function providerButton({ id, name }) {
  const leave = () =>
    attempt(async () => {
      const body = { cookies: true, return_to: location.pathname };
      location.assign((await post(`/auth/sign-on/${id}`, body)).authorization_url);
    });
  return element("button", { type: "button", onclick: leave }, `Sign in with ${name}`);
}

/** Ask for the second factor: `challenge` and `methods` are what the first step answered. */
export function secondFactor({ challenge, methods }, signedIn) {
  const offered = methods.filter((method) => SECOND_FACTORS[method]);
  const place = element("div");
  const show = (method) => {
    const { name, label, properties } = SECOND_FACTORS[method];
    const others = offered.filter((other) => other !== method);
    const control = input(name, properties);
    fill(
      place,
      form(
        {},
        async (values) => {
          await post("/auth/second-factor", { challenge, ...values, cookies: true });
          await signedIn();
        },
        field(label, control),
        button("Sign in"),
      ),
      others.map((other) =>
        element(
          "button",
          { type: "button", class: "quiet", onclick: () => show(other) },
          `Use instead: ${SECOND_FACTORS[other].label.toLowerCase()}`,
        ),
      ),
    );
    control.focus();
  };
  if (offered.length > 0) queueMicrotask(() => show(offered[0]));
  else fill(place, element("p", {}, "Your second factor is a passkey, which this page cannot ask for yet."));
  return frame("One more step", place, links(link("#/", "Start again")));
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
