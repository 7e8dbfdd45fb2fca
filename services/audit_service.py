"""The audit log: written in the transaction of what it tells, read by whom it concerns."""

from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import ColumnElement, Select, bindparam, case, func, insert, select, text, update

from config import settings
from models.audit import AuditAction, AuditEntry, AuditQuery, AuditRow
from models.membership import ProjectRole
from models.principal import Principal
from models.way import Way
from services.access_service import ME, AccessService, access_service
from services.db_client import DatabaseClient, db
from services.listing import LIMIT, OFFSET, Listing, Order
from services.portions import delete_portion
from utils.caller import current_caller
from utils.helpers import new_id, utc_now
from utils.pages import Page

RECORD = insert(AuditRow).values(
    at=func.now(),
    **{
        name: bindparam(name)
        for name in (
            "id",
            "action",
            "actor_id",
            "user_id",
            "subject_id",
            "project_id",
            "credential_id",
            "ip",
            "ways",
        )
    },
)

# For an unknown account it does the same and writes nothing. That nobody waits until it is on the
# disk is worth the last refusals before a crash: so the answer takes as long either way.
SOON = text("SELECT set_config('synchronous_commit', 'off', true)")
COUNT = text(
    """
    INSERT INTO audit (id, at, action, user_id, ip, ways)
    SELECT :id, now(), :action, CAST(:user_id AS uuid), :ip, CAST(ARRAY[:way] AS text[])
    WHERE CAST(:user_id AS uuid) IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET count = audit.count + 1, at = excluded.at, ip = excluded.ip
    """
)

# Where somebody sits is theirs to know.
BY_ME = func.coalesce(AuditRow.actor_id, AuditRow.user_id) == ME
COLUMNS = [
    *(
        getattr(AuditRow, name).label(name)
        for name in ("id", "at", "action", "actor_id", "user_id", "subject_id", "project_id")
    ),
    case((BY_ME, AuditRow.credential_id)).label("credential_id"),
    case((BY_ME, AuditRow.ip)).label("ip"),
    AuditRow.count.label("count"),
    AuditRow.ways.label("ways"),
]
FILTERS = {
    "user_id": AuditRow.user_id == bindparam("user_id"),
    "project_id": AuditRow.project_id == bindparam("project_id"),
    "action": AuditRow.action == bindparam("action"),
    "from_": AuditRow.at >= bindparam("from_"),
    "to": AuditRow.at < bindparam("to"),
}
ORDERS = {"newest": Order({"at": AuditRow.at, "id": AuditRow.id}, descending=True)}

PURGE = delete_portion(
    AuditRow, AuditRow.at < func.now() - func.make_interval(0, 0, 0, bindparam("days"))
)


def _select_page(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
    columns = select(*COLUMNS, *order.cursor_columns()).where(*conditions)
    return columns.order_by(*order.clauses()).limit(LIMIT).offset(OFFSET)


class AuditService:
    """Keeps who did what to an account or a project; never what they wrote."""

    def __init__(self, database: DatabaseClient, access: AccessService) -> None:
        self._db = database
        self._access = access
        self._record = database.prepare(RECORD)
        self._soon = database.prepare(SOON)
        self._count = database.prepare(COUNT)
        self._forget = database.prepare(
            update(AuditRow).where(AuditRow.user_id == bindparam("me")).values(ip=None)
        )
        self._purge = database.prepare(PURGE)
        self._listing = Listing("audit", database, _select_page, FILTERS, ORDERS)

    def record(
        self,
        action: AuditAction,
        *,
        user_id: str,
        actor_id: str | None,
        subject_id: str | None = None,
        project_id: str | None = None,
        ways: Sequence[Way] = (),
    ) -> None:
        """Write down, in the caller's transaction, what somebody did to an account.

        Address and credential are those of the request at hand.
        """
        caller = current_caller()
        self._record.execute(
            id=new_id(),
            action=action,
            actor_id=actor_id,
            user_id=user_id,
            subject_id=subject_id,
            project_id=project_id,
            credential_id=caller.credential_id,
            ip=caller.ip if actor_id in (None, user_id) else None,
            ways=[str(way) for way in ways],
        )

    def record_own(
        self, action: AuditAction, user_id: str, *, subject_id: str | None = None
    ) -> None:
        """Write down, likewise, what somebody did to their own account."""
        self.record(action, user_id=user_id, actor_id=user_id, subject_id=subject_id)

    def count_refusal(self, action: AuditAction, user_id: str | None, way: Way) -> None:
        """Count that somebody was refused, in a transaction of its own: an error follows.

        Takes as long for None, an account that there is not. `way` is what they brought.
        """
        row_id = _id_of_minute(user_id or new_id(), action, way)
        ip = current_caller().ip

        def count() -> None:
            self._soon.execute()
            self._count.execute(id=row_id, action=action, user_id=user_id, ip=ip, way=way)

        self._db.transaction(count)

    def page(self, principal: Principal, query: AuditQuery) -> Page[AuditEntry]:
        """Return what concerns the caller's account, or for its owners a project; newest first."""
        values = query.set_filters() | {"me": principal.id}
        if query.project_id is None:
            values["user_id"] = principal.id
        else:
            self._access.require(principal, query.project_id, ProjectRole.OWNER)
        return self._listing.page(query, values, "newest").map(AuditEntry.model_validate)

    def forget_addresses(self, user_id: str) -> None:
        """Keep what happened to an account that is deleted, but not from where."""
        self._forget.execute(me=user_id)

    def purge(self) -> dict[str, int]:
        """Delete some of the entries that are past retention; returns how many, until none is."""
        return {"audit entries": self._purge.execute(days=settings.audit_days)}


def _id_of_minute(user_id: str, action: AuditAction, way: Way) -> str:
    """Return the id that an account's refusals of this minute share."""
    return str(uuid5(NAMESPACE_OID, f"{user_id} {action} {way} {utc_now():%Y-%m-%d %H:%M}"))


audit_service = AuditService(db, access_service)
