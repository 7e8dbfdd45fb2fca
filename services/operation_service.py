"""Operations: the record of what each action has put into the trash."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, insert, text

from models.base import Trashable
from models.operation import OperationRow
from services.db_client import DatabaseClient, db

TITLE_LENGTH = 200

RECORD = insert(OperationRow).values(
    {
        name: bindparam(name, type_=getattr(OperationRow, name).type)
        for name in ("id", "scope_id", "deleted_by", "deleted_at", "title", "counts")
    }
)

# What was deleted of a task before goes along when the task changes its project.
FOLLOW = text(
    """
    UPDATE operations SET scope_id = CAST(:scope_id AS uuid) WHERE id IN (
        SELECT operation_id FROM items WHERE task_id = ANY(CAST(:task_ids AS uuid[]))
        UNION ALL
        SELECT operation_id FROM comments WHERE task_id = ANY(CAST(:task_ids AS uuid[]))
        UNION ALL
        SELECT operation_id FROM time_entries WHERE task_id = ANY(CAST(:task_ids AS uuid[]))
    )
    """
)


class OperationService:
    """Notes deletions, so that the trash can list them and bring them back as one."""

    def __init__(self, database: DatabaseClient) -> None:
        self._record = database.prepare(RECORD)
        self._follow = database.prepare(FOLLOW)

    def record(
        self, row: Trashable, scope_id: str | None, title: str, counts: Mapping[str, int]
    ) -> None:
        """Note the operation that put `row`, its first, into the trash.

        `scope_id` is the project or else the person whose it was, None when it reached over
        several; `counts` tells how many of each kind went.
        """
        self._record.execute(
            id=row.operation_id,
            scope_id=scope_id,
            deleted_by=row.deleted_by,
            deleted_at=row.deleted_at,
            title=title[:TITLE_LENGTH],
            counts=dict(counts),
        )

    def follow(self, task_ids: Sequence[str], scope_id: str) -> None:
        """Show what was deleted of tasks where these go; nothing of theirs is deleted meanwhile."""
        self._follow.execute(task_ids=list(task_ids), scope_id=scope_id)


operation_service = OperationService(db)
