// What time entries are about: the names of their tasks and projects.

import { get } from "../api.js";
import { learnProjects, projectName } from "../names.js";

const GONE = "A task that is not there any more";

/** Names are read once: `learn(entries)` before `of(entry)`; `forget()` lets all be read anew. */
export function entryNames(session) {
  const titles = new Map(); // of tasks, by id
  let projects = null; // once they are read
  return { learn, of, forget, readProjects };

  async function learn(entries) {
    const unknown = new Set(entries.map((entry) => entry.task_id).filter((id) => id && !ownTask(id) && !titles.has(id)));
    await Promise.all([
      entries.some((entry) => entry.project_id) && readProjects(),
      ...[...unknown].map(async (id) => titles.set(id, await titleOf(id))),
    ]);
  }

  async function readProjects() {
    projects ??= await learnProjects(session);
    return projects;
  }

  /** `what` it is called, its `task` if it has a title, the name of its `project`, and its note beside that. */
  function of(entry) {
    const task = entry.task_id && (ownTask(entry.task_id)?.title ?? titles.get(entry.task_id) ?? GONE);
    const project = entry.project_id && (projectName(session, entry.project_id) || "Another project");
    const what = task || entry.note || project || "No task";
    return { what, project: what === project ? "" : project || "", note: task ? entry.note : "" };
  }

  function forget() {
    titles.clear();
    projects = null;
  }

  function ownTask(id) {
    return session.own.room.rows.task.get(id);
  }
}

async function titleOf(taskId) {
  try {
    return (await get(`/tasks/${taskId}`)).title;
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    return GONE;
  }
}
