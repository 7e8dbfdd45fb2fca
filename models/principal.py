"""Who is asking."""

from dataclasses import dataclass

from models.user import UserKind, UserRole


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user; `number` is the one that time entries are folded by."""

    id: str
    kind: UserKind
    role: UserRole
    timezone: str
    number: int
    session_id: str
