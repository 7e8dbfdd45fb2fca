// Which view is where: the addresses of the page, behind the #.

import { boardView } from "./views/board/board.js";
import { projectsView } from "./views/projects.js";

const personalBoard = (session) => boardView(session, `user:${session.me.id}`, "#/personal");
const projectBoard = (session, { projectId }) =>
  boardView(session, `project:${projectId}`, `#/projects/${projectId}`);

// What loads `make(session, parts)`, which makes a view: { node, show?(taskId), leave?() }. Its node
// has one h1. What people come to first is here with the page, all else comes when it is opened.
const VIEWS = {
  "/": () => projectsView,
  "/personal": () => personalBoard,
  "/projects/:projectId": () => projectBoard,
  "/projects/:projectId/members": async () => (await import("./views/project/members.js")).membersView,
  "/projects/:projectId/webhooks": async () => (await import("./views/project/webhooks.js")).webhooksView,
  "/projects/:projectId/webhooks/:webhookId": async () => (await import("./views/project/webhook.js")).webhookView,
  "/projects/:projectId/settings": async () => (await import("./views/project/settings.js")).projectSettingsView,
  "/inbox": async () => (await import("./views/inbox/inbox.js")).inboxView,
  "/time": async () => (await import("./views/time/time.js")).timeView,
  "/reports": async () => (await import("./views/reports/reports.js")).reportsView,
  "/notifications": async () => (await import("./views/notifications.js")).notificationsView,
  "/trash": async () => (await import("./views/trash.js")).trashView,
  "/import": async () => (await import("./views/import/import.js")).importView,
  "/settings": async () => (await import("./views/settings/profile.js")).profileView,
  "/settings/signing-in": async () => (await import("./views/settings/signing_in.js")).signingInView,
  "/settings/sessions": async () => (await import("./views/settings/sessions.js")).sessionsView,
  "/settings/tokens": async () => (await import("./views/settings/tokens.js")).tokensView,
  "/settings/agents": async () => (await import("./views/settings/agents.js")).agentsView,
};

const ID = "[0-9a-f-]{36}";
const TASK = new RegExp(`/tasks/(${ID})$`);
const PATTERNS = Object.entries(VIEWS).map(([path, load]) => [
  new RegExp(`^${path.replaceAll(/:(\w+)/g, `(?<$1>${ID})`)}$`),
  load,
]);

/**
 * Return the view at an address, under a name that stays the same while one opens tasks above it,
 * with the parts of the address; the projects where there is none.
 */
export function viewAt(hash) {
  const [, taskId] = TASK.exec(hash) ?? [];
  const path = hash.slice(1).replace(TASK, "").split("?")[0];
  if (taskId && !path) return { name: "#/tasks", parts: { taskId } };
  for (const [pattern, load] of PATTERNS) {
    const found = pattern.exec(path);
    if (found) return { name: `#${path}`, load, parts: { ...found.groups, taskId } };
  }
  return { name: "#/", load: VIEWS["/"], parts: {} };
}
