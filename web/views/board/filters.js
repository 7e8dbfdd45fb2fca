// What of a board is shown: by text, label and assignee.

import { element } from "../../elements.js";
import { input, offer, select } from "../../forms.js";

export function makeFilters(redraw) {
  const text = input("text", { type: "search", required: false, placeholder: "Filter", "aria-label": "Filter by text" });
  const label = select("label", [["", "Any label"]]);
  const assignee = select("assignee", [["", "Anybody"]]);
  label.setAttribute("aria-label", "Filter by label");
  assignee.setAttribute("aria-label", "Filter by assignee");
  const node = element("search", { class: "filters", oninput: redraw }, text, label, assignee);
  return { node, match, show };

  function match(task, myId) {
    const wanted = text.value.trim().toLowerCase();
    if (wanted && !`${task.title}\n${task.description}`.toLowerCase().includes(wanted)) return false;
    if (label.value && !task.labels.includes(label.value)) return false;
    if (assignee.value === "nobody") return task.assignee_id === null;
    return !assignee.value || task.assignee_id === (assignee.value === "me" ? myId : assignee.value);
  }

  function show(tasks, people) {
    const labels = [...new Set(tasks.flatMap((task) => task.labels))].sort();
    offer(label, [["", "Any label"], ...labels.map((each) => [each, each])]);
    offer(assignee, [["", "Anybody"], ["me", "Me"], ["nobody", "Nobody"], ...people]);
  }
}
