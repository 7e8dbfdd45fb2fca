"""Letters to accounts: who they go to, and by which name they are called."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, select

from models.user import UserKind, UserRow

# An address that nobody has proven may be a stranger's, and a name may say anything: whoever signs
# up with the address of somebody else does not get to write to them.
NAME = case((UserRow.verified, UserRow.name))


def select_account(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select who gets letters; they keep their address until the transaction ends."""
    return (
        select(UserRow.id, UserRow.email, UserRow.verified, NAME.label("name"))
        .where(UserRow.is_active, UserRow.kind == UserKind.PERSON, *conditions)
        .with_for_update(read=True, key_share=True)
    )
