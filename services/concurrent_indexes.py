"""Indexes that migrations build and drop while tables are written to.

Neither can be done in a transaction, so a migration does nothing besides: what came before would be
committed, and done again by the next try. What an interrupted one leaves behind is an index that is
not valid, which the next try drops.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic import op
from sqlalchemy import text

# Nobody waits behind these, and they wait for all transactions that are open, those of backups too.
LOCK_TIMEOUT = "10min"
IS_INVALID = text(
    "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass('public.' || :name)"
)


def create_index_concurrently(
    name: str, table: str, columns: Sequence[Any], **options: Any
) -> None:
    """Do what `op.create_index` does, in a migration that does nothing else."""
    with _without_transaction():
        if not op.get_context().as_sql and op.get_bind().scalar(IS_INVALID, {"name": name}):
            _drop(name, table)
        op.create_index(
            name, table, columns, if_not_exists=True, postgresql_concurrently=True, **options
        )


def drop_index_concurrently(name: str, table: str) -> None:
    """Do what `op.drop_index` does, in a migration that does nothing else."""
    with _without_transaction():
        _drop(name, table)


def _drop(name: str, table: str) -> None:
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


@contextmanager
def _without_transaction() -> Iterator[None]:
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            yield
        finally:
            op.execute("RESET lock_timeout")
