"""Deleting by portions: in many short transactions, which hold nobody up."""

from sqlalchemy import ColumnElement, Delete, delete, inspect, select, tuple_

from models.base import Base

PORTION = 5_000


def delete_portion(row: type[Base], condition: ColumnElement[bool], most: int = PORTION) -> Delete:
    """Delete some of the rows that fit a condition.

    What somebody else holds, another purge for one, is passed over.
    """
    key = inspect(row).primary_key
    some = select(*key).where(condition).limit(most).with_for_update(skip_locked=True).cte()
    return delete(row).where(tuple_(*key).in_(select(*some.c)))
