"""What the writers of imports are given and what they give back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from models.principal import Principal
from models.project import Project
from utils.parsers import LineError

BATCH = 250  # rows; other requests of the worker get their turn between batches

Progress = Callable[[int], None]  # it hears how many more entries are done

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where entries come from: the format, and the zone of its wall clocks."""

    format: str
    timezone: str


@dataclass(slots=True)
class Written:
    """What a writer has done; the counts are those of ImportResult."""

    created: int = 0
    matched: int = 0
    overlapping: int = 0
    projects_created: int = 0
    people_created: int = 0
    tasks_created: int = 0
    items_created: int = 0
    errors: list[LineError] = field(default_factory=list)

    def add(self, other: "Written") -> None:
        """Count what was done elsewhere too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Writer(Protocol):
    """Writes entries of its kind into one project, or those of none, unless they are there."""

    def write(
        self,
        principal: Principal,
        project: Project | None,
        source: Source,
        entries: list[Any],
        progress: Progress,
    ) -> Written:
        """Write inside the caller's transaction, which holds the project or the person locked."""


def in_batches(items: list[T]) -> Iterator[list[T]]:
    """Yield the items in lists that are written by one statement each."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
