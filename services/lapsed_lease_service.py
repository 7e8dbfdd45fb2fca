"""Leases that end without their agent: it was not heard of in time, or has left the project."""

from sqlalchemy import bindparam, func, select, text

from models.lease import LeaseRow, LeaseStatus
from models.notification import NotificationKind
from models.task import DOER, PENDING, TaskRow
from services.access_service import AccessService, access_service
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.lease_service import LeaseService, lease_service
from services.membership_service import FREE_WORK
from services.task_service import TaskService, task_service
from services.tasks.leases import give_back

EVERY_MINUTE = "* * * * *"
PORTION = 50
TOLD_AT = 3  # each time that so many in a row ran out

LEFT = "The agent works in this project no more."

# A heartbeat or a claim that holds them at this moment decides for itself.
RUN_OUT = (
    select(LeaseRow, TaskRow)
    .join(TaskRow, TaskRow.id == LeaseRow.task_id)
    .where(LeaseRow.ended_at.is_(None), LeaseRow.expires_at <= func.now())
    .order_by(LeaseRow.expires_at)
    .limit(PORTION)
    .with_for_update(of=(LeaseRow, TaskRow), skip_locked=True)
)
IN_A_ROW = text(
    """
    SELECT count(*) AS count FROM leases
    WHERE task_id = :task_id AND status = 'expired' AND id > COALESCE((
        SELECT id FROM leases WHERE task_id = :task_id AND status NOT IN ('active', 'expired')
        ORDER BY id DESC LIMIT 1
    ), '00000000-0000-0000-0000-000000000000')
    """
)

# What was given to an agent, in the words of the index ix_tasks_given.
GIVEN = (
    select(TaskRow)
    .where(
        text(f"{DOER} = :agent_id AND {PENDING}"),
        TaskRow.delegate_id == bindparam("agent_id"),
        TaskRow.project_id == bindparam("project_id"),
    )
    .limit(PORTION)
    .with_for_update()
)


class LapsedLeaseService:
    """Puts back what dead agents held, and frees what those have who left."""

    def __init__(
        self,
        database: DatabaseClient,
        jobs: JobQueue,
        access: AccessService,
        tasks: TaskService,
        leases: LeaseService,
    ) -> None:
        self._db = database
        self._access = access
        self._tasks = tasks
        self._leases = leases
        self._in_a_row = database.prepare(IN_A_ROW)
        jobs.every(EVERY_MINUTE, "leases.put_back", self._put_all_back)
        jobs.job(FREE_WORK, self.free)

    def put_back(self) -> int:
        """Put back a portion of the tasks whose leases ran out; returns how many."""
        found = self._db.session.execute(RUN_OUT).all()
        for lease, row in found:
            give_back(row, lease)
            self._tasks.leases.tell(lease.agent_id, row)
            self._tasks.leases.end(lease.agent_id, lease, LeaseStatus.EXPIRED, at=lease.updated_at)
            if self._in_a_row.one(task_id=row.id)["count"] % TOLD_AT == 0:
                self._leases.tell_people(NotificationKind.AGENT_FAILED, lease, row)
        return len(found)

    def free(self, agent_id: str, project_id: str, actor_id: str) -> None:
        """Let what an agent holds or was given in a project be anybody's, if it left that."""
        while self._db.transaction(lambda: self._free_some(agent_id, project_id, actor_id)):
            pass

    def _free_some(self, agent_id: str, project_id: str, actor_id: str) -> bool:
        """Free a portion; return whether there may be more."""
        if self._access.is_working_agent(agent_id, project_id):
            return False  # it has come back
        leases = self._tasks.leases
        held = list(leases.held_by(agent_id, LeaseRow.project_id == project_id, most=PORTION))
        for row, lease in held:
            give_back(row, lease)
            row.delegate_id = None
            leases.tell(actor_id, row)
            leases.take(actor_id, lease, LEFT)
        values = {"agent_id": agent_id, "project_id": project_id}
        given = self._db.session.scalars(GIVEN, values).all()
        for row in given:
            row.delegate_id = None
            leases.tell(actor_id, row)
        return bool(held or given)

    def _put_all_back(self) -> None:
        while self._db.transaction(self.put_back) == PORTION:
            pass


lapsed_lease_service = LapsedLeaseService(
    db, job_queue, access_service, task_service, lease_service
)
