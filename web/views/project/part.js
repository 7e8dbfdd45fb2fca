// What all views of a project share: its room, its name, and what the reader may do in it.

import { closeDialog } from "../../dialogs.js";
import { element, onceAFrame, setText } from "../../elements.js";
import { sayNotHere } from "../../not_here.js";
import { membership } from "../../project.js";
import { projectPlaces } from "../../subplaces.js";

/**
 * A view of the part of a project that is called `name`, at `end` of its address. `draw` is called
 * when the room has changed, and is not before it is known; `onEvent` hears of each event, or null.
 */
export function partOfProject(session, projectId, end, name, { draw, onEvent }) {
  const title = element("span", {}, "…");
  const node = element(
    "main",
    { id: "main", class: "wide" },
    element("h1", { tabIndex: -1 }, title, " ", element("span", { class: "unseen" }, `– ${name}`)),
    projectPlaces(projectId, `#/projects/${projectId}/${end}`),
  );
  let isLeft = false;
  const redraw = onceAFrame(show);
  const { room, stop } = session.live.follow(`project:${projectId}`, { onChange, onRefused });
  const { project, members, nameOf, isOwner } = membership(session, room, projectId);
  return { node, room, projectId, redraw, project, members, nameOf, isOwner, leave };

  function onChange(event) {
    onEvent?.(event);
    redraw();
  }

  function show() {
    if (isLeft || !project()) return; // not known yet, or gone a moment ago
    setText(title, project().name);
    document.title = `${project().name} – ${name} – Stint`;
    draw();
  }

  function onRefused(detail) {
    isLeft = true;
    closeDialog();
    sayNotHere(node, detail);
  }

  function leave() {
    isLeft = true;
    stop();
  }
}
