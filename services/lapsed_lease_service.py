"""Leases that ran out: the agent was not heard of in time, so its task goes back."""

from sqlalchemy import func, select, text

from models.lease import LeaseRow, LeaseStatus
from models.notification import NotificationKind
from models.task import TaskRow
from services.db_client import DatabaseClient, db
from services.job_queue import JobQueue, job_queue
from services.lease_service import LeaseService, lease_service
from services.task_service import TaskService, task_service
from services.tasks.leases import give_back

EVERY_MINUTE = "* * * * *"
PORTION = 50
TOLD_AT = 3  # each time that so many in a row ran out

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


class LapsedLeaseService:
    """Puts back what dead agents held."""

    def __init__(
        self,
        database: DatabaseClient,
        jobs: JobQueue,
        tasks: TaskService,
        leases: LeaseService,
    ) -> None:
        self._db = database
        self._tasks = tasks
        self._leases = leases
        self._in_a_row = database.prepare(IN_A_ROW)
        jobs.every(EVERY_MINUTE, "leases.put_back", self._put_all_back)

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

    def _put_all_back(self) -> None:
        while self._db.transaction(self.put_back) == PORTION:
            pass


lapsed_lease_service = LapsedLeaseService(db, job_queue, task_service, lease_service)
