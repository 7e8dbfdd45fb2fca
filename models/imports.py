"""Imports: work and time brought along from another service's export."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.base import Schema
from utils.validators import Id, ZoneName

ImportFormat = Literal["clockify"]


class ImportForm(BaseModel):
    """The text parts of the upload, beside the part `file`."""

    model_config = ConfigDict(extra="forbid")

    format: ImportFormat
    project_id: Id | None = Field(
        None,
        description="A project that you own; all lines go into it. Without it each project named "
        "in the file is matched by name with those you own, or made.",
    )
    timezone: ZoneName | None = Field(
        None, description="Zone of the wall clock times in the file; yours by default."
    )
    dry_run: bool = Field(False, description="Say what would happen and write nothing.")


class LineProblem(Schema):
    """A line that was left out, and why."""

    line: int = Field(description="Counted from 1, the header included.")
    column: str
    message: str


class ImportResult(Schema):
    """What became of the lines of a file."""

    created: int = Field(description="Time entries made.")
    matched: int = Field(description="Lines whose entry an earlier import made.")
    skipped: int = Field(description="Lines left out; errors says why.")
    overlapping: int = Field(description="Of those created: kept although they overlap another.")
    projects_created: int
    people_created: int = Field(description="Placeholder members made for unknown people.")
    tasks_created: int
    unknown_columns: list[str] = Field(description="Columns of the file that were not read.")
    errors: list[LineProblem] = Field(description="The first 1,000.")
