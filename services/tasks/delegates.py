"""Delegates: the agents that tasks are given to, for as long as they work in the project."""

from typing import Any

from sqlalchemy import bindparam, select

from models.lease import LeaseRow
from models.principal import Principal
from models.task import TaskRow, TaskStatus
from models.user import UserKind
from services.access_service import AccessService
from services.db_client import DatabaseClient
from utils.errors import BadRequestError

WAS_GIVEN = (
    select(LeaseRow.was_delegated)
    .where(LeaseRow.task_id == bindparam("task_id"), LeaseRow.agent_id == bindparam("agent_id"))
    .order_by(LeaseRow.id.desc())
    .limit(1)
)


class TaskDelegates:
    """Says to which agent a task may be given, and what else changes with that."""

    def __init__(self, database: DatabaseClient, access: AccessService) -> None:
        self._access = access
        self._was_given = database.prepare(WAS_GIVEN)

    def check(self, delegate_id: str | None, project_id: str | None) -> None:
        """Refuse whoever is no agent that works in the project."""
        if self.still(delegate_id, project_id) != delegate_id:
            raise BadRequestError(
                "The delegate is not an agent that is an editor of the task's project; add it "
                "there first.",
                code="delegate_not_agent",
            )

    def still(self, delegate_id: str | None, project_id: str | None) -> str | None:
        """Return the agent as long as it works in the project: nobody waits for one that left."""
        if delegate_id is None or project_id is None:
            return None
        return delegate_id if self._access.is_working_agent(delegate_id, project_id) else None

    def given_to(self, row: TaskRow) -> str | None:
        """Return the agent that somebody gave a task to, not one that has claimed it by itself."""
        if row.delegate_id is None:
            return None
        claimed = self._was_given.first(task_id=row.id, agent_id=row.delegate_id)
        is_given = claimed is None or claimed["was_delegated"]
        return self.still(row.delegate_id, row.project_id) if is_given else None

    def complete_changes(self, principal: Principal, row: TaskRow, values: dict[str, Any]) -> None:
        """Check the delegate of changes, and add what follows from it.

        What is in progress is in nobody's hands once it is given to an agent, or an agent lets go
        of it: unless the changes say otherwise, it is to be claimed. What is put back to be
        claimed waits for nobody but an agent that it was given to.
        """
        given = values.get("delegate_id", row.delegate_id)
        if given != row.delegate_id:
            self.check(given, row.project_id)
            passes_on = given is not None or principal.kind is UserKind.AGENT
            if passes_on and row.status == TaskStatus.IN_PROGRESS:
                values.setdefault("status", TaskStatus.PENDING)
        elif values.get("status") is TaskStatus.PENDING:
            values["delegate_id"] = self.given_to(row)
