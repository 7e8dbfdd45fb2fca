// What people may do in a project.

import { element } from "../../elements.js";

const ROLES = [
  ["viewer", "Viewer", "reads everything"],
  ["editor", "Editor", "also makes and changes tasks, comments, and records time"],
  ["owner", "Owner", "also manages the members, the webhooks and the project itself"],
];
const NAMES = Object.fromEntries(ROLES.map(([role, name]) => [role, name]));

export const roleName = (role) => NAMES[role];
/** As one says it of somebody: an editor. */
export const withArticle = (role) => `${role === "viewer" ? "a" : "an"} ${role}`;
/** Owners first. */
export const byRank = (one, other) => rank(other) - rank(one);

/** What one may be: agents do not own projects. */
export const rolesFor = (isAgent) => ROLES.filter(([role]) => !isAgent || role !== "owner");

export const rolesInWords = () =>
  element(
    "dl",
    { class: "roles" },
    [...ROLES].reverse().map(([, name, may]) => element("div", {}, element("dt", {}, name), element("dd", {}, may))),
  );

function rank(role) {
  return ROLES.findIndex(([each]) => each === role);
}
