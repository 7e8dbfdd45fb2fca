// The fields of a task: what others change meanwhile comes in, and what both changed is asked about.

import { patch } from "../api.js";
import { element, fill } from "../elements.js";
import { field, form, input, select } from "../forms.js";
import { formatInstant, fromWallClock, toWallClock } from "../format.js";
import { announce, complain } from "../notices.js";
import { PRIORITIES, STATUSES, priorityName, statusName } from "../words.js";

const list = (text) => [...new Set(text.split(",").map((each) => each.trim()).filter(Boolean))];

// Of each field: what it is called, what its control shows of a task, what is sent for that, and
// how it is told to people.
const FIELDS = {
  title: { label: "Title", shown: (task) => task.title },
  description: { label: "Description", shown: (task) => task.description },
  status: { label: "Status", shown: (task) => task.status, told: statusName },
  priority: { label: "Priority", shown: (task) => task.priority, told: priorityName },
  due_at: {
    label: "Due",
    shown: (task) => toWallClock(task.due_at),
    sent: fromWallClock,
    told: (value) => value && formatInstant(fromWallClock(value)),
  },
  assignee_id: { label: "Assignee", shown: (task) => task.assignee_id ?? "", sent: (value) => value || null },
  labels: { label: "Labels", shown: (task) => task.labels.join(", "), sent: list },
};
const NAMES = Object.keys(FIELDS);
const differ = (name, one, other) => FIELDS[name].shown(one) !== FIELDS[name].shown(other);

export function taskForm(context, task) {
  let base = task; // what the fields were filled from
  const controls = {
    title: input("title", { maxLength: 200, autocomplete: "off" }),
    description: element("textarea", { name: "description", rows: 5 }),
    status: select("status", STATUSES),
    priority: select("priority", PRIORITIES),
    due_at: input("due_at", { type: "datetime-local", required: false }),
    labels: input("labels", { required: false, autocomplete: "off" }),
    assignee_id: select("assignee_id", assignees()),
  };
  const hints = { due_at: `In the time zone of your account: ${context.session.me.timezone}`, labels: "With commas between them" };
  const conflict = element("div");
  const all = element(
    "fieldset",
    { class: "fields" },
    NAMES.map((name) => {
      const made = field(FIELDS[name].label, controls[name], hints[name]);
      made.classList.add(name);
      return made;
    }),
    element("button", { class: "primary" }, "Save"),
  );
  const node = element("div", {}, form({ "aria-label": "Fields of the task" }, save, all), conflict);
  show(NAMES);
  return { node, update, isDirty: () => changedNames().length > 0 };

  function assignees() {
    const people = context.people();
    const isGone = base.assignee_id && people.every(([id]) => id !== base.assignee_id);
    return [["", "Nobody"], ...people, ...(isGone ? [[base.assignee_id, context.nameOf(base.assignee_id)]] : [])];
  }

  function show(names) {
    for (const name of names) controls[name].value = FIELDS[name].shown(base);
  }

  function changedNames() {
    return NAMES.filter((name) => controls[name].value !== FIELDS[name].shown(base));
  }

  /** Take what is new, unless somebody else has changed the very fields that were changed here. */
  function update(current) {
    all.disabled = !context.canWrite() || conflict.hasChildNodes();
    if (current.version <= base.version) return;
    const mine = changedNames();
    if (mine.some((name) => differ(name, current, base))) return; // saving will ask
    base = current;
    show(NAMES.filter((name) => !mine.includes(name)));
  }

  async function save() {
    const names = changedNames();
    if (names.length > 0) await send(names, base.version);
  }

  async function send(names, version) {
    const body = {};
    for (const name of names) {
      const { value } = controls[name];
      body[name] = FIELDS[name].sent ? FIELDS[name].sent(value) : value;
    }
    try {
      const { warnings, ...saved } = await patch(`/tasks/${task.id}`, body, version);
      base = saved;
      show(NAMES);
      conflict.replaceChildren();
      context.room.put("task", saved);
      context.changed.forEach((listener) => listener(null));
      announce("The task is saved.");
      if (warnings) complain(warnings.map(({ message }) => message).join(" "));
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      await settle(names, problem.current);
    }
  }

  /** Somebody was faster: what only one of us has changed needs no question. */
  async function settle(mine, current) {
    const isAsked = (name) => differ(name, current, base) && controls[name].value !== FIELDS[name].shown(current);
    const asked = mine.filter(isAsked);
    base = current;
    show(NAMES.filter((name) => !mine.includes(name)));
    if (asked.length > 0) ask(asked, current);
    else await send(mine, current.version);
  }

  function ask(asked, current) {
    const choices = form(
      { class: "conflict", "aria-labelledby": "conflict-title" },
      async (values) => {
        for (const name of asked) if (values[name] === "theirs") controls[name].value = FIELDS[name].shown(current);
        conflict.replaceChildren();
        update(base);
        controls[asked[0]].focus();
        await save();
      },
      element("h3", { id: "conflict-title", tabIndex: -1 }, "Somebody else has changed this meanwhile"),
      asked.map((name) => choice(name, controls[name].value, FIELDS[name].shown(current))),
      element("button", { class: "primary" }, "Save what is chosen"),
    );
    fill(conflict, choices);
    update(base);
    choices.querySelector("h3").focus();
  }

  function choice(name, mine, theirs) {
    const told = (value) => (name === "assignee_id" ? value && context.nameOf(value) : FIELDS[name].told?.(value) ?? value) || "nothing";
    const option = (value, whose, text) =>
      element(
        "label",
        { class: "choice" },
        element("input", { type: "radio", name, value, checked: value === "mine" }),
        element("span", {}, element("strong", {}, whose), element("span", { class: "version" }, told(text))),
      );
    return element(
      "fieldset",
      {},
      element("legend", {}, FIELDS[name].label),
      option("mine", "Yours", mine),
      option("theirs", "Theirs", theirs),
    );
  }
}
