// Saving some fields of a task, as of a version that one has seen.

import { patch } from "../../api.js";
import { complain } from "../../notices.js";

/** Return the task that was saved; what the project's rules only warn of is told. */
export async function saveTask(context, taskId, changes, version) {
  const { warnings, ...saved } = await patch(`/tasks/${taskId}`, changes, version);
  context.take("task", saved);
  if (warnings) complain(warnings.map(({ message }) => message).join(" "));
  return saved;
}
