"""A call of every tool of MCP, and the request of REST that it stands for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from werkzeug.routing import Map

from api import create_app
from api.mcp.tools import TABLE
from config import settings
from tests.api.access_world import Ids, entry_body
from tests.factories import Person
from tests.records import Record

# What each tool is called with, about things of a project.
ARGUMENTS: dict[str, Callable[[Ids], Record]] = {
    "list_tasks": lambda ids: {"project_id": ids["project_id"]},
    "search": lambda ids: {"project_id": ids["project_id"], "search": "write"},
    "get_task": lambda ids: {"task_id": ids["task_id"]},
    "list_comments": lambda ids: {"task_id": ids["task_id"]},
    "create_task": lambda ids: {"project_id": ids["project_id"], "title": "Draw"},
    "update_task": lambda ids: {"task_id": ids["task_id"], "version": 1, "title": "Draw"},
    "comment": lambda ids: {"task_id": ids["task_id"], "body": "Slowly"},
    "log_time": lambda ids: entry_body(task_id=ids["task_id"]),
    "claim_next_task": lambda ids: {"project_id": ids["project_id"]},
    "heartbeat": lambda ids: {"lease_id": ids["lease_id"]},
    "complete_task": lambda ids: {"lease_id": ids["lease_id"]},
    "fail_task": lambda ids: {"lease_id": ids["lease_id"], "reason": "Too wet"},
    "release_task": lambda ids: {"lease_id": ids["lease_id"]},
}
READING = {"list_tasks", "search", "get_task", "list_comments"}
OF_LEASES = {"heartbeat", "complete_task", "fail_task", "release_task"}
TOOLS = list(TABLE)


@dataclass(frozen=True)
class Route:
    """What REST has for a tool."""

    method: str
    rule: str

    @classmethod
    def of(cls, tool: str, routes: Map) -> Self:
        for rule in routes.iter_rules(TABLE[tool].view):
            (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            return cls(method, rule.rule.removeprefix(settings.api_prefix))
        raise LookupError(tool)

    def ask(self, person: Person, arguments: Record) -> Record | None:
        """Send the request that arguments of a tool stand for; returns the problem."""
        rest = dict(arguments)
        path = re.sub(r"<\w+:(\w+)>", lambda variable: rest.pop(variable[1]), self.rule)
        headers = {"If-Match": f'"v{rest.pop("version")}"'} if "version" in rest else {}
        parts: Record = {"query_string": rest} if self.method == "GET" else {"json": rest}
        answer = person.send(self.method, path, headers=headers, **parts)
        return answer.get_json() if answer.status_code >= 400 else None


ALL_ROUTES = create_app().url_map
ROUTES = {tool: Route.of(tool, ALL_ROUTES) for tool in TOOLS}
