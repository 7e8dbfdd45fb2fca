// The list of projects, and making one.

import { getAll, post } from "../api.js";
import { element, fill } from "../elements.js";
import { field, form, input } from "../forms.js";
import { attempt } from "../notices.js";

export function projectsView(session) {
  document.title = "Projects – Stint";
  const list = element("ul", { class: "projects", role: "list" }, personal());
  const load = () =>
    attempt(async () => {
      const projects = await getAll("/projects?archived=false");
      fill(list, personal(), projects.map(projectLink));
    });
  const onOwnEvent = (event) => {
    if (event?.type.startsWith("member.") || event?.type.startsWith("project.")) void load();
  };
  session.onOwnEvent.add(onOwnEvent);
  void load();

  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Projects"),
    list,
    element("h2", {}, "New project"),
    form(
      { class: "in-a-row" },
      async (values) => {
        const { id } = await post("/projects", values);
        location.hash = `#/projects/${id}`;
      },
      field("Name", input("name", { maxLength: 100, autocomplete: "off" })),
      element("button", { class: "primary" }, "Make it"),
    ),
  );
  return { node, leave: () => session.onOwnEvent.delete(onOwnEvent) };
}

const projectLink = ({ id, name, description }) =>
  element(
    "li",
    {},
    element("a", { href: `#/projects/${id}` }, name),
    description && element("p", { class: "hint" }, description),
  );

const personal = () =>
  element(
    "li",
    {},
    element("a", { href: "#/personal" }, "Personal tasks"),
    element("p", { class: "hint" }, "Only you see them."),
  );
