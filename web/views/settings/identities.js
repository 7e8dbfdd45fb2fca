// Accounts elsewhere that open one's own: linked and unlinked.

import { post, remove } from "../../api.js";
import { element } from "../../elements.js";
import { formatDay, formatInstant } from "../../format.js";
import { attempt } from "../../notices.js";
import { confirming } from "./confirming.js";

/** Nothing where one can sign in with no account elsewhere. */
export function identitiesPart(context, identities, providers) {
  if (identities.length === 0 && providers.length === 0) return null;
  const nameOf = (id) => providers.find((each) => each.id === id)?.name ?? id;
  return element(
    "section",
    { class: "part", "aria-labelledby": "identities-title" },
    element("h2", { id: "identities-title", tabIndex: -1 }, "Accounts elsewhere"),
    element("p", {}, "Who signs in there is let in here, too."),
    identities.length > 0 && element("ul", { class: "rows", role: "list" }, identities.map(makeRow)),
    element("div", { class: "in-a-row" }, providers.map(linkButton)),
  );

  function makeRow(identity) {
    const name = nameOf(identity.provider);
    const drop = () => unlink(identity, name);
    return element(
      "li",
      { class: "row" },
      element(
        "div",
        {},
        element("strong", {}, `${name}: ${identity.email}`),
        element(
          "p",
          { class: "hint" },
          `Linked ${formatDay(identity.created_at)}, last used ${formatInstant(identity.last_used_at)}`,
        ),
      ),
      element("button", { type: "button", onclick: drop, "aria-label": `Unlink ${name}` }, "Unlink"),
    );
  }

  function linkButton({ id, name }) {
    return element("button", { type: "button", onclick: () => link(id, name) }, `Link ${name}`);
  }

  function link(id, name) {
    return attempt(async () => {
      const asked = { session: context.session, title: `Link ${name}`, button: "Go on" };
      const back = `${location.pathname}#/settings/signing-in`;
      const done = await confirming(asked, (confirmation) =>
        post(`/users/me/identities/${id}`, { return_to: back, ...confirmation }),
      );
      if (done) location.assign(done.answer.authorization_url);
    });
  }

  function unlink({ id }, name) {
    return attempt(async () => {
      const asked = {
        session: context.session,
        title: `Unlink ${name}?`,
        text: `Signing in with ${name} does not open this account any more.`,
        button: "Unlink",
      };
      const path = `/users/me/identities/${id}`;
      const done = await confirming(asked, (confirmation) => remove(path, undefined, confirmation));
      if (done) await context.changed("identities-title");
    });
  }
}
