"""Tools: which views models may call, under which names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orjson import Fragment
from pydantic import BaseModel
from pydantic_core import to_json

from api.contract import View
from api.idempotency import IdempotencyKey
from api.mcp.messages import Annotations, TextContent, ToolDescription, ToolResult
from api.mcp.procedure import Procedure
from api.mcp.rpc import problem_in_full
from models.principal import Principal
from models.task import TaskQuery
from utils.errors import ServiceError
from utils.validators import SearchText

KEY_IN_META = "stint/idempotency-key"


class TaskSearch(TaskQuery):
    """The list of tasks for somebody who looks for words."""

    search: SearchText


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the table of tools.

    `view` is the endpoint's name in Flask. `overwrites` where something is lost that was there
    before, `repeatable` where calling it twice comes to the same as once.
    """

    view: str
    title: str
    description: str
    overwrites: bool = False
    repeatable: bool = False
    narrowed: type[BaseModel] | None = None


TABLE = {
    "list_tasks": Entry(
        view="tasks.list_tasks",
        title="List tasks",
        description="List the tasks that you may see, newest first unless `sort` says otherwise. "
        "Continue with `cursor` as long as there is a next_cursor.",
    ),
    "search": Entry(
        view="tasks.list_tasks",
        title="Search tasks",
        description="Find tasks by words in their titles, descriptions and comments; "
        "sort=relevance puts the best first.",
        narrowed=TaskSearch,
    ),
    "get_task": Entry(
        view="tasks.get_task",
        title="Read a task",
        description="Read one task with its description, labels and version.",
    ),
    "list_comments": Entry(
        view="comments.list_comments",
        title="Read what was said about a task",
        description="List the comments on a task, oldest first: here people answer questions.",
    ),
    "create_task": Entry(
        view="tasks.create_task",
        title="Create a task",
        description="Create a task in a project, or without project_id a personal one.",
    ),
    "update_task": Entry(
        view="tasks.update_task",
        title="Change a task",
        description="Change fields of a task; what you leave out stays. `version` is the one that "
        "you read: when somebody has changed the task since, nothing happens and you are shown it.",
        overwrites=True,
        repeatable=True,
    ),
    "comment": Entry(
        view="comments.create_comment",
        title="Comment on a task",
        description="Say something about a task, or ask; @name mentions a member of the project.",
    ),
    "log_time": Entry(
        view="time_entries.create_time_entry",
        title="Log time",
        description="Record a stretch of time that was worked on a task or project. Time on a "
        "task that you have claimed is recorded by itself.",
    ),
    "claim_next_task": Entry(
        view="leases.claim_tasks",
        title="Claim the next task",
        description="Get the best task that nobody is on, and hold it; for agents. Send a "
        "heartbeat before lease.expires_at, and end with complete_task, fail_task or release_task. "
        "`claimed` is empty when there is nothing to do.",
    ),
    "heartbeat": Entry(
        view="leases.heartbeat_lease",
        title="Say that you are at work",
        description="Keep a claimed task and tell people how far it is. When this fails with "
        "lease_lost the task is not yours any more: stop working on it.",
        repeatable=True,
    ),
    "complete_task": Entry(
        view="leases.complete_lease",
        title="Complete a claimed task",
        description="Complete the task of a lease, or propose it as done where the project wants "
        "a person to confirm.",
        repeatable=True,
    ),
    "fail_task": Entry(
        view="leases.fail_lease",
        title="Give up a claimed task",
        description="Say why you cannot do the task of a lease; `then` says who gets it.",
        repeatable=True,
    ),
    "release_task": Entry(
        view="leases.release_lease",
        title="Give a claimed task back",
        description="Give the task of a lease back as it was, for whoever claims it next.",
        repeatable=True,
    ),
}


@dataclass(frozen=True)
class Tool:
    """A view under another name."""

    name: str
    procedure: Procedure
    description: ToolDescription

    @classmethod
    def of(cls, view: View, name: str, entry: Entry) -> "Tool":
        """Make a tool of a view."""
        procedure = Procedure(view.operation, entry.narrowed)  # type: ignore[attr-defined]  # set by @endpoint
        annotations = Annotations(
            read_only_hint=procedure.reads,
            destructive_hint=entry.overwrites,
            idempotent_hint=procedure.reads or entry.repeatable,
        )
        description = ToolDescription(
            name=name,
            title=entry.title,
            description=entry.description,
            input_schema=procedure.input_schema(),
            output_schema=procedure.output_schema(),
            annotations=annotations,
        )
        return cls(name, procedure, description)

    def call(
        self, principal: Principal, given: dict[str, Any], meta: Mapping[str, Any]
    ) -> ToolResult:
        """Return what the view answers; ServiceError where it refuses."""
        body = self.procedure.run(principal, given, self._key_of(given, meta)).body
        return ToolResult(
            content=[TextContent(text=body.decode())], structured_content=Fragment(body)
        )

    def _key_of(self, given: dict[str, Any], meta: Mapping[str, Any]) -> IdempotencyKey | None:
        """Return the key in the message's `_meta`: clients set headers once for all their calls."""
        if KEY_IN_META not in meta:
            return None
        text = meta[KEY_IN_META]
        question = b"mcp\0" + self.name.encode() + b"\0" + to_json(given)
        return IdempotencyKey(text if isinstance(text, str) else "", question)


def refused(error: ServiceError) -> ToolResult:
    """Return the result of a call that failed: the problem as REST tells it, for the model."""
    text = problem_in_full(error).model_dump_json(exclude_none=True)
    return ToolResult(content=[TextContent(text=text)], is_error=True)


def tools_of(views: Mapping[str, View]) -> dict[str, Tool]:
    """Return all tools by name, in the order of the table."""
    return {name: Tool.of(views[entry.view], name, entry) for name, entry in TABLE.items()}
