"""What became of one kind of thing when an operation was undone."""

from dataclasses import dataclass, field
from typing import Protocol

from models.operation import NotRestored
from models.principal import Principal


@dataclass(slots=True)
class Outcome:
    """How many came back, and what did not, or came back changed."""

    restored: int = 0
    problems: list[NotRestored] = field(default_factory=list)

    def note(self, kind: str, row_id: str, code: str, message: str) -> None:
        """Tell the caller about one that could not come back as it was."""
        self.problems.append(NotRestored(kind=kind, id=row_id, code=code, message=message))


class Restorer(Protocol):
    """Brings back one kind of thing."""

    kind: str

    def restore(self, principal: Principal, operation_id: str) -> Outcome:
        """Bring back what an operation deleted, as far as its caller may and it still fits."""
