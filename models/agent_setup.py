"""Getting an agent going in one step, for whoever runs the machine."""

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from models.api_token import DAYS, DAYS_MAX
from models.scope import Scope
from utils.validators import Id, Label, Name

# To do tasks and comment on them, know the projects and who is in them, record time and follow
# live what happens: what work takes, and nothing that is for those who run a project or account.
WORKING_SCOPES = (
    Scope.TASKS_WRITE,
    Scope.PROJECTS_READ,
    Scope.TIME_WRITE,
    Scope.ROOMS_READ,
)


class AgentSetup(BaseModel):
    """Which agent, where it works, and what its token is for."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Label = "script"
    project_id: Id | None = None
    limit_to_project: bool = False
    scopes: list[Scope] = Field(default=[*WORKING_SCOPES], min_length=1)
    days: int = Field(DAYS, ge=1, le=DAYS_MAX)

    @field_validator("limit_to_project")
    @classmethod
    def _has_a_project(cls, limited: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic passes it so
        if limited and info.data.get("project_id") is None:
            raise PydanticCustomError("no_project", "say which project by its id as well")
        return limited
