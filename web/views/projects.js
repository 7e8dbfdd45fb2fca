// The list of projects, and making one.

import { getAll, post } from "../api.js";
import { element, keepFocus, keyedList, setText } from "../elements.js";
import { field, form, input } from "../forms.js";
import { formatNumber } from "../format.js";
import { attemptQuietly } from "../notices.js";
import { roleName } from "./project/roles.js";

const PERSONAL = { id: "", name: "Personal tasks", description: "Only you see them." };

export function projectsView(session) {
  const list = element("ul", { class: "projects", role: "list", "aria-busy": "true" });
  const count = element("span", { class: "count" });
  const oldOnes = element("ul", { class: "projects", role: "list", "aria-label": "Archived projects" });
  const archive = element("details", { class: "archive", hidden: true }, element("summary", {}, "Archived ", count), oldOnes);
  const drawOpen = keyedList(list, ({ id }) => id, makeLine, updateLine);
  const drawArchived = keyedList(oldOnes, ({ id }) => id, makeLine, updateLine);
  let asked = 0;
  const load = () =>
    attemptQuietly(async () => {
      const mine = (asked += 1);
      const projects = await getAll("/projects");
      if (mine !== asked) return; // a later state is on its way
      const archived = projects.filter((project) => project.archived);
      keepFocus(() => {
        drawOpen([PERSONAL, ...projects.filter((project) => !project.archived)]);
        drawArchived(archived);
      });
      setText(count, formatNumber(archived.length));
      archive.hidden = archived.length === 0;
    });
  const onOwnEvent = (event) => {
    if (!event || event.type.startsWith("member.")) void load();
  };
  session.onOwnEvent.add(onOwnEvent);
  drawOpen([PERSONAL]);
  void load().finally(() => list.removeAttribute("aria-busy"));

  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, "Projects"),
    list,
    archive,
    element("h2", {}, "New project"),
    element("p", { class: "hint lead" }, "For work that you share with others, or want to see apart in reports."),
    form(
      {},
      async (values) => {
        const { id } = await post("/projects", values);
        location.hash = `#/projects/${id}`;
      },
      field("Name", input("name", { maxLength: 100, autocomplete: "off" })),
      field("Description", input("description", { required: false, autocomplete: "off" })),
      element("button", { class: "primary" }, "Make the project"),
    ),
  );
  return { node, leave: () => session.onOwnEvent.delete(onOwnEvent) };
}

const makeLine = ({ id }) =>
  element(
    "li",
    {},
    element("a", { href: id ? `#/projects/${id}` : "#/personal" }),
    " ",
    element("span", { class: "role" }),
    element("p", { class: "hint" }),
  );

function updateLine(line, { name, description, role }) {
  const [link, mine, about] = line.children;
  setText(link, name);
  setText(mine, role ? roleName(role) : "");
  setText(about, description);
  about.hidden = !description;
}
