// Where one is signed in.

import { getAll, remove } from "../../api.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { formatInstant } from "../../format.js";
import { announce, attempt, inBackground } from "../../notices.js";
import { settingsPlaces } from "../../subplaces.js";
import { deviceName } from "./devices.js";

export function sessionsView() {
  let sessions = [];
  const list = element("ul", { class: "rows", role: "list", "aria-labelledby": "sessions-title" });
  const heading = element("h1", { id: "sessions-title", tabIndex: -1 }, "Sessions");
  const draw = keyedList(list, ({ id }) => id, makeRow, updateRow);
  const others = element("button", { type: "button", hidden: true, onclick: endOthers }, "Sign out everywhere else");
  // Nobody tells a page of sessions that begin: it looks when somebody looks at it.
  document.addEventListener("visibilitychange", look);
  void load();
  const node = element(
    "main",
    { id: "main", class: "wide" },
    heading,
    settingsPlaces("#/settings/sessions"),
    element("p", {}, "Where you are signed in. What you do not know, sign out, and then ", element("a", { href: "#/settings/signing-in" }, "change the password"), "."),
    list,
    others,
  );
  return { node, leave: () => document.removeEventListener("visibilitychange", look) };

  function look() {
    if (!document.hidden) void load();
  }

  function load() {
    return inBackground(async () => {
      sessions = await getAll("/auth/sessions");
      show();
    });
  }

  function show() {
    const sorted = sessions.toSorted((a, b) => b.is_current - a.is_current || (a.last_used_at < b.last_used_at ? 1 : -1));
    keepFocus(() => draw(sorted));
    others.hidden = sessions.length < 2;
  }

  function makeRow({ id, device, is_current: isThis }) {
    const name = deviceName(device);
    const end = element("button", { type: "button", onclick: () => endOne(id, name), "aria-label": `Sign out ${name}` }, "Sign out");
    const what = element("p", {}, element("strong", { title: device }, name), isThis && element("span", { class: "mark" }, "this one"));
    return element("li", { class: "row" }, element("div", {}, what, element("p", { class: "hint" })), !isThis && end);
  }

  function updateRow(row, { ip, created_at: begun, last_used_at: used }) {
    const told = `From ${ip}; signed in ${formatInstant(begun)}, last seen ${formatInstant(used)}`;
    setText(row.querySelector(".hint"), told);
  }

  function forget(id) {
    sessions = sessions.filter((each) => each.id !== id);
  }

  function endOne(id, name) {
    return attempt(async () => {
      await end(id);
      show();
      heading.focus();
      announce(`${name} is signed out.`);
    });
  }

  // The route for all ends this one, too.
  function endOthers() {
    return attempt(async () => {
      try {
        for (const { id, is_current: isThis } of await getAll("/auth/sessions")) if (!isThis) await end(id);
      } finally {
        show();
      }
      heading.focus();
      announce("You are signed out everywhere else.");
    });
  }

  async function end(id) {
    try {
      await remove(`/auth/sessions/${id}`);
    } catch (problem) {
      if (problem.status !== 404) throw problem; // it is over in any case
    }
    forget(id);
  }
}
