"""Resources: projects and tasks, for people to hand to a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from api.contract import View
from api.mcp.messages import (
    ReadResult,
    ResourceContents,
    ResourceDescription,
    ResourceList,
    ResourceTemplate,
    ResourceTemplateList,
)
from api.mcp.procedure import Procedure
from models.principal import Principal
from utils.errors import NotFoundError
from utils.validators import UUID_PATTERN

JSON = "application/json"
URI = re.compile(rf"stint://(projects|tasks)/({UUID_PATTERN[1:-1]})")

TEMPLATES = ResourceTemplateList(
    resource_templates=[
        ResourceTemplate(
            uri_template="stint://projects/{id}",
            name="project",
            title="A project",
            description="Its name, description, rules, and what you may do in it.",
            mime_type=JSON,
        ),
        ResourceTemplate(
            uri_template="stint://tasks/{id}",
            name="task",
            title="A task",
            description="As the tool get_task returns it.",
            mime_type=JSON,
        ),
    ]
)


@dataclass(frozen=True)
class Resources:
    """What may be read, through the views that REST reads it by."""

    list_projects: Procedure
    get_project: Procedure
    get_task: Procedure

    @classmethod
    def of(cls, views: Mapping[str, View]) -> "Resources":
        """Find the views."""
        names = ("projects.list_projects", "projects.get_project", "tasks.get_task")
        return cls(*(Procedure(views[name].operation) for name in names))  # type: ignore[attr-defined]  # set by @endpoint

    def page(self, principal: Principal, cursor: str | None) -> ResourceList:
        """Return some of the caller's projects, as far as their token lets them see any."""
        if not self.list_projects.is_permitted(principal):
            return ResourceList(resources=[])
        if principal.project_id is not None:
            project = self.get_project.run(principal, {"project_id": principal.project_id})
            return ResourceList(resources=[_describe(from_json(project.body))])
        page = from_json(self.list_projects.run(principal, {"cursor": cursor}).body)
        return ResourceList(
            resources=[_describe(project) for project in page["items"]],
            next_cursor=page["next_cursor"],
        )

    def read(self, principal: Principal, uri: str) -> ReadResult:
        """Return a project or a task; NotFoundError for what is neither, or nothing to see."""
        parts = URI.fullmatch(uri)
        if parts is None:
            raise NotFoundError(
                "There is no such resource; read stint://projects/{id} or stint://tasks/{id}."
            )
        if parts[1] == "projects":
            answer = self.get_project.run(principal, {"project_id": parts[2]})
        else:
            answer = self.get_task.run(principal, {"task_id": parts[2]})
        contents = ResourceContents(uri=uri, mime_type=JSON, text=answer.body.decode())
        return ReadResult(contents=[contents])


def _describe(project: dict[str, Any]) -> ResourceDescription:
    return ResourceDescription(
        uri=f"stint://projects/{project['id']}",
        name=project["name"],
        title=project["name"],
        description=project["description"],
        mime_type=JSON,
    )
