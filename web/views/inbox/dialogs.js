// Dialogs about a line of the inbox: saying it in other words, and making a task of it.

import { getAll, patch, post } from "../../api.js";
import { lineField } from "../../capture.js";
import { openDialog } from "../../dialogs.js";
import { element, fill } from "../../elements.js";
import { field, form, select } from "../../forms.js";

/** Change the name or the description; `saved` hears of the item as it is then. */
export function openWording(item, saved) {
  const line = lineField("Line", { value: item.name, autofocus: true });
  const description = element("textarea", { name: "description", rows: 4, maxLength: 20_000, value: item.description });
  const question = element("div", { role: "status" });
  let { version } = item; // what is replaced by saving
  const fields = form(
    { "aria-label": "Wording of the line" },
    async (values) => {
      try {
        saved(await patch(`/items/${item.id}`, values, version));
        dialog.close();
      } catch (problem) {
        if (problem.status !== 412) throw problem;
        tellOther(problem.current);
      }
    },
    line.node,
    field("Description", description),
    question,
    element("button", { class: "primary" }, "Save"),
  );
  const dialog = openDialog("Edit a line", fields);

  function tellOther(current) {
    ({ version } = current);
    fill(
      question,
      element(
        "div",
        { class: "conflict" },
        element("p", {}, "It was changed meanwhile; now it is:"),
        element("p", { class: "version" }, element("strong", {}, current.name)),
        current.description && element("p", { class: "version" }, current.description),
        element("p", {}, "Save once more to replace that, or close this to keep it."),
      ),
    );
  }
}

/** Make a task of a line, in a project or a personal one; `made` hears of the task. */
export async function openPromotion(item, made) {
  const projects = (await getAll("/projects?archived=false")).filter(({ role }) => role !== "viewer");
  const options = projects.map(({ id, name }) => [id, name]).sort((a, b) => a[1].localeCompare(b[1]));
  const place = select("project_id", [["", "Personal tasks"], ...options]);
  place.autofocus = true;
  const dialog = openDialog(
    "Make a task",
    form(
      { "aria-label": "Where the task goes" },
      async ({ project_id: projectId }) => {
        const task = await post(`/items/${item.id}/promote`, { project_id: projectId || null });
        dialog.close();
        made(task);
      },
      element("p", { class: "version" }, item.name),
      field("Project", place, "The line is done with that."),
      element("button", { class: "primary" }, "Make the task"),
    ),
  );
}
