"""Projects: work that several people share."""

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    Base,
    Change,
    Identified,
    ListQuery,
    Question,
    Resource,
    Schema,
    Trashable,
    UuidText,
    Versioned,
)
from models.membership import ProjectRole
from models.task import REVIEW
from utils.validators import Name, Prose, SearchText


class ProjectRow(Identified, Versioned, Trashable, Base):
    """A project; who may do what in it is in `memberships`."""

    __tablename__ = "projects"

    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    archived: Mapped[bool] = mapped_column(server_default="false")
    created_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))


class Strictness(StrEnum):
    """What becomes of a change that a rule of the project speaks against."""

    REFUSE = "refuse"
    WARN = "warn"


class AgentsCompleting(StrEnum):
    """What becomes of a task that an agent has done."""

    COMPLETE = "complete"
    PROPOSE = "propose"


class ProjectSettings(Schema):
    """How time in the project is billed unless an entry says otherwise, and its rules."""

    model_config = ConfigDict(extra="forbid", strict=True)

    billable: bool = False
    hourly_rate_minor: int | None = Field(
        None, ge=0, le=100_000_000, description="Rate per hour in minor units, like cents."
    )
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="ISO 4217, like EUR.")
    completing_blocked: Strictness = Field(
        Strictness.REFUSE,
        strict=False,
        description="When a task is completed while one that it is blocked by is open.",
    )
    completing_parent: Strictness = Field(
        Strictness.WARN,
        strict=False,
        description="When a task is completed while a subtask of it is open.",
    )
    agents_completing: AgentsCompleting = Field(
        AgentsCompleting.COMPLETE,
        strict=False,
        description="Whether agents complete tasks, or only propose them as done: such a task gets "
        f"the label {REVIEW}, until a person completes it or puts it back to pending.",
    )


class ProjectSettingsUpdate(Change):
    """A JSON merge patch (RFC 7396) of the settings: null goes back to the default."""

    billable: bool | None = None
    hourly_rate_minor: int | None = Field(None, ge=0, le=100_000_000)
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    completing_blocked: Strictness | None = Field(None, strict=False)
    completing_parent: Strictness | None = Field(None, strict=False)
    agents_completing: AgentsCompleting | None = Field(None, strict=False)


class ProjectCreate(Question):
    """A new project; its creator becomes its owner."""

    name: Name = Field(examples=["Website"])
    description: Prose = ""
    settings: ProjectSettings = Field(default_factory=ProjectSettings)


class ProjectUpdate(Change):
    """What owners may change."""

    name: Name = Field("", examples=["New website"])
    description: Prose = ""
    archived: bool = False
    settings: ProjectSettingsUpdate = Field(default_factory=ProjectSettingsUpdate)


class ProjectQuery(ListQuery):
    """Filters of the list of projects."""

    archived: bool | None = Field(None, description="Only archived projects, or only others.")
    search: SearchText | None = Field(None, description="Part of the name.")


class Project(Resource):
    """A project, as one of its members sees it."""

    name: str
    description: str
    settings: ProjectSettings
    archived: bool = Field(description="Takes no new tasks and no new time.")
    created_by: str
    role: ProjectRole = Field(description="What the reader may do in it.")

    @property
    def variant(self) -> str:
        """The role is the reader's own: who is made an editor sees another representation."""
        return "" if self.role is ProjectRole.OWNER else f"-{self.role}"
