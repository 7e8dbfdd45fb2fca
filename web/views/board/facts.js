// What cards show besides their task: who is on it, and how much of what belongs to it there is.

/** What is counted or kept for each task, by its id. */
function group(rows, of) {
  const found = new Map();
  for (const row of rows) if (of(row)) found.set(of(row), [...(found.get(of(row)) ?? []), row]);
  return found;
}

/** Return what tells of a task of the room all that its card shows. */
export function factsIn({ rows, present }, nameOf) {
  const items = group(rows.item.values(), (item) => item.task_id);
  const comments = group(rows.comment.values(), (comment) => comment.task_id);
  const leases = new Map([...rows.lease.values()].map((lease) => [lease.task_id, lease]));
  const onIt = group(
    [...present.values()].filter(({ kind }) => kind === "person"),
    (presence) => presence.task_id,
  );
  return (task) => {
    const checklist = items.get(task.id) ?? [];
    const lease = leases.get(task.id) ?? null;
    return {
      task,
      lease,
      agent: lease && nameOf(lease.agent_id),
      assignee: task.assignee_id && nameOf(task.assignee_id),
      workers: [...new Set((onIt.get(task.id) ?? []).map(({ name }) => name))],
      done: checklist.filter(({ status }) => status === "done").length,
      total: checklist.length,
      comments: comments.get(task.id)?.length ?? 0,
    };
  };
}
