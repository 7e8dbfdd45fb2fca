// The history of a task: read when somebody opens it, and kept live from then on.

import { getPage } from "../../api.js";
import { element, fill } from "../../elements.js";
import { formatInstant } from "../../format.js";
import { attempt, attemptQuietly } from "../../notices.js";
import { sentences } from "./sentences.js";

export function history(context, taskId) {
  const path = `/tasks/${taskId}/history`;
  const list = element("ol", { class: "history", role: "list" });
  const older = element("button", { type: "button", hidden: true, onclick: () => attempt(readOlder) }, "Show older");
  const node = element("details", { ontoggle: () => hear(null) }, element("summary", {}, "History"), list, older);
  let cursor = "";
  let newest = 0; // the seq of the last event that is told
  let reading = null;
  let isStale = false;
  return { node, hear };

  /** Something has happened: `event` says what, null that it may have been anything. */
  function hear(event) {
    if (!node.open || (event && event.subject !== taskId && event.data.task_id !== taskId)) return;
    if (reading) isStale = true;
    else void catchUp();
  }

  async function catchUp() {
    do {
      isStale = false;
      reading = attemptQuietly(readNewest);
      await reading;
    } while (isStale);
    reading = null;
  }

  async function readNewest() {
    const page = await getPage(path);
    const fresh = page.rows.filter(({ seq }) => seq > newest);
    if (fresh.length === page.rows.length) {
      // Nothing of what is told is on the page: there may be a gap behind it.
      list.replaceChildren();
      showCursor(page.cursor);
    }
    list.prepend(...fresh.map(toldOf).filter(Boolean));
    newest = page.rows[0]?.seq ?? 0;
  }

  async function readOlder() {
    const last = list.lastElementChild;
    const page = await getPage(path, cursor);
    list.append(...page.rows.map(toldOf).filter(Boolean));
    showCursor(page.cursor);
    (last?.nextElementSibling ?? node.querySelector("summary")).focus();
  }

  function showCursor(next) {
    cursor = next;
    older.hidden = !cursor;
  }

  function toldOf(entry) {
    const said = sentences(context, entry);
    if (said.length === 0) return null;
    return element(
      "li",
      { tabIndex: -1 },
      element(
        "p",
        { class: "by" },
        element("strong", {}, context.nameOf(entry.actor)),
        " ",
        element("time", { dateTime: entry.at }, formatInstant(entry.at)),
      ),
      said.map(({ text, before }) => fill(element("div"), text, before && earlierText(before))),
    );
  }

  function earlierText(text) {
    return element("details", {}, element("summary", {}, "What it said before"), element("span", { class: "version" }, text));
  }
}
