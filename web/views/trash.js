// What was deleted and can come back, one action a line.

import { inWords } from "../counts.js";
import { element, fill, onceAFrame } from "../elements.js";
import { addOption, field, select } from "../forms.js";
import { formatInstant } from "../format.js";
import { pagedList } from "../lists.js";
import { learnPeople, learnProjects, personName, projectName } from "../names.js";
import { attempt, attemptQuietly } from "../notices.js";
import { restore } from "../undo.js";

const EMPTY = "There is nothing here. What is deleted can be brought back from here for a while.";

/** Whether something went into the trash, or came out of it. */
const isOfTrash = (event) => !event || /\.(deleted|restored|removed)$/.test(event.type);

export function trashView(session) {
  let room = null; // of the project whose trash alone is shown
  const chosen = select("project_id", [["", "All projects and what is yours alone"]]);
  const told = element("div", { class: "left", role: "status" });
  const list = pagedList(
    () => `/trash${chosen.value && `?project_id=${chosen.value}`}`,
    makeRow,
    EMPTY,
    { "aria-label": "Deleted, newest first" },
    (rows) => Promise.all([projects, learnPeople(session, rows.map((row) => [row.deleted_by, row.project_id]))]),
  );
  const reload = onceAFrame(() => void list.load());
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Trash"),
    element("div", { class: "in-a-row chosen" }, field("Deleted in", chosen)),
    told,
    list.node,
  );
  chosen.addEventListener("change", choose);
  session.onOwnEvent.add(onOwnEvent);
  const projects = attemptQuietly(offerProjects);
  void list.load();
  return { node, leave };

  function leave() {
    session.onOwnEvent.delete(onOwnEvent);
    room?.stop();
  }

  function onOwnEvent(event) {
    if (isOfTrash(event)) reload();
  }

  async function offerProjects() {
    for (const { id, name } of await learnProjects(session)) addOption(chosen, id, name);
  }

  function choose() {
    room?.stop();
    room = chosen.value ? session.live.follow(`project:${chosen.value}`, { onChange: onOwnEvent }) : null;
    fill(told);
    void list.load();
  }

  function makeRow(operation) {
    const { id, title, deleted_by: by, deleted_at: at, project_id: projectId, counts } = operation;
    const about = { type: "button", "aria-label": `Restore: ${title || inWords(counts)}` };
    const restoring = element("button", { ...about, onclick: () => bringBack(operation, line) }, "Restore");
    const where = projectName(session, projectId);
    const line = element(
      "li",
      { class: "row", "data-id": id },
      element(
        "div",
        {},
        element("p", { class: "about" }, title || inWords(counts)),
        element("p", {}, inWords(counts), where && !counts.project && ` of ${where}`),
        element(
          "p",
          { class: "hint" },
          `Deleted by ${by === session.me.id ? "you" : personName(session, by)}, `,
          element("time", { dateTime: at }, formatInstant(at)),
        ),
      ),
      restoring,
    );
    return line;
  }

  async function bringBack(operation, line) {
    fill(told);
    const isDone = await attempt(() => restore(operation, (problems) => tell(operation, problems)));
    if (!isDone || told.hasChildNodes()) {
      await list.load(); // some of it may be back, or it was gone already
      return;
    }
    list.drop(line);
    if (!list.node.querySelector("li")) node.querySelector("h1").focus();
  }

  /** Show what did not come back; the same reason is said once. */
  function tell({ title }, problems) {
    const reasons = new Map();
    for (const { kind, message } of problems) {
      const counts = reasons.get(message) ?? {};
      reasons.set(message, { ...counts, [kind]: (counts[kind] ?? 0) + 1 });
    }
    fill(
      told,
      element("h2", {}, `Not all of “${title}” is as it was`),
      element("ul", {}, [...reasons].map(([message, counts]) => element("li", {}, `${inWords(counts)}: ${message}`))),
      element("p", { class: "hint" }, "What is not back is in the trash still, and can be tried again."),
    );
  }
}
