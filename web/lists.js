// Lists that the server hands out page by page.

import { getPage } from "./api.js";
import { element, setText } from "./elements.js";
import { attemptQuietly } from "./notices.js";
import { tellWhenSlow } from "./waiting.js";

const PAGE = [50, 200]; // rows, and the most at once
const UNREAD = "This could not be read. Try again once the connection is back.";

/**
 * A list of what is at `path`, newest page first, with a button for more. `make(row, list)` returns
 * the node of a row; `empty` is what is said where there is none. `load()` reads anew as many as are
 * shown; the row that had the focus keeps it, by its data-id. What `prepare(rows)` promises is there before `make`.
 */
export function pagedList(path, make, empty, properties = {}, prepare = () => {}) {
  const rows = element("ol", { class: "rows", role: "list", ...properties });
  const says = element("p", { class: "hint", role: "status" });
  const more = element("button", { type: "button", hidden: true, onclick: () => loadFrom(cursor) });
  const node = element("div", { class: "paged", "aria-busy": "true" }, rows, says, more);
  const list = { node, load, drop };
  let cursor = "";
  let asked = 0;
  return list;

  function load() {
    return loadFrom("");
  }

  async function loadFrom(start) {
    const mine = (asked += 1);
    const [least, most] = PAGE;
    const limit = start ? least : Math.min(Math.max(least, rows.children.length), most);
    const read = async () => {
      const page = await getPage(typeof path === "function" ? path() : path, start, limit);
      await prepare(page.rows);
      if (mine !== asked) return; // another was asked for meanwhile
      const focused = rows.contains(document.activeElement) && document.activeElement.closest("[data-id]");
      if (!start) rows.replaceChildren();
      rows.append(...page.rows.map((row) => make(row, list)));
      if (focused && !focused.isConnected) focusOn([...rows.children].find((row) => row.dataset.id === focused.dataset.id));
      cursor = page.cursor;
    };
    const isRead = await tellWhenSlow(() => attemptQuietly(read), () => mine === asked && setText(says, "Loading …"));
    if (mine === asked) tell(isRead);
  }

  /** Take a row's node away. */
  function drop(node) {
    const next = node.nextElementSibling ?? node.previousElementSibling;
    node.remove();
    focusOn(next);
    tell();
  }

  function focusOn(row) {
    (row ?? rows.firstElementChild)?.querySelector("a, button")?.focus();
  }

  function tell(isRead = true) {
    node.removeAttribute("aria-busy");
    more.hidden = isRead && !cursor;
    setText(more, isRead ? "Show more" : "Try again");
    setText(says, rows.hasChildNodes() ? "" : isRead ? empty : UNREAD);
  }
}
