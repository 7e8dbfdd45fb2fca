// API tokens: what programs act with.

import { remove } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element } from "../../elements.js";
import { form } from "../../forms.js";
import { formatDay, formatInstant } from "../../format.js";
import { pagedList } from "../../lists.js";
import { learnProjects, projectName } from "../../names.js";
import { announce, attempt, attemptQuietly, tell } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { askForToken } from "./new_token.js";
import { scopeWords } from "./scopes.js";
import { showOnce } from "./shown_once.js";

const PATH = "/users/me/tokens";

export function tokensView(session) {
  const once = element("div");
  const heading = element("h1", { tabIndex: -1 }, "Tokens");
  const list = pagedList(PATH, makeRow, "There is no token yet.");
  const make = element("button", { type: "button", class: "primary", onclick: ask }, "New token");
  void load();
  const node = element(
    "main",
    { id: "main", class: "wide" },
    heading,
    settingsPlaces("#/settings/tokens"),
    element("p", {}, "Programs act with a token in your name, as far as you let them. What they can do is told in the ", element("a", { href: "docs" }, "docs"), "."),
    once,
    make,
    list.node,
    element("h2", {}, "In an emergency"),
    element("p", {}, "When somebody may have got into your account, revoke everything: also the tokens of your agents."),
    element("button", { type: "button", class: "danger", onclick: askToRevokeAll }, "Revoke all tokens"),
  );
  return { node };

  async function load() {
    await attemptQuietly(() => learnProjects(session));
    await list.load();
  }

  function makeRow(token) {
    const { name, scopes, project_id: projectId, networks } = token;
    const used = token.last_used_at ? `last used ${formatInstant(token.last_used_at)}` : "never used";
    const limits = [
      ...scopeWords(scopes),
      projectId && `Only in ${projectName(session, projectId) || "a project that you cannot see"}`,
      networks.length > 0 && `Only from ${networks.join(", ")}`,
      `Works until ${formatDay(token.expires_at)}, ${used}`,
    ].filter(Boolean);
    const end = element("button", { type: "button", onclick: () => revoke(token, row), "aria-label": `Revoke ${name}` }, "Revoke");
    const row = element(
      "li",
      { class: "row" },
      element("div", {}, element("strong", {}, name), limits.map((text) => element("p", { class: "hint" }, text))),
      end,
    );
    return row;
  }

  function revoke({ id, name }, row) {
    return attempt(async () => {
      await remove(`${PATH}/${id}`);
      list.drop(row);
      if (!node.contains(document.activeElement)) make.focus();
      announce(`${name} works no more.`);
    });
  }

  function ask() {
    const chosen = ["tasks:write", "projects:read"];
    const made = async (token) => {
      await list.load();
      showOnce(once, {
        title: `The token ${token.name}`,
        text: "It is shown only now. Send it as “Authorization: Bearer …”.",
        lines: [token.token],
        kept: () => make.focus(),
      });
    };
    return attempt(() => askForToken({ path: PATH, title: "New token", chosen, made }));
  }

  function askToRevokeAll() {
    const dialog = openDialog(
      "Revoke all tokens?",
      form(
        {},
        async () => {
          await remove(PATH);
          dialog.close();
          once.replaceChildren();
          await list.load();
          heading.focus();
          tell("No token works any more.");
        },
        element("p", {}, "Every program of yours and every agent stops until it gets a new one."),
        element("button", { class: "danger" }, "Revoke them all"),
      ),
    );
  }
}
