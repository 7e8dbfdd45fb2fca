// What people and projects are called that are named by their ids only.

import { getAll } from "./api.js";

const known = new WeakMap(); // by session: { people, projects }, Maps of names by id

function namesOf(session) {
  if (!known.has(session)) known.set(session, { people: new Map(), projects: new Map() });
  return known.get(session);
}

export const projectName = (session, id) => namesOf(session).projects.get(id) ?? "";

/** How somebody is called in a sentence: "Somebody" where it is not known, or was nobody. */
export function personName(session, id) {
  return session.own.room.rows.agent.get(id)?.name ?? namesOf(session).people.get(id) ?? "Somebody";
}

/** Find all projects that one is in; returns them. */
export async function learnProjects(session) {
  const found = await getAll("/projects");
  for (const { id, name } of found) namesOf(session).projects.set(id, name);
  return found;
}

/** Find names of people, which are [id, id of a project that they are in or null]. */
export async function learnPeople(session, pairs) {
  const { people } = namesOf(session);
  people.set(session.me.id, "You");
  const unknown = () => pairs.filter(([id]) => id && !people.has(id) && !session.own.room.rows.agent.has(id));
  const named = new Set(unknown().map(([, projectId]) => projectId));
  named.delete(null);
  const read = await Promise.all([...named].map((projectId) => learnMembers(people, projectId)));
  for (const { project_id: projectId } of session.own.room.rows.member.values()) {
    if (unknown().some(([, place]) => !place)) read.push(await learnMembers(people, projectId));
  }
  if (session.own.room.seq === null || !read.every(Boolean)) return; // asked again the next time
  for (const [id] of unknown()) people.set(id, null); // they are gone from all that one sees
}

/** Return false where there was no answer. */
async function learnMembers(people, projectId) {
  try {
    const members = await getAll(`/projects/${projectId}/members`);
    for (const { user_id: id, name } of members) people.set(id, people.get(id) ?? name);
  } catch (problem) {
    if (!problem.isProblem) throw problem;
    return problem.status !== 0;
  }
  return true;
}
