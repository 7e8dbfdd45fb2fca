// The history of a task in words.

import { formatInstant } from "../../format.js";
import { priorityName, statusName } from "../../words.js";

const WHOLE = {
  "task.created": () => "made the task",
  "task.deleted": () => "put the task into the trash",
  "task.restored": () => "took the task out of the trash",
  "task.moved": () => "took the task elsewhere",
  "item.created": (line) => `added ${line} to the checklist`,
  "item.deleted": (line) => `removed ${line} from the checklist`,
  "item.restored": (line) => `brought ${line} back to the checklist`,
  "comment.created": () => "commented",
  "comment.updated": () => "changed a comment",
  "comment.deleted": () => "deleted a comment",
  "comment.restored": () => "brought a comment back",
};

const quoted = (text) => `“${text}”`;
const instant = (iso) => iso && formatInstant(iso);
const person = (id, context) => id && context.nameOf(id);
const task = (id, context) => id && quoted(context.room.rows.task.get(id)?.title ?? "another task");
const tasks = (ids, context) => ids.map((id) => task(id, context)).join(", ");

// Of each field of a task what it is called, and how its values are told.
const FIELDS = {
  title: ["Title", (title) => title],
  status: ["Status", statusName],
  priority: ["Priority", priorityName],
  due_at: ["Due", instant],
  labels: ["Labels", (labels) => labels.join(", ")],
  assignee_id: ["Assignee", person],
  delegate_id: ["Agent", person],
  parent_id: ["Part of", task],
  blocked_by: ["Waits for", tasks],
  recurrence: ["Repeats", (rule) => rule],
};

/** What one entry says: a list of { text, before }; nothing where nobody would want to know. */
export function sentences(context, { type, title, changes }) {
  if (WHOLE[type]) return changes === null ? [] : [{ text: WHOLE[type](quoted(title)) }];
  if (type === "item.updated") return (changes ?? []).map((change) => ofLine(title, change)).filter(Boolean);
  if (type !== "task.updated") return [];
  if (changes === null) return [{ text: "changed the task; what it was before is not known here" }];
  const told = changes.map((change) => ofTask(context, change)).filter(Boolean);
  const isMoved = changes.some(({ field }) => field === "position");
  return told.length === 0 && isMoved ? [{ text: "put the task elsewhere in the order" }] : told;
}

function ofLine(title, { field, old, new: now }) {
  switch (field) {
    case "name":
      return { text: `renamed ${quoted(old)} to ${quoted(now)}` };
    case "status":
      return { text: now === "done" ? `ticked off ${quoted(title)}` : `opened ${quoted(title)} again` };
    case "position":
      return { text: `moved ${quoted(title)}` };
    case "promoted_task_id":
      return { text: `made a task of ${quoted(title)}` };
    default:
      return null;
  }
}

function ofTask(context, { field, old, new: now }) {
  if (field === "description") return { text: old ? "changed the description" : "wrote a description", before: old };
  if (field === "metadata") return { text: "changed the metadata" };
  if (!FIELDS[field]) return null;
  const [name, told] = FIELDS[field];
  return { text: `${name}: ${told(old, context) || "nothing"} → ${told(now, context) || "nothing"}` };
}
