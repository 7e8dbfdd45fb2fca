"""The rules of a project for completing tasks."""

from sqlalchemy import ARRAY, any_, bindparam, or_, select

from models.base import UuidText
from models.principal import Principal
from models.project import AgentsCompleting, ProjectSettings, Strictness
from models.task import TaskRow, TaskStatus, TaskWarning
from models.user import UserKind
from services.db_client import DatabaseClient
from services.project_service import ProjectService
from utils.errors import ConflictError, ForbiddenError

OPEN = select(TaskRow.id).where(
    TaskRow.deleted_at.is_(None),
    or_(TaskRow.status == TaskStatus.PENDING, TaskRow.status == TaskStatus.IN_PROGRESS),
)
OPEN_BLOCKERS = OPEN.where(TaskRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))))
OPEN_SUBTASKS = OPEN.where(TaskRow.parent_id == bindparam("id"))


class CompletionRules:
    """Says what speaks against completing a task: with 409 or as a warning, as projects choose."""

    def __init__(self, database: DatabaseClient, projects: ProjectService) -> None:
        self._projects = projects
        self._open_blockers = database.prepare(OPEN_BLOCKERS)
        self._open_subtasks = database.prepare(OPEN_SUBTASKS)

    def require_right(self, principal: Principal, project_id: str | None) -> None:
        """Refuse agents where a person has the last word on what is done."""
        if principal.kind is UserKind.AGENT and self.agents_propose(project_id):
            raise ForbiddenError(
                "In this project agents only propose tasks as done: complete your lease by POST "
                "/leases/{id}/complete, and a person confirms it.",
                code="agents_propose",
            )

    def agents_propose(self, project_id: str | None) -> bool:
        """Tell whether a person confirms what agents have done."""
        if project_id is None:
            return False
        rule = self._projects.settings_of(project_id).agents_completing
        return rule is AgentsCompleting.PROPOSE

    def check(
        self, task_id: str, project_id: str | None, blocked_by: list[str]
    ) -> list[TaskWarning]:
        """Return warnings, or raise ConflictError where the project is strict."""
        blockers = self._open_blockers.all(ids=blocked_by) if blocked_by else []
        subtasks = self._open_subtasks.all(id=task_id)
        if not blockers and not subtasks:
            return []
        settings = self._projects.settings_of(project_id) if project_id else ProjectSettings()
        found = []
        if blockers:
            warning = TaskWarning(
                code="task_blocked",
                message="Tasks that it is blocked by are open; complete them first.",
                task_ids=[row["id"] for row in blockers],
            )
            found.append((settings.completing_blocked, warning))
        if subtasks:
            warning = TaskWarning(
                code="subtasks_open",
                message="Subtasks of it are open; complete them first.",
                task_ids=[row["id"] for row in subtasks],
            )
            found.append((settings.completing_parent, warning))
        for strictness, warning in found:
            if strictness is Strictness.REFUSE:
                raise ConflictError(warning.message, code=warning.code, task_ids=warning.task_ids)
        return [warning for _, warning in found]
