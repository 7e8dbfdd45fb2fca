"""What becomes of time, in the simplest words: a model to hold the service to.

It says what a change does to entries that it may be done to, and what speaks against it otherwise.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

STATUS_OF = {
    "not_found": 404,
    "forbidden": 403,
    "empty_time_entry": 400,
    "time_overlap": 409,
    "timer_running": 409,
    "still_running": 400,  # as timer_running, but where the end is to be set
    "not_a_member": 400,
}

EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Spot:
    """What time goes to: a task, which implies its project, a project or neither."""

    task: str | None = None
    project: str | None = None


@dataclass
class ModelEntry:
    """An entry; it runs while it has no end, and is in the trash while it has an operation."""

    id: str
    user: str
    spot: Spot
    started_at: datetime
    ended_at: datetime | None = None
    allow_overlap: bool = False
    operation: str | None = None

    def overlaps(self, other: "ModelEntry") -> bool:
        return self.started_at < (other.ended_at or EVER) and other.started_at < (
            self.ended_at or EVER
        )


@dataclass
class TimeModel:
    """The time of some people in one project and by themselves; `owner` owns the project.

    `deleted` tells for tasks in the trash which operation has put them there.
    """

    owner: str
    project: str
    personal: dict[str, str]  # tasks that only one person sees, and who that is
    entries: dict[str, ModelEntry] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)

    # Questions

    def live(self) -> list[ModelEntry]:
        return [each for each in self.entries.values() if each.operation is None]

    def of(self, user: str) -> list[ModelEntry]:
        return [each for each in self.live() if each.user == user]

    def running(self, user: str) -> ModelEntry | None:
        return next((each for each in self.of(user) if each.ended_at is None), None)

    # What speaks against a change: the codes of which one will be named

    def against_spot(self, asker: str, spot: Spot) -> set[str]:
        hidden = self.personal.get(spot.task or "", asker) != asker
        return {"not_found"} if hidden or spot.task in self.deleted else set()

    def against_sight(self, asker: str, entry: ModelEntry) -> set[str]:
        in_sight = entry.user == asker or entry.spot.project is not None
        return set() if in_sight and entry.operation is None else {"not_found"}

    def against_touch(self, asker: str, entry: ModelEntry) -> set[str]:
        if against := self.against_sight(asker, entry):
            return against
        return self.against_correcting(asker, entry)

    def against_correcting(self, asker: str, entry: ModelEntry) -> set[str]:
        return set() if asker in (entry.user, self.owner) else {"forbidden"}

    def against_times(self, entry: ModelEntry) -> set[str]:
        if entry.ended_at is not None and entry.ended_at <= entry.started_at:
            return {"empty_time_entry"}
        others = [each for each in self.of(entry.user) if each.id != entry.id]
        crossing = [each for each in others if not each.allow_overlap and each.overlaps(entry)]
        return {"time_overlap"} if crossing and not entry.allow_overlap else set()

    def against_move(self, asker: str, entry: ModelEntry, spot: Spot) -> set[str]:
        if spot == entry.spot:
            return set()
        against = self.against_spot(asker, spot)
        leaves_its_person = entry.user != asker and spot.project is None
        return against or ({"not_a_member"} if leaves_its_person else set())

    def against_restoring(self, asker: str, entry: ModelEntry) -> set[str]:
        """Return what keeps an entry in the trash; `timer_running` is another timer."""
        if against := self.against_correcting(asker, entry):
            return against
        if entry.ended_at is None and self.running(entry.user):
            return {"timer_running"}
        return self.against_times(replace(entry, operation=None))

    def sees_operation(self, asker: str, operation: str) -> bool:
        entries = [each for each in self.entries.values() if each.operation == operation]
        tasks = [task for task, by in self.deleted.items() if by == operation]
        seen = [each.user == asker or each.spot.project is not None for each in entries]
        return any(seen + [self.personal.get(task, asker) == asker for task in tasks])
