"""Claims: agents ask for work and get the best that nobody is on."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select

from models.lease import LEASES_MAX, Claim, Claimed, ClaimedTask, LeaseRow
from models.principal import Principal
from models.task import Task, TaskRow, TaskStatus
from models.user import UserKind, UserRow
from services.access_service import ME
from services.db_client import DatabaseClient, db
from services.lapsed_lease_service import LapsedLeaseService, lapsed_lease_service
from services.project_service import ProjectService, project_service
from services.task_service import TaskService, task_service
from services.tasks.claims import TaskClaims
from utils.errors import BadRequestError, ConflictError, ForbiddenError
from utils.helpers import utc_now

STANDING = select(
    UserRow.capabilities,
    select(func.count())
    .where(LeaseRow.agent_id == ME, LeaseRow.ended_at.is_(None), LeaseRow.expires_at > func.now())
    .scalar_subquery()
    .label("held"),
).where(UserRow.id == ME)


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
        self._standing = database.prepare(STANDING)

    def claim(self, principal: Principal, body: Claim) -> Claimed:
        """Give an agent the best tasks that it may begin, each with a lease and running time."""
        _require_agent(principal)
        if body.project_id is not None:
            self._projects.open_for_work(principal, body.project_id)
        standing = self._standing.one(me=principal.id)
        search = partial(
            self._claims.find,
            principal,
            body.project_id,
            free_labels=_labels_for(standing["capabilities"], body.labels),
            given_labels=body.labels,
            most=min(body.max, _room_for(standing["held"])),
        )
        ids = search()
        if not ids and self._lapsed.put_back():
            ids = search()
        query = select(TaskRow).where(TaskRow.id.in_(ids))
        rows = {row.id: row for row in self._db.session.scalars(query)}
        return Claimed(
            claimed=[self._begin(principal, rows[each], body.lease_seconds) for each in ids]
        )

    def _begin(self, principal: Principal, row: TaskRow, seconds: int) -> ClaimedTask:
        was_delegated = row.delegate_id == principal.id
        row.status, row.delegate_id = TaskStatus.IN_PROGRESS, principal.id
        row.started_at = utc_now()
        self._tasks.leases.tell(principal.id, row)
        lease = self._tasks.leases.begin(principal, row, seconds, was_delegated=was_delegated)
        return ClaimedTask(lease=lease, task=Task.model_validate(row))


def _labels_for(able: Sequence[str], asked: Sequence[str]) -> Sequence[str]:
    """Return the labels of which nobody's tasks must have one: those that the agent can do."""
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


def _room_for(held: int) -> int:
    """Return how many more tasks an agent may hold: all of them can be taken at once."""
    if held >= LEASES_MAX:
        raise ConflictError(
            f"You hold {LEASES_MAX} tasks, the most at a time; complete, fail or release some "
            "first.",
            code="too_many_leases",
        )
    return LEASES_MAX - held


def _require_agent(principal: Principal) -> None:
    if principal.kind is not UserKind.AGENT:
        raise ForbiddenError(
            "Agents claim tasks; make an agent of yours and use its token. People assign a task to "
            "themselves instead.",
            code="agents_only",
        )


claim_service = ClaimService(db, project_service, task_service, lapsed_lease_service)
