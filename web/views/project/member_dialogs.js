// What owners do with a member: change the role, or remove; everybody may leave.

import { Problem, patch, remove } from "../../api.js";
import { openDialog } from "../../dialogs.js";
import { element } from "../../elements.js";
import { form } from "../../forms.js";
import { announce } from "../../notices.js";
import { roleName, rolesFor, withArticle } from "./roles.js";

const pathOf = ({ project_id: projectId, user_id: userId }) => `/projects/${projectId}/members/${userId}`;

export function changeRole(part, member, { isAgent }) {
  const save = guarded(part, member, "Save again if it shall be another.");
  const choice = ([role, name, may]) =>
    element(
      "label",
      { class: "choice" },
      element("input", { type: "radio", name: "role", value: role, checked: role === member.role }),
      element("span", {}, element("strong", {}, name), ` ${may}`),
    );
  const dialog = openDialog(
    `Role of ${member.name}`,
    form(
      {},
      async ({ role }) => {
        await save(async (version) => part.room.put("member", await patch(pathOf(member), { role }, version)));
        part.redraw();
        dialog.close();
        announce(`${member.name} is ${withArticle(role)} now.`);
      },
      element("fieldset", {}, element("legend", { class: "unseen" }, "Role"), rolesFor(isAgent).map(choice)),
      element("button", { class: "primary" }, "Save"),
    ),
  );
}

export function removeMember(part, member, { isAgent, isMe, after }) {
  const save = guarded(part, member, "Remove them all the same?");
  const name = part.project().name;
  const title = isMe ? `Leave ${name}?` : `Remove ${member.name}?`;
  const agents = isAgent ? "" : isMe ? " Your agents leave, too." : " Their agents leave, too.";
  const told = isMe
    ? "You do not see the project any more, until an owner adds you again. What you did stays."
    : "They do not see the project any more. What they did stays, and you can add them again.";
  const dialog = openDialog(
    title,
    form(
      {},
      async () => {
        await save((version) => remove(pathOf(member), version));
        dialog.close();
        announce(isMe ? `You have left ${name}.` : `${member.name} is removed.`);
        if (isMe) location.hash = "#/";
        else after();
      },
      element("p", {}, told + agents),
      element("button", { class: "primary" }, isMe ? "Leave" : "Remove"),
    ),
  );
}

/** Do something with the version that the reader sees; who was too late is told, and may go on. */
function guarded(part, member, advice) {
  let { version } = member;
  return async (work) => {
    try {
      await work(version);
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      ({ version } = problem.current);
      part.room.put("member", problem.current);
      part.redraw();
      const detail = `Meanwhile somebody has changed this: ${member.name}, ${roleName(problem.current.role)}. ${advice}`;
      throw new Problem({ code: "changed", detail });
    }
  };
}
