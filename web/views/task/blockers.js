// Which tasks a task waits for: one more or one less. What others change of them meanwhile stays.

import { element } from "../../elements.js";
import { form, offer, select } from "../../forms.js";
import { announce, attempt } from "../../notices.js";
import { byPosition } from "../../words.js";
import { saveTask } from "./saving.js";

const CHOOSE = ["", "Choose a task that it waits for"];
const OPEN = ["pending", "in_progress"];

/** `node` is a form for one more; `remover(blocker, removed)` makes a button for one less. */
export function blockersForm(context, taskId) {
  const others = select("blocked_by", [CHOOSE]);
  others.required = true;
  others.setAttribute("aria-label", "Task that it waits for");
  const node = form({ class: "in-a-row" }, add, others, element("button", {}, "Wait for it"));
  return { node, update, remover };

  function update({ blocked_by: known }) {
    const offered = [...context.room.rows.task.values()]
      .filter(({ id, status }) => id !== taskId && OPEN.includes(status) && !known.includes(id))
      .sort(byPosition)
      .map(({ id, title }) => [id, title]);
    offer(others, [CHOOSE, ...offered]);
    node.hidden = offered.length === 0 || !context.canWrite();
  }

  async function add({ blocked_by: id }) {
    const [{ text: title }] = others.selectedOptions;
    await change((ids) => [...new Set([...ids, id])]);
    announce(`The task waits for ${title}.`);
  }

  function remover({ id, title }, removed) {
    const about = { type: "button", class: "quiet", "aria-label": `Do not wait for ${title}` };
    return element("button", { ...about, onclick: () => attempt(remove) }, "Do not wait");

    async function remove() {
      await change((ids) => ids.filter((each) => each !== id));
      announce(`The task does not wait for ${title} any more.`);
      removed();
    }
  }

  async function change(edit, task = context.room.rows.task.get(taskId)) {
    try {
      await saveTask(context, taskId, { blocked_by: edit(task.blocked_by) }, task.version);
    } catch (problem) {
      if (problem.status !== 412) throw problem;
      await change(edit, problem.current); // somebody was faster
    }
  }
}
