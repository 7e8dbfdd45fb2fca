// A project by its room: who is in it, and what the reader may do there.

import { memberKey } from "./room.js";

/** `room` is that of a project, or with null for `projectId` one's own: there one may do all. */
export function membership(session, room, projectId) {
  return { project, members, nameOf, isOwner, canWrite };

  function project() {
    return room.rows.project.get(projectId);
  }

  function members() {
    return projectId ? [...room.rows.member.values()] : [{ user_id: session.me.id, name: session.me.name }];
  }

  function memberOf(userId) {
    return room.rows.member.get(memberKey(projectId, userId));
  }

  function nameOf(userId) {
    if (userId === session.me.id) return session.me.name;
    return memberOf(userId)?.name ?? "Somebody";
  }

  function myRole() {
    return projectId ? memberOf(session.me.id)?.role : "owner";
  }

  function isOwner() {
    return myRole() === "owner";
  }

  function canWrite() {
    return ["owner", "editor"].includes(myRole()) && !project()?.archived;
  }
}
