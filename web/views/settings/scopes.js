// What API tokens may be used for, in words.

import { element } from "../../elements.js";
import { field, select } from "../../forms.js";

// resource: [what it is about, how far one may go]
const READ_AND_WRITE = ["read", "write"];
const RESOURCES = {
  tasks: ["Tasks, with their lines and comments", READ_AND_WRITE],
  projects: ["Projects and their members", READ_AND_WRITE],
  time: ["Time, the timer and reports", READ_AND_WRITE],
  agents: ["Agents", READ_AND_WRITE],
  webhooks: ["Webhooks", READ_AND_WRITE],
  trash: ["The trash", READ_AND_WRITE],
  rooms: ["All that happens, live", ["read"]],
  account: ["The account, and all of it as an archive", READ_AND_WRITE],
  notify: ["Notifications, and messages to others", READ_AND_WRITE],
};
const SHORT = {
  tasks: "tasks", projects: "projects", time: "time", agents: "agents", webhooks: "webhooks", trash: "the trash",
  rooms: "what happens live", account: "the account", notify: "notifications",
};
const RIGHTS = { read: "Read", write: "Read and change" };

/** "reads time; reads and changes tasks", as a list of texts. */
export function scopeWords(scopes) {
  const of = (right) =>
    scopes.filter((scope) => scope.endsWith(`:${right}`)).map((scope) => SHORT[scope.split(":")[0]] ?? scope);
  const told = [
    ["Reads and changes", of("write")],
    ["Reads", of("read").filter((name) => !of("write").includes(name))],
  ];
  return told.filter(([, names]) => names.length > 0).map(([verb, names]) => `${verb} ${names.join(", ")}`);
}

/** Fields to choose from; `chosen` are scopes that one needs in most cases. */
export function scopeFields(chosen) {
  const rightTo = (resource) => chosen.find((scope) => scope.startsWith(`${resource}:`))?.split(":")[1] ?? "";
  const fields = Object.entries(RESOURCES).map(([resource, [name, rights]]) =>
    field(name, select(`${resource}-scope`, [["", "No"], ...rights.map((right) => [right, RIGHTS[right]])], rightTo(resource))),
  );
  return element("fieldset", { class: "scopes" }, element("legend", {}, "What it may do"), fields);
}

/** The scopes that a form with these fields says. */
export const chosenScopes = (values) =>
  Object.keys(RESOURCES)
    .filter((resource) => values[`${resource}-scope`])
    .map((resource) => `${resource}:${values[`${resource}-scope`]}`);
