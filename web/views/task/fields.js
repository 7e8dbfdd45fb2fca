// The fields of a task.

import { getAll } from "../../api.js";
import { sharedForm } from "../../conflicts.js";
import { element } from "../../elements.js";
import { addOption, input, listOf, select } from "../../forms.js";
import { formatInstant, fromWallClock, toWallClock } from "../../format.js";
import { inBackground } from "../../notices.js";
import { PRIORITIES, STATUSES, priorityName, statusName } from "../../words.js";
import { saveTask } from "./saving.js";

export function taskForm(context, task) {
  const fields = {
    title: {
      label: "Title",
      control: input("title", { maxLength: 200, autocomplete: "off" }),
      shown: ({ title }) => title,
    },
    description: {
      label: "Description",
      control: element("textarea", { name: "description", rows: 5 }),
      shown: ({ description }) => description,
    },
    status: { label: "Status", control: select("status", STATUSES), shown: ({ status }) => status, told: statusName },
    priority: {
      label: "Priority",
      control: select("priority", PRIORITIES),
      shown: ({ priority }) => priority,
      told: priorityName,
    },
    due_at: {
      label: "Due",
      control: input("due_at", { type: "datetime-local", required: false }),
      hint: `In the time zone of your account: ${context.session.me.timezone}`,
      shown: (row) => toWallClock(row.due_at),
      sent: fromWallClock,
      told: (value) => value && formatInstant(fromWallClock(value)),
    },
    assignee_id: {
      label: "Assignee",
      control: select("assignee_id", [["", "Nobody"], ...context.people()]),
      shown: (row) => row.assignee_id ?? "",
      sent: (value) => value || null,
      told: (value) => value && context.nameOf(value),
    },
    delegate_id: {
      label: "Agent that does it",
      control: select("delegate_id", [["", "None"]]),
      shown: (row) => row.delegate_id ?? "",
      sent: (value) => value || null,
      told: (value) => value && context.nameOf(value),
    },
    labels: {
      label: "Labels",
      control: input("labels", { required: false, autocomplete: "off" }),
      hint: "With commas between them",
      shown: ({ labels }) => labels.join(", "),
      sent: listOf,
    },
  };
  const made = sharedForm({
    label: "Fields of the task",
    saved: "The task is saved.",
    fields,
    row: task,
    send: (changes, version) => saveTask(context, task.id, changes, version),
    mayChange: context.canWrite,
  });
  const delegate = made.node.querySelector(".delegate_id");
  if (context.projectId) void inBackground(offerAgents);
  return { ...made, update };

  function update(current) {
    for (const [id, name] of context.people()) addOption(fields.assignee_id.control, id, name);
    made.update(current);
    showDelegate();
  }

  async function offerAgents() {
    for (const { id, name } of await getAll(`/agents?project_id=${context.projectId}`)) {
      addOption(fields.delegate_id.control, id, name);
    }
    showDelegate();
  }

  /** Nobody is asked about agents where there are none. */
  function showDelegate() {
    delegate.hidden = fields.delegate_id.control.options.length === 1;
  }
}
