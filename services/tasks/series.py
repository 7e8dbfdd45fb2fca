"""Series: the tasks that a rule makes one after the other, each when the last is done with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, any_, bindparam, select

from models.base import UuidText
from models.event import EventType
from models.item import Item, ItemRow
from models.principal import Principal
from models.task import Series, Task, TaskRow
from services.access_service import AccessService, is_visible
from services.db_client import DatabaseClient
from services.event_service import EventService, scope_room
from services.tasks.delegates import TaskDelegates
from services.tasks.graph import TaskGraph
from utils.errors import BadRequestError
from utils.helpers import new_id, utc_now
from utils.recurrence import next_occurrence

# Neither subtasks nor what it waits for, nor metadata: that is about the one task.
REPEATED = (
    "project_id", "created_by", "parent_id", "position", "title", "description", "priority",
    "labels", "recurrence",
)  # fmt: skip

# Only what the caller may see: nobody holds up the work of strangers.
PLACES = select(TaskRow.scope_id).where(
    TaskRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))),
    TaskRow.parent_id.is_not(None),
    TaskRow.recurrence.is_not(None),
    is_visible(TaskRow.scope_id),
)


class TaskSeries:
    """Begins series and goes on with them; whoever calls it holds the task."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        graph: TaskGraph,
        delegates: TaskDelegates,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._graph = graph
        self._delegates = delegates
        self._places = database.prepare(PLACES)

    def places(self, principal: Principal, task_ids: Sequence[str]) -> list[str]:
        """Return the scopes to lock before these tasks are, for what comes next of subtasks.

        Else somebody could delete the parent meanwhile, and not see what comes below it.
        """
        found = self._places.all(ids=list(task_ids), me=principal.id)
        return [row["scope_id"] for row in found]

    def hold_place(self, principal: Principal, task_id: str) -> None:
        """Lock where the next one of a task goes, before the task itself is locked."""
        self._graph.lock(*self.places(principal, [task_id]))

    def begin(
        self, rule: str | None, due_at: datetime | None, timezone: str
    ) -> dict[str, Any] | None:
        """Return what is kept of a series whose first task is due then; None without a rule."""
        if rule is None:
            return None
        if due_at is None:
            raise BadRequestError(
                "A task that recurs has to be due at some time; send due_at, too.",
                code="recurrence_without_due_date",
            )
        if next_occurrence(rule, due_at, ZoneInfo(timezone), due_at) is None:
            raise BadRequestError(
                "After its due date this task would never recur; choose another rule or end.",
                code="recurrence_never",
            )
        series = Series(timezone=timezone, starts_at=due_at, occurs_at=due_at)
        return series.model_dump(mode="json")

    def follow(self, row: TaskRow) -> TaskRow | None:
        """Return the next task of a series, written with the next flush; None at the end.

        It is the first after the time that the rule gave this one, wherever it was moved, and not
        in the past. Each task has one next: also when it is completed a second time.
        """
        if row.recurrence is None or row.series is None or row.next_id is not None:
            return None
        series = Series.model_validate(row.series)
        after = max(series.occurs_at, utc_now())
        zone = ZoneInfo(series.timezone)
        occurs_at = next_occurrence(row.recurrence, series.starts_at, zone, after)
        if occurs_at is None:
            return None
        if row.parent_id is not None:
            self._graph.lock(row.scope_id)  # held already, unless it was no such subtask before
        row.next_id = new_id()
        following = TaskRow(
            id=row.next_id,
            **{name: getattr(row, name) for name in REPEATED},
            assignee_id=self._assignee_of(row),
            delegate_id=self._delegates.given_to(row),
            due_at=occurs_at,
            series=series.model_copy(update={"occurs_at": occurs_at}).model_dump(mode="json"),
        )
        self._db.session.add(following)
        return following

    def announce(self, principal: Principal, row: TaskRow, following: TaskRow) -> Task:
        """Tell of the next task, once it is written, and give it the checklist of this one."""
        room = scope_room(following.project_id, following.created_by)
        task = Task.model_validate(following)
        self._events.record(principal, room, EventType.TASK_CREATED, task)
        query = select(ItemRow).where(ItemRow.task_id == row.id, ItemRow.deleted_at.is_(None))
        lines = [
            ItemRow(
                id=new_id(),
                created_by=line.created_by,
                task_id=following.id,
                name=line.name,
                description=line.description,
                position=line.position,
            )
            for line in self._db.session.scalars(query.order_by(ItemRow.position, ItemRow.id))
        ]
        self._db.session.add_all(lines)
        self._db.session.flush()
        for line in lines:
            self._events.record(principal, room, EventType.ITEM_CREATED, Item.model_validate(line))
        return task

    def _assignee_of(self, row: TaskRow) -> str | None:
        """Return who is to do it again; not somebody who left the project."""
        if row.assignee_id is None or row.project_id is None:
            return row.assignee_id
        return row.assignee_id if self._access.is_in(row.assignee_id, row.project_id) else None
