// Where time goes: a project and a task in it, a personal task, or neither.

import { getPage } from "../api.js";
import { field, offer, select } from "../forms.js";
import { inBackground } from "../notices.js";

const MOST = 200; // tasks that are offered
const NO_TASK = ["", "No task"];

/** Two fields for the place of an entry (or of none); `names` has read the projects. */
export async function placeFields(session, names, entry) {
  const projects = (await names.readProjects()).filter(
    ({ id, role, archived }) => id === entry?.project_id || (role !== "viewer" && !archived),
  );
  const options = projects.map(({ id, name }) => [id, name]).sort((a, b) => a[1].localeCompare(b[1]));
  const isElsewhere = entry?.project_id && projects.every(({ id }) => id !== entry.project_id);
  if (isElsewhere) options.push([entry.project_id, "Another project"]);
  const project = select("project_id", [["", "No project"], ...options]);
  const task = select("task_id", [NO_TASK]);
  project.addEventListener("change", () => inBackground(() => offerTasks(null)));
  let asked = 0;
  await show(entry);
  const nodes = [field("Project", project), field("Task", task, `The newest ${MOST} of the project, or personal ones`)];
  return { nodes, show, value: () => ({ project_id: project.value || null, task_id: task.value || null }) };

  async function show(current) {
    project.value = current?.project_id ?? "";
    await offerTasks(current);
  }

  /** Offer the tasks of the chosen project, and that of the entry however old it is. */
  async function offerTasks(current) {
    const mine = (asked += 1);
    offer(task, [NO_TASK]); // those of another project are none of this one
    const found = project.value ? await inProject(project.value) : personal();
    if (mine !== asked) return;
    const offered = found.map(({ id, title }) => [id, title]);
    const isMissing = current?.task_id && offered.every(([id]) => id !== current.task_id);
    if (isMissing) offered.unshift([current.task_id, names.of(current).what]);
    offer(task, [NO_TASK, ...offered]);
    task.value = current?.task_id ?? "";
  }

  async function inProject(id) {
    return (await getPage(`/tasks?project_id=${id}`, "", MOST)).rows;
  }

  function personal() {
    return [...session.own.room.rows.task.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, MOST);
  }
}
