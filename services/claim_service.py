"""Claims: agents ask for work and get the best that nobody is on."""

from collections.abc import Sequence

from sqlalchemy import select

from models.lease import Claim, Claimed, ClaimedTask
from models.principal import Principal
from models.task import Task, TaskRow, TaskStatus
from models.user import UserKind, UserRow
from services.db_client import DatabaseClient, db
from services.lapsed_lease_service import LapsedLeaseService, lapsed_lease_service
from services.project_service import ProjectService, project_service
from services.task_service import TaskService, task_service
from services.tasks.claims import TaskClaims
from utils.errors import BadRequestError, ForbiddenError
from utils.helpers import utc_now


class ClaimService:
    """Hands out tasks, each to one agent."""

    def __init__(
        self,
        database: DatabaseClient,
        projects: ProjectService,
        tasks: TaskService,
        lapsed: LapsedLeaseService,
    ) -> None:
        self._db = database
        self._projects = projects
        self._tasks = tasks
        self._lapsed = lapsed
        self._claims = TaskClaims(database)

    def claim(self, principal: Principal, body: Claim) -> Claimed:
        """Give an agent the best tasks that it may begin, each with a lease and running time."""
        _require_agent(principal)
        if body.project_id is not None:
            self._projects.open_for_work(principal, body.project_id)
        free_labels = self._labels_for(principal, body.labels)
        ids = self._find(principal, body, free_labels)
        if not ids and self._lapsed.put_back():
            ids = self._find(principal, body, free_labels)
        query = select(TaskRow).where(TaskRow.id.in_(ids))
        rows = {row.id: row for row in self._db.session.scalars(query)}
        return Claimed(
            claimed=[self._begin(principal, rows[each], body.lease_seconds) for each in ids]
        )

    def _find(self, principal: Principal, body: Claim, free_labels: Sequence[str]) -> list[str]:
        return self._claims.find(
            principal,
            body.project_id,
            free_labels=free_labels,
            given_labels=body.labels,
            most=body.max,
        )

    def _labels_for(self, principal: Principal, asked: Sequence[str]) -> Sequence[str]:
        """Return the labels of which nobody's tasks must have one: those that the agent can do."""
        query = select(UserRow.capabilities).where(UserRow.id == principal.id)
        able = self._db.session.scalars(query).one()
        if not able or not asked:
            return asked or able
        both = [label for label in asked if label in able]
        if not both:
            raise BadRequestError(
                "None of these labels is among your capabilities; ask for others, or let your "
                "owner change what you can do.",
                code="not_capable",
            )
        return both

    def _begin(self, principal: Principal, row: TaskRow, seconds: int) -> ClaimedTask:
        was_delegated = row.delegate_id == principal.id
        row.status, row.delegate_id = TaskStatus.IN_PROGRESS, principal.id
        row.started_at = utc_now()
        self._tasks.leases.tell(principal.id, row)
        lease = self._tasks.leases.begin(principal, row, seconds, was_delegated=was_delegated)
        return ClaimedTask(lease=lease, task=Task.model_validate(row))


def _require_agent(principal: Principal) -> None:
    if principal.kind is not UserKind.AGENT:
        raise ForbiddenError(
            "Agents claim tasks; make an agent of yours and use its token. People assign a task to "
            "themselves instead.",
            code="agents_only",
        )


claim_service = ClaimService(db, project_service, task_service, lapsed_lease_service)
