// The board of a room: columns by status, live; personal tasks have one like projects.

import { post } from "../../api.js";
import { element, fill, keepFocus, keyedList, onceAFrame, setText } from "../../elements.js";
import { emptied, form, input } from "../../forms.js";
import { formatNumber } from "../../format.js";
import { sayNotHere } from "../../not_here.js";
import { announce } from "../../notices.js";
import { membership } from "../../project.js";
import { projectPlaces } from "../../subplaces.js";
import { STATUSES, byPosition } from "../../words.js";
import { taskDrawer } from "../task/drawer.js";
import { makeCard, updateCard } from "./card.js";
import { factsIn } from "./facts.js";
import { makeFilters } from "./filters.js";
import { moves } from "./moves.js";

const KEYS = "Arrow keys go from task to task; with Shift they move the task. Enter opens it.";
const AT_ONCE = 30; // cards that a column takes in or gives up in a frame: thousands would keep one waiting
const NO_TASK = "There is no task yet.";
const ADD_ONE = " Write the first one above: it begins under To do.";
const NO_MATCH = "No task fits the filter.";

export function boardView(session, roomName, address) {
  const projectId = roomName.startsWith("project:") ? roomName.slice("project:".length) : null;
  const cards = new Map(); // nodes by the id of their task: they may change columns
  const redraw = onceAFrame(draw);
  const changed = new Set([redraw]); // who draws anew when the room has changed

  const heading = element("h1", { tabIndex: -1 }, projectId ? "…" : "Personal tasks");
  const present = element("ul", { class: "present", role: "list", "aria-label": "Here now" });
  const filters = makeFilters(redraw);
  const columns = new Map(STATUSES.map(([status, name]) => [status, makeColumn(status, name)]));
  const board = element("div", { class: "board" }, [...columns.values()].map(({ node }) => node));
  const quickAdd = makeQuickAdd();
  const help = element("p", { class: "hint keys" }, KEYS);
  const node = element(
    "main",
    { id: "main" },
    element("div", { class: "title-row" }, heading, projectId && present),
    projectId && projectPlaces(projectId, address),
    element("div", { class: "tools" }, quickAdd, filters.node),
    help,
    board,
  );

  const live = projectId ? session.live.follow(roomName, follower()) : session.own;
  const { room } = live;
  const { project, members, nameOf, isOwner, canWrite } = membership(session, room, projectId);
  const context = { session, room, projectId, address, nameOf, canWrite, isOwner, changed, people, take, tell };
  const move = moves(board, context, () => columns, draw);
  if (!projectId) session.onOwnEvent.add(tell);
  if (room.seq !== null) redraw();

  const drawer = taskDrawer(context);
  node.append(drawer.node);
  session.timer.onChange.add(redraw);
  return { node, show: (taskId) => drawer.show(taskId ?? null), leave };

  function leave() {
    drawer.show(null);
    drawer.leave();
    session.timer.onChange.delete(redraw);
    session.onOwnEvent.delete(tell);
    if (projectId) live.stop();
  }

  /** Let all here know: of an event, or by null that one has changed something oneself. */
  function tell(event) {
    changed.forEach((listener) => listener(event));
  }

  /** Take the server's answer to a change, ahead of its event. */
  function take(kind, row) {
    room.put(kind, row);
    tell(null);
  }

  function follower() {
    return {
      onChange(event) {
        if (event?.type.startsWith("time_entry.") && event.data.user_id === session.me.id) void session.timer.look();
        tellOfOthers(event);
        tell(event);
      },
      onPresence: redraw,
      onRefused: (detail) => sayNotHere(node, detail),
    };
  }

  function tellOfOthers(event) {
    if (event?.type !== "task.created" || event.actor === session.me.id) return;
    announce(`${nameOf(event.actor)} added ${event.data.title}.`);
  }

  function people() {
    return members().map((member) => [member.user_id, member.name]).sort((a, b) => a[1].localeCompare(b[1]));
  }

  function makeColumn(status, name) {
    const count = element("span", { class: "count" });
    const list = element("ol", { class: "cards", role: "list" });
    const id = `column-${status}`;
    const node = element(
      "section",
      { class: "column", "aria-labelledby": id, "data-status": status },
      element("h2", { id }, name, " ", count),
      list,
    );
    const update = (card, facts) => updateCard(card, facts, canWrite());
    const draw = keyedList(list, ({ task }) => task.id, cardOf, update, AT_ONCE);
    return { node, list, count, draw, tasks: [] };
  }

  function cardOf({ task }) {
    if (!cards.has(task.id)) cards.set(task.id, makeCard(task, address));
    return cards.get(task.id);
  }

  function makeQuickAdd() {
    const title = input("title", { maxLength: 200, autocomplete: "off", placeholder: "Add a task", "aria-label": "New task" });
    return form(
      { class: "quick-add" },
      (values) =>
        emptied(title, async () => {
          const { warnings: _, ...task } = await post("/tasks", { ...values, project_id: projectId });
          take("task", task);
          announce(`${task.title} is added.`);
        }),
      title,
      element("button", { class: "primary" }, "Add"),
    );
  }

  function draw() {
    if (!heading.isConnected) return; // there is nothing to read any more
    if (room.seq === null) return; // or nothing is known yet: who may write, and whether there are tasks
    const tasks = [...room.rows.task.values()].map(move.shown);
    for (const id of cards.keys()) if (!room.rows.task.has(id)) cards.delete(id);
    if (projectId) setText(heading, project()?.name ?? "…");
    document.title = `${heading.textContent} – Stint`;
    quickAdd.hidden = !canWrite();
    filters.show(tasks, people());
    const factsOf = factsIn(room, nameOf);
    keepFocus(() => {
      for (const [status, column] of columns) {
        column.tasks = tasks.filter((task) => task.status === status && filters.match(task, session.me.id)).sort(byPosition);
        if (!column.draw(column.tasks.map(factsOf))) redraw(); // the rest before the next frame
        setText(column.count, formatNumber(column.tasks.length));
        move.keepTabStop(column);
      }
    });
    drawHelp(tasks);
    drawPresent();
  }

  function drawHelp(tasks) {
    const isEmpty = [...columns.values()].every((column) => column.tasks.length === 0);
    const none = tasks.length > 0 ? NO_MATCH : `${NO_TASK}${canWrite() ? ADD_ONE : ""}`;
    setText(help, isEmpty ? none : KEYS);
    help.classList.toggle("none", isEmpty);
  }

  function drawPresent() {
    if (!projectId) return;
    const users = new Map([...room.present.values()].map((each) => [each.user_id, each]));
    const said = [...users.values()].map(({ user_id: userId, kind, name, state, task_id: taskId }) => {
      const title = room.rows.task.get(taskId)?.title;
      const who = userId === session.me.id ? `${name} (you)` : name;
      return [kind, [who, kind === "agent" && state, title].filter(Boolean).join(" · ")];
    });
    if (present.said === JSON.stringify(said)) return;
    present.said = JSON.stringify(said);
    fill(present, said.map(([kind, text]) => element("li", { class: kind }, text)));
  }
}
