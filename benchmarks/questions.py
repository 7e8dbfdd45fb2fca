"""What is asked of every route in a world, and why some are asked nothing.

$project, $task and the like are ids of the world: `$any_task` is another one each time, `$task` the
one with the many comments, lines and changes; `$made` is what the request before made, $nonce new.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from flask import Flask

from api import create_app
from benchmarks.worlds import MONTH_BEGINS
from config import settings

ARCHIVED = 100_000  # tasks, beyond which an archive takes minutes
MONTH = f"/reports/time?from={MONTH_BEGINS}&to=2026-04-01"


@dataclass(frozen=True)
class Request:
    """A request as text, like `POST /tasks`, in which names of the world are to be put in."""

    line: str
    body: object = None

    @property
    def method(self) -> str:
        """Like POST."""
        return self.line.partition(" ")[0]

    @property
    def path(self) -> str:
        """Behind the API's prefix, with its query."""
        return self.line.partition(" ")[2]


@dataclass(frozen=True)
class Question:
    """A request whose cost is measured, and what goes before and after it each time, unmeasured.

    One that reads `whole` has all that there is in its answer or its sums, so that it grows; in
    worlds of more than `most` tasks it is not asked.
    """

    name: str
    request: Request
    before: tuple[Request, ...] = ()
    after: Request | None = None
    by_agent: bool = False
    whole: bool = False
    most: int | None = None


def _ask(name: str, line: str, body: object = None, *before: Request) -> Question:
    return Question(name, Request(line, body), before)


def _of_lease(name: str, line: str, body: object = None, after: Request | None = None) -> Question:
    return Question(name, Request(line, body), (CLAIM,), after, by_agent=True)


def _whole(name: str, line: str, most: int | None = None) -> Question:
    return Question(name, Request(line), whole=True, most=most)


def _lists(kind: str = "", **questions: str) -> list[Question]:
    begin = f"{kind}, " if kind else ""
    return [
        _ask(f"{begin}{name.replace('_', ' ')}", f"GET {path}") for name, path in questions.items()
    ]


TASK = Request("POST /tasks", {"title": "Call back", "project_id": "$project", "labels": ["often"]})
RECURRING = {
    "title": "Back up", "project_id": "$project", "due_at": "2030-01-07T09:00:00Z",
    "recurrence": "FREQ=WEEKLY;BYDAY=MO",
}  # fmt: skip
PERSONAL = Request("POST /tasks", {"title": "Call back"})
COMMENT = Request("POST /tasks/$task/comments", {"body": "Said"})
LINE = Request("POST /items", {"name": "Milk"})
ENTRY = Request(
    "POST /time-entries",
    {"started_at": "2026-03-09T09:00:00Z", "ended_at": "2026-03-09T10:00:00Z",
     "project_id": "$project", "allow_overlap": True},
)  # fmt: skip
CLAIM = Request("POST /agents/me/claim", {})
OFTEN = Request("POST /agents/me/claim", {"labels": ["often"]})
RELEASE = Request("POST /leases/$made/release")
RUNNING = Request("POST /timer/start", {"project_id": "$project"})
WEBHOOK = Request("POST /projects/$made/webhooks", {"url": "https://hooks.invalid/stint"})
AGENT = Request("POST /agents", {"name": "Builder", "kind": "ci"})
DROPPED = Request("DELETE /agents/$made")  # one has a hundred of them at most
TOKEN = Request("POST /users/me/tokens", {"name": "Nightly", "scopes": ["time:read"]})
PROJECT = Request("POST /projects", {"name": "My own"})
MEMBER = Request("POST /projects/$project/members", {"user_id": "$made"})
A_NOTIFICATION = Request("GET /notifications?limit=1&unread=true")
A_DELIVERY = Request("GET /webhooks/$webhook/deliveries?limit=1")
IN_TRASH = Request("GET /trash?project_id=$project&limit=1")

QUESTIONS = [
    *_lists(
        "tasks",
        of_all_projects="/tasks",
        newest="/tasks?project_id=$project",
        due_after_a_day="/tasks?project_id=$project&due_after=2026-01-01T00:00:00Z&sort=due_at",
        by_position="/tasks?project_id=$project&sort=position",
        by_due_date="/tasks?project_id=$project&sort=due_at",
        by_priority="/tasks?project_id=$project&sort=-priority",
        by_change="/tasks?project_id=$project&sort=-updated_at",
        in_progress="/tasks?project_id=$project&status=in_progress",
        mine="/tasks?assignee=me",
        common_label="/tasks?project_id=$project&label=often",
        rare_label="/tasks?project_id=$project&label=seldom",
        unknown_label="/tasks?project_id=$project&label=never",
        common_word="/tasks?project_id=$project&search=often",
        less_common_word="/tasks?project_id=$project&search=sometimes",
        rare_word="/tasks?project_id=$project&search=seldom",
        unknown_word="/tasks?project_id=$project&search=never",
        two_words="/tasks?project_id=$project&search=often+seldom",
        word_newest_first="/tasks?project_id=$project&search=sometimes&sort=-created_at",
        subtasks="/tasks?parent_id=$any_task",
        blocked_by_one="/tasks?blocked_by=$any_task",
    ),
    _ask("task", "GET /tasks/$any_task"),
    _ask("history of a task", "GET /tasks/$task/history"),
    _ask("new task", "POST /tasks", TASK.body),
    _ask("task, new title", "PATCH /tasks/$any_task", {"title": "Call back $nonce"}),
    _ask("task, done", "PATCH /tasks/$made", {"status": "completed"}, TASK),
    _ask("task, into the trash", "DELETE /tasks/$made", None, TASK),
    _ask("task, to the top", "POST /tasks/$any_task/move", {"before_id": "$task"}),
    _ask("task, into a project", "POST /tasks/$made/move", {"project_id": "$project"}, PERSONAL),
    _ask("task, skipped", "POST /tasks/$made/skip", None, Request("POST /tasks", RECURRING)),
    _ask("20 tasks changed", "POST /tasks/bulk", {
        "changes": [{"kind": "update", "id": "$any_task", "task": {"title": "Call $nonce"}}] * 20
    }),
    *_lists(
        comments_of_a_task="/tasks/$task/comments",
        inbox="/items",
        inbox_open="/items?status=open",
        inbox_search="/items?search=999",
        checklist="/items?task_id=$task",
    ),
    _ask("comment", "GET /comments/$made", None, COMMENT),
    _ask("new comment", "POST /tasks/$any_task/comments", {"body": "Said"}),
    _ask("new comment among many", COMMENT.line, COMMENT.body),
    _ask("comment, changed", "PATCH /comments/$made", {"body": "Meant"}, COMMENT),
    _ask("comment, into the trash", "DELETE /comments/$made", None, COMMENT),
    _ask("line", "GET /items/$made", None, LINE),
    _ask("new line", LINE.line, LINE.body),
    _ask("line, done", "PATCH /items/$made", {"status": "done"}, LINE),
    _ask("line, into the trash", "DELETE /items/$made", None, LINE),
    _ask("line, made a task", "POST /items/$made/promote", {"project_id": "$project"}, LINE),
    *_lists(
        "time entries",
        newest="/time-entries",
        of_a_project="/time-entries?project_id=$project",
        of_a_task="/time-entries?task_id=$task",
        of_a_day="/time-entries?project_id=$project&started_after=2026-03-09T00:00:00Z"
        "&started_before=2026-03-10T00:00:00Z",
    ),
    _ask("time entry", "GET /time-entries/$made", None, ENTRY),
    _ask("new time entry", ENTRY.line, ENTRY.body),
    _ask("time entry, changed", "PATCH /time-entries/$made", {"note": "New"}, ENTRY),
    _ask("time entry, into the trash", "DELETE /time-entries/$made", None, ENTRY),
    _ask("time entry, continued", "POST /time-entries/$made/continue", None, ENTRY),
    _ask("timer", "GET /timer"),
    _ask("timer, started", RUNNING.line, RUNNING.body, Request("POST /timer/stop")),
    _ask("timer, stopped", "POST /timer/stop", None, RUNNING),
    _ask("report of my month", MONTH.join(("GET ", "&group_by=day"))),
    _whole("report by day", f"GET {MONTH}&project_id=$project&group_by=day"),
    _whole("report by person", f"GET {MONTH}&project_id=$project&group_by=user"),
    _whole("report by task", f"GET {MONTH}&project_id=$project&group_by=task"),
    _whole("report by label", f"GET {MONTH}&project_id=$project&group_by=label"),
    _whole("report by week and person",
           f"GET {MONTH}&project_id=$project&group_by=week&split_by=user"),
    *_lists(
        projects="/projects",
        projects_search="/projects?search=Web",
        members="/projects/$project/members",
    ),
    _ask("project", "GET /projects/$project"),
    _ask("new project", PROJECT.line, PROJECT.body),
    _ask("project, renamed", "PATCH /projects/$project", {"description": "New $nonce"}),
    _ask("project, into the trash", "DELETE /projects/$made", None, PROJECT),
    _ask("member", "GET /projects/$project/members/$user"),
    Question("new member", MEMBER, (AGENT,), DROPPED),
    _ask("member, another role", "PATCH /projects/$project/members/$agent", {"role": "editor"}),
    Question("member, removed", Request("DELETE /projects/$project/members/$made"),
             (AGENT, MEMBER), DROPPED),
    _ask("trash", "GET /trash"),
    _ask("trash of a project", "GET /trash?project_id=$project"),
    _ask("task, restored", "POST /trash/$made/restore", None,
         TASK, Request("DELETE /tasks/$made"), IN_TRASH),
    *_lists(
        notifications="/notifications",
        notifications_unread="/notifications?unread=true",
        audit_of_mine="/audit",
        audit_of_a_project="/audit?project_id=$project",
        audit_of_an_action="/audit?project_id=$project&action=member.removed",
        events_of_a_room="/rooms/project:$project/events?since=0",
    ),
    _ask("notification, read", "POST /notifications/$made/read", None, A_NOTIFICATION),
    _ask("message to somebody", "POST /notify",
         {"user_id": "$member", "subject": "Tests", "message": "Red"}),
    _ask("agents", "GET /agents?project_id=$project"),
    _ask("agent", "GET /agents/$agent"),
    _ask("session of an agent", "GET /agents/$agent/session"),
    Question("new agent", AGENT, after=DROPPED),
    _ask("agent, changed", "PATCH /agents/$agent", {"description": "New $nonce"}),
    _ask("agent, deleted", "DELETE /agents/$made", None, AGENT),
    Question("claim", CLAIM, after=RELEASE, by_agent=True),
    Question("claim by label", OFTEN, after=RELEASE, by_agent=True),
    _of_lease("lease", "GET /leases/$made", None, RELEASE),
    _of_lease("lease, alive", "POST /leases/$made/heartbeat", {"progress": 50}, RELEASE),
    _of_lease("lease, completed", "POST /leases/$made/complete", {}),
    _of_lease("lease, failed", "POST /leases/$made/fail", {"reason": "No network"}),
    _of_lease("lease, released", RELEASE.line),
    *_lists(
        "leases",
        of_a_project="/leases?project_id=$project",
        of_a_task="/leases?task_id=$task",
        of_an_agent="/leases?agent=$agent",
        active="/leases?project_id=$project&status=active",
    ),
    *_lists(
        webhooks="/projects/$project/webhooks",
        deliveries="/webhooks/$webhook/deliveries",
        deliveries_failed="/webhooks/$webhook/deliveries?status=failed",
    ),
    _ask("webhook", "GET /webhooks/$webhook"),
    _ask("new webhook", WEBHOOK.line, WEBHOOK.body, PROJECT),
    _ask("webhook, changed", "PATCH /webhooks/$webhook", {"event_types": ["project.updated"]}),
    _ask("webhook, deleted", "DELETE /webhooks/$made", None, PROJECT, WEBHOOK),
    _ask("webhook, pinged", "POST /webhooks/$webhook/ping"),
    _ask("webhook, new secret", "POST /webhooks/$webhook/rotate"),
    _ask("events sent again", "POST /webhooks/$webhook/replay", {"since": 10, "until": 20}),
    _ask("delivery", "GET /deliveries/$made", None, A_DELIVERY),
    _ask("delivery, again", "POST /deliveries/$made/redeliver", None, A_DELIVERY),
    _ask("me", "GET /users/me"),
    _ask("me, changed", "PATCH /users/me", {"name": "Ada $nonce"}),
    _ask("preferences", "GET /users/me/notification-preferences"),
    _ask("preferences, changed", "PATCH /users/me/notification-preferences",
         {"kinds": {"assigned": {"email": False}}}),
    _ask("sessions", "GET /auth/sessions"),
    _ask("tokens", "GET /users/me/tokens"),
    _ask("token", "GET /users/me/tokens/$made", None, TOKEN),
    _ask("new token", TOKEN.line, TOKEN.body),
    _ask("token, revoked", "DELETE /users/me/tokens/$made", None, TOKEN),
    _ask("tokens of an agent", "GET /agents/$agent/tokens"),
    _ask("ticket for a socket", "POST /ws/tickets"),
    _whole("all notifications, read", "POST /notifications/read-all"),
    _whole("snapshot of a project", "GET /projects/$project/snapshot", ARCHIVED),
    _whole("snapshot of a person", "GET /rooms/user:$user/snapshot", ARCHIVED),
    _whole("export", "GET /users/me/export", ARCHIVED),
]  # fmt: skip

# What costs more as there is more, and why it is left so.
KNOWN_TO_GROW = {
    "tasks, less common word": "ranks all tasks with the word, to show the best first",
    "tasks, word newest first": "reads the newer tasks until so many have the word",
    "inbox search": "reads the inbox",
    "audit of an action": "reads what else was written down of the project",
    "members": "the smallest project has fewer than a page",
    "agents": "looks at everybody in one's projects: one in the smallest, 500 in the largest",
}

# Routes that nothing is asked of, by how they begin, and why.
LEFT_OUT = {
    "DELETE /auth/": "ends sessions, found by their person",
    "DELETE /users/me": "deletes the account with the world, or a key of it",
    "DELETE /users/<": "ends the sessions of a person, for administrators",
    "DELETE /agents/<id:agent_id>/tokens/": "is like that of a person's own token",
    "GET /admin/": "shows jobs, of which there are none without a worker",
    "POST /admin/": "shows jobs, of which there are none without a worker",
    "DELETE /admin/": "shows jobs, of which there are none without a worker",
    "GET /auth/providers": "reads settings",
    "GET /auth/sign-on/": "asks another service",
    "GET /health": "reads no work",
    "GET /users": "shows accounts, for administrators: the same in all worlds",
    "PATCH /users/<": "changes an account, for administrators",
    "POST /agents/<id:agent_id>/tokens": "is like that of a person's own token",
    "POST /auth/": "signs in: hashes a password or checks a signature, found by its person",
    "POST /imports": "grows with its file; tests/test_query_plans.py looks at what it looks up",
    "POST /users": "signs up, or changes how one signs in",
}


@cache
def _app() -> Flask:
    return create_app()


def routes() -> Iterator[str]:
    """Every route of the API, like `GET /tasks/<id:task_id>`."""
    for rule in _app().url_map.iter_rules():
        if rule.rule.startswith(settings.api_prefix):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield f"{method} {rule.rule.removeprefix(settings.api_prefix)}"


def route_of(request: Request) -> str:
    """Return the route that a request goes to; raises NotFound where there is none."""
    path = re.sub(r"\$\w+", str(UUID(int=0)), request.path.partition("?")[0])
    rule, _ = (
        _app()
        .url_map.bind("localhost")
        .match(settings.api_prefix + path, request.method, return_rule=True)
    )
    return f"{request.method} {rule.rule.removeprefix(settings.api_prefix)}"
