"""Imports: work and time brought along from another service's export."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.base import Schema
from utils.validators import Id, ZoneName

ImportFormat = Literal["clockify", "toggl", "ticktick", "stint"]


class ImportForm(BaseModel):
    """The text parts of the upload, beside the part `file`."""

    model_config = ConfigDict(extra="forbid")

    format: ImportFormat = Field(
        description="clockify and toggl: the detailed report as CSV, which brings time. "
        "ticktick: the backup as CSV, which brings tasks. "
        "stint: the archive of GET /users/me/export, which brings everything."
    )
    project_id: Id | None = Field(
        None,
        description="A project that you own; all lines go into it. Without it each project or "
        "list named in the file is matched by name with those you own, or made; tasks of no list "
        "or of the inbox become personal ones.",
    )
    timezone: ZoneName | None = Field(
        None, description="Zone of the wall clock times in the file; yours by default."
    )
    dry_run: bool = Field(False, description="Say what would happen and write nothing.")


class LineProblem(Schema):
    """What is wrong with a line."""

    line: int = Field(description="Counted from 1, the header included.")
    column: str
    message: str
    severity: Literal["error", "warning"] = Field(
        description="error: the line was left out. warning: it came in, but not quite as the file "
        "has it; a subtask whose parent is missing is a task of its own."
    )


class ImportResult(Schema):
    """What became of the lines of a file."""

    created: int = Field(description="Time entries made; with ticktick the tasks made.")
    matched: int = Field(description="Lines whose entry or task an earlier import made.")
    skipped: int = Field(description="Lines left out; errors says why.")
    overlapping: int = Field(description="Of those created: kept although they overlap another.")
    projects_created: int
    people_created: int = Field(description="Placeholder members made for unknown people.")
    tasks_created: int = Field(
        description="Tasks made: those that time was spent on, with ticktick the same as created."
    )
    items_created: int = Field(description="Items made in the checklists of tasks.")
    counts: dict[str, int] = Field(
        default_factory=dict,
        description="Of an archive of Stint: how many of each kind were made.",
        examples=[{"projects": 1, "tasks": 12, "comments": 3}],
    )
    unknown_columns: list[str] = Field(description="Columns of the file that were not read.")
    errors: list[LineProblem] = Field(description="The first 1,000, warnings among them.")
