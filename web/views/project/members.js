// Who belongs to a project, and as what.

import { getAll } from "../../api.js";
import { element, keepFocus, keyedList, setText } from "../../elements.js";
import { formatDay, formatNumber } from "../../format.js";
import { attemptQuietly } from "../../notices.js";
import { addMembers } from "./add_members.js";
import { changeRole, removeMember } from "./member_dialogs.js";
import { partOfProject } from "./part.js";
import { byRank, roleName, rolesInWords } from "./roles.js";

/** Agents have no address; a placeholder may have none either. */
const isAgent = ({ email, placeholder }) => email === null && !placeholder;

export function membersView(session, { projectId }) {
  const part = partOfProject(session, projectId, "members", "Members", { draw });
  const owners = new Map(); // of agents, by their ids
  const count = element("span", { class: "count" });
  const title = element("h2", { tabIndex: -1 }, "Members ", count);
  const list = element("ul", { class: "rows", role: "list", "aria-busy": "true" });
  const drawRows = keyedList(list, ({ user_id: userId }) => userId, makeRow, updateRow);
  const reading = element("p", { class: "hint", hidden: true }, "Owners add and remove people and change what they may do.");
  const add = addMembers(session, part);
  part.node.append(
    title,
    reading,
    list,
    add.node,
    element("h2", {}, "What each may do"),
    rolesInWords(),
  );
  session.onOwnEvent.add(part.redraw);
  return { node: part.node, leave };

  function leave() {
    session.onOwnEvent.delete(part.redraw);
    part.leave();
  }

  function draw() {
    const members = part.members().sort((a, b) => byRank(a.role, b.role) || a.name.localeCompare(b.name));
    if (members.some((member) => isAgent(member) && !owners.has(member.user_id))) void loadOwners(members);
    keepFocus(() => drawRows(members));
    list.removeAttribute("aria-busy");
    setText(count, formatNumber(members.length));
    reading.hidden = part.isOwner();
    add.update();
  }

  // The room does not say whose an agent is.
  async function loadOwners(members) {
    for (const { user_id: userId } of members.filter(isAgent)) owners.set(userId, owners.get(userId) ?? null);
    await attemptQuietly(async () => {
      for (const agent of await getAll(`/agents?project_id=${projectId}`)) owners.set(agent.id, agent.owner_id);
    });
    part.redraw();
  }

  function makeRow({ user_id: userId, created_at: since }) {
    const member = () => part.members().find((each) => each.user_id === userId);
    const act = (name, work) => element("button", { type: "button", onclick: () => work(part, member(), context(member())) }, name);
    return element(
      "li",
      { class: "member" },
      element("div", {}, element("p", {}, element("strong"), " ", element("span", { class: "hint" })), element("p", { class: "hint" })),
      element("div", {}, element("p", {}), element("p", { class: "hint" }, `since ${formatDay(since)}`)),
      element("div", { class: "actions" }, act("Change role", changeRole), act("Remove", removeMember)),
    );
  }

  function context(member) {
    return { isAgent: isAgent(member), isMe: member.user_id === session.me.id, after: () => title.focus() };
  }

  function updateRow(row, member) {
    const [who, role, actions] = row.children;
    const [named, about] = who.children;
    const isMe = member.user_id === session.me.id;
    setText(named.firstChild, member.name);
    setText(named.lastChild, isMe ? "(you)" : "");
    setText(about, [kindOf(member), member.email].filter(Boolean).join(" · "));
    setText(role.firstChild, roleName(member.role));
    const [change, remove] = actions.children;
    change.hidden = !part.isOwner();
    change.setAttribute("aria-label", `Change role of ${member.name}`);
    remove.hidden = !part.isOwner() && !isMe;
    setText(remove, isMe ? "Leave" : "Remove");
    remove.setAttribute("aria-label", isMe ? "Leave the project" : `Remove ${member.name}`);
  }

  function kindOf(member) {
    if (member.placeholder) return "Named by an import, has not signed up yet";
    if (!isAgent(member)) return "";
    const owner = owners.get(member.user_id);
    return owner ? `Agent of ${owner === session.me.id ? "yours" : part.nameOf(owner)}` : "Agent";
  }
}
