// What a project is and by which rules it goes; putting it away.

import { patch } from "../../api.js";
import { sharedForm } from "../../conflicts.js";
import { element, setText } from "../../elements.js";
import { formatInstant } from "../../format.js";
import { announce, attempt } from "../../notices.js";
import { removeWithUndo } from "../../undo.js";
import { partOfProject } from "./part.js";
import { projectFields, withRate } from "./settings_fields.js";

export function projectSettingsView(session, { projectId }) {
  const part = partOfProject(session, projectId, "settings", "About", { draw });
  const path = `/projects/${projectId}`;
  const about = element("p", { class: "hint lead" });
  const reading = element("p", { class: "hint lead", hidden: true }, "Owners change this.");
  const archive = element("button", { type: "button", onclick: toggleArchived });
  const archived = element("p", {});
  const putAway = element(
    "section",
    { class: "put-away", hidden: true, "aria-labelledby": "put-away" },
    element("h2", { id: "put-away" }, "Put away"),
    archived,
    archive,
    element("p", {}, "A project in the trash is seen by nobody. It can be brought back for 30 days, with all that is in it."),
    element("button", { type: "button", onclick: discard }, "Delete the project"),
  );
  const place = element("div", { class: "about" });
  part.node.append(element("h2", {}, "About"), about, reading, place, putAway);
  let fields = null;
  return part;

  function draw() {
    const project = part.project();
    fields ??= begin(project);
    fields.update(project);
    setText(about, `Made by ${part.nameOf(project.created_by)} on ${formatInstant(project.created_at)}.`);
    reading.hidden = part.isOwner();
    putAway.hidden = !part.isOwner();
    setText(archived, `${project.archived ? "This" : "An archived"} project takes no new tasks and no new time.`);
    setText(archive, project.archived ? "Take it out of the archive" : "Archive the project");
  }

  function begin(row) {
    const controls = projectFields();
    const made = sharedForm({
      label: "About the project",
      saved: "The project is saved.",
      fields: controls,
      row,
      send: (changes, version) => save(withRate(changes, controls), version),
      mayChange: part.isOwner,
    });
    place.append(made.node);
    return made;
  }

  /** Save changes; what has a point in its name goes inside, as settings.currency does. */
  async function save(changes, version) {
    const body = {};
    for (const [name, value] of Object.entries(changes)) {
      const [outer, inner] = name.split(".");
      body[outer] = inner ? { ...body[outer], [inner]: value } : value;
    }
    const { role: _, ...saved } = await patch(path, body, version);
    part.room.put("project", saved);
    part.redraw();
    return saved;
  }

  function toggleArchived() {
    const isArchived = !part.project().archived;
    return attempt(async () => {
      await save({ archived: isArchived });
      announce(isArchived ? "The project is archived." : "The project is out of the archive.");
    });
  }

  function discard() {
    return attempt(async () => {
      await removeWithUndo(path, part.project().name, session.me.id);
      location.hash = "#/";
    });
  }
}
