"""Where things come back to: whether that is still there, and what the caller may do there."""

from sqlalchemy import bindparam, select

from models.membership import MembershipRow, ProjectRole
from models.principal import Principal
from models.task import TaskRow
from services.access_service import AccessService, not_found
from services.db_client import DatabaseClient
from services.task_access import Place, TaskAccess
from utils.errors import ConflictError, NotFoundError

STANDING = select(MembershipRow.active).where(
    MembershipRow.project_id == bindparam("project_id"),
    MembershipRow.user_id == bindparam("me"),
)
TASK = select(TaskRow.project_id, TaskRow.created_by).where(TaskRow.id == bindparam("id"))


class Places:
    """Locks where something comes back to, or tells what has to come back before."""

    def __init__(self, database: DatabaseClient, access: AccessService, tasks: TaskAccess) -> None:
        self._access = access
        self._tasks = tasks
        self._standing = database.prepare(STANDING)
        self._task = database.prepare(TASK)

    def check_project(self, principal: Principal, project_id: str) -> None:
        """Refuse what belongs to a project that is in the trash, or not the caller's any more."""
        standing = self._standing.first(project_id=project_id, me=principal.id)
        if standing is None:
            raise not_found()
        if not standing["active"]:
            raise ConflictError(
                "Its project is in the trash; an owner has to restore the project first.",
                code="project_gone",
            )

    def lock_project(self, principal: Principal, project_id: str, least: ProjectRole) -> None:
        """Lock a project, then require the role `least` there."""
        try:
            self._access.lock(principal, project_id, least)
        except NotFoundError:
            self.check_project(principal, project_id)
            raise

    def lock_task(self, principal: Principal, task_id: str, least: ProjectRole) -> Place:
        """Lock a task, then require the role `least` where it is."""
        try:
            return self._tasks.lock(principal, task_id, least)
        except NotFoundError:
            self._check_task(principal, task_id)
            raise

    def _check_task(self, principal: Principal, task_id: str) -> None:
        """Refuse what belongs to a task that is in the trash, if the caller may know of that."""
        task = self._task.one(id=task_id)
        if task["project_id"] is not None:
            self.check_project(principal, task["project_id"])
        elif task["created_by"] != principal.id:
            return
        raise ConflictError("Its task is in the trash; restore the task first.", code="task_gone")
