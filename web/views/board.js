// The board of a room: columns by status, live; personal tasks have one like projects.

import { post } from "../api.js";
import { element, fill, keepFocus, keyedList, onceAFrame, setText } from "../elements.js";
import { form, input, select } from "../forms.js";
import { formatNumber } from "../format.js";
import { announce } from "../notices.js";
import { memberKey } from "../room.js";
import { STATUSES, byPosition } from "../words.js";
import { makeCard, updateCard } from "./card.js";
import { moves } from "./moves.js";
import { taskDrawer } from "./task.js";

const KEYS = "Arrow keys go from task to task; with Shift they move the task. Enter opens it.";

/** What is counted or kept for each task, by its id. */
function group(rows, of) {
  const found = new Map();
  for (const row of rows) if (of(row)) found.set(of(row), [...(found.get(of(row)) ?? []), row]);
  return found;
}

export function boardView(session, roomName, address) {
  const projectId = roomName.startsWith("project:") ? roomName.slice("project:".length) : null;
  const cards = new Map(); // nodes by the id of their task: they may change columns
  const redraw = onceAFrame(draw);
  const changed = new Set([redraw]); // who draws anew when the room has changed

  const context = { session, projectId, address, nameOf, canWrite, changed, people };
  const heading = element("h1", { tabIndex: -1 }, projectId ? "…" : "Personal tasks");
  const present = element("ul", { class: "present", role: "list", "aria-label": "Here now" });
  const filters = makeFilters(redraw);
  const columns = new Map(STATUSES.map(([status, name]) => [status, makeColumn(status, name)]));
  const board = element("div", { class: "board" }, [...columns.values()].map(({ node }) => node));
  const quickAdd = makeQuickAdd();
  const node = element(
    "main",
    { id: "main" },
    element("div", { class: "title-row" }, heading, present),
    element("div", { class: "tools" }, quickAdd, filters.node),
    element("p", { id: "keys", class: "hint keys" }, KEYS),
    board,
  );

  const live = projectId ? session.live.follow(roomName, follower()) : session.own;
  const room = live.room;
  context.room = room;
  context.move = moves(board, context, () => columns, draw);
  if (!projectId) session.onOwnEvent.add(onOwnEvent);
  if (room.seq !== null) redraw();

  const drawer = taskDrawer(context);
  node.append(drawer.node);
  session.timer.onChange.add(redraw);
  return { node, show: (taskId) => drawer.show(taskId ?? null), leave };

  function leave() {
    drawer.show(null);
    drawer.leave();
    session.timer.onChange.delete(redraw);
    session.onOwnEvent.delete(onOwnEvent);
    if (projectId) live.stop();
  }

  function onOwnEvent(event) {
    changed.forEach((listener) => listener(event));
  }

  function follower() {
    return {
      onChange(event) {
        if (event?.type.startsWith("time_entry.") && event.data.user_id === session.me.id) void session.timer.look();
        tellOfOthers(event);
        changed.forEach((listener) => listener(event));
      },
      onPresence: redraw,
      onRefused(detail) {
        fill(node, element("h1", { tabIndex: -1 }, "Not here"), element("p", {}, detail));
        node.append(element("a", { href: "#/" }, "Your projects"));
      },
    };
  }

  function tellOfOthers(event) {
    if (event?.type !== "task.created" || event.actor === session.me.id) return;
    announce(`${nameOf(event.actor)} added ${event.data.title}.`);
  }

  function nameOf(userId) {
    if (userId === session.me.id) return session.me.name;
    return room.rows.member.get(memberKey(projectId, userId))?.name ?? "Somebody";
  }

  function people() {
    const members = projectId ? [...room.rows.member.values()] : [{ user_id: session.me.id, name: session.me.name }];
    return members.map((member) => [member.user_id, member.name]).sort((a, b) => a[1].localeCompare(b[1]));
  }

  function canWrite() {
    if (!projectId) return true;
    const role = room.rows.member.get(memberKey(projectId, session.me.id))?.role;
    return (role === "owner" || role === "editor") && !room.rows.project.get(projectId)?.archived;
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
    const draw = keyedList(list, ({ task }) => task.id, cardOf, (card, facts) => updateCard(card, facts, canWrite()));
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
      async ({ title: text }, made) => {
        const { warnings: _, ...task } = await post("/tasks", { title: text, project_id: projectId });
        room.put("task", task);
        redraw();
        made.reset();
        announce(`${task.title} is added.`);
      },
      title,
      element("button", { class: "primary" }, "Add"),
    );
  }

  function draw() {
    const tasks = [...room.rows.task.values()].map(context.move.shown);
    for (const id of cards.keys()) if (!room.rows.task.has(id)) cards.delete(id);
    if (projectId) setText(heading, room.rows.project.get(projectId)?.name ?? "…");
    document.title = `${heading.textContent} – Stint`;
    quickAdd.hidden = !canWrite();
    filters.offer(tasks, people());
    const factsOf = gather();
    keepFocus(() => {
      for (const [status, column] of columns) {
        column.tasks = tasks.filter((task) => task.status === status && filters.match(task, session.me.id)).sort(byPosition);
        column.draw(column.tasks.map(factsOf));
        setText(column.count, formatNumber(column.tasks.length));
        context.move.keepTabStop(column);
      }
    });
    drawPresent();
  }

  /** Return what tells of a task all that its card shows. */
  function gather() {
    const items = group(room.rows.item.values(), (item) => item.task_id);
    const comments = group(room.rows.comment.values(), (comment) => comment.task_id);
    const leases = new Map([...room.rows.lease.values()].map((lease) => [lease.task_id, lease]));
    const onIt = group(
      [...room.present.values()].filter(({ kind }) => kind === "person"),
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

function makeFilters(redraw) {
  const text = input("text", { type: "search", required: false, placeholder: "Filter", "aria-label": "Filter by text" });
  const label = select("label", [["", "Any label"]]);
  const assignee = select("assignee", [["", "Anybody"]]);
  label.setAttribute("aria-label", "Filter by label");
  assignee.setAttribute("aria-label", "Filter by assignee");
  const node = element("search", { class: "filters", oninput: redraw }, text, label, assignee);
  return { node, match, offer };

  function match(task, myId) {
    const wanted = text.value.trim().toLowerCase();
    if (wanted && !`${task.title}\n${task.description}`.toLowerCase().includes(wanted)) return false;
    if (label.value && !task.labels.includes(label.value)) return false;
    if (assignee.value === "nobody") return task.assignee_id === null;
    return !assignee.value || task.assignee_id === (assignee.value === "me" ? myId : assignee.value);
  }

  function offer(tasks, people) {
    const labels = [...new Set(tasks.flatMap((task) => task.labels))].sort();
    offerIn(label, [["", "Any label"], ...labels.map((each) => [each, each])]);
    offerIn(assignee, [["", "Anybody"], ["me", "Me"], ["nobody", "Nobody"], ...people]);
  }

  function offerIn(control, options) {
    const offered = JSON.stringify(options);
    if (control.offered === offered) return;
    control.offered = offered;
    const { value } = control;
    fill(control, options.map(([key, name]) => element("option", { value: key }, name)));
    control.value = options.some(([key]) => key === value) ? value : "";
  }
}
