"""Operations: the record of what each action has put into the trash."""

from collections.abc import Mapping

from sqlalchemy import bindparam, insert

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


class OperationService:
    """Notes deletions, so that the trash can list them and bring them back as one."""

    def __init__(self, database: DatabaseClient) -> None:
        self._record = database.prepare(RECORD)

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


operation_service = OperationService(db)
