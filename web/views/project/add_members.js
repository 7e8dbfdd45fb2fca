// Adding people by their address, and one's own agents.

import { post } from "../../api.js";
import { element } from "../../elements.js";
import { field, form, input, offer, select } from "../../forms.js";
import { announce } from "../../notices.js";
import { memberKey } from "../../room.js";
import { rolesFor, withArticle } from "./roles.js";

export function addMembers(session, part) {
  const agent = select("user_id", []);
  const agents = element("section", {}, element("h2", {}, "Add an agent of yours"), adding("Add an agent of yours", true, field("Agent", agent)));
  const node = element(
    "div",
    { hidden: true },
    element("h2", {}, "Add somebody"),
    adding("Add somebody", false, field("E-mail address", input("email", { type: "email", autocomplete: "off" }))),
    element("p", { class: "hint" }, "They need an account here, and find the project among theirs at once."),
    agents,
  );
  return { node, update };

  function adding(label, isAgent, named) {
    const roles = rolesFor(isAgent).map(([role, name]) => [role, name]);
    return form(
      { class: "in-a-row", "aria-label": label },
      async (values, made) => {
        const member = await post(`/projects/${part.projectId}/members`, values);
        part.room.put("member", member);
        part.redraw();
        announce(`${member.name} is added as ${withArticle(member.role)}.`);
        if (isAgent) return part.node.querySelector("h2").focus(); // there may be no other to add
        made.elements.email.value = "";
        return made.elements.email.focus();
      },
      named,
      field("Role", select("role", roles, "editor")),
      element("button", { class: "primary" }, "Add"),
    );
  }

  function update() {
    node.hidden = !part.isOwner();
    const isFree = ({ id }) => !part.room.rows.member.has(memberKey(part.projectId, id));
    const free = [...session.own.room.rows.agent.values()].filter(isFree);
    agents.hidden = free.length === 0;
    offer(agent, free.map(({ id, name }) => [id, name]));
  }
}
