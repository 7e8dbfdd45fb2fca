"""Rooms as somebody sees them who reads one snapshot and then nothing but events."""

from examples.live_client import KIND_OF, Room, Row
from models.event import EventType
from tests.changes import events_of
from tests.factories import Person
from tests.records import done

# More has changed than these say: whoever follows the room reads a new snapshot.
TAKE_A_SNAPSHOT = {EventType.MEMBER_CLAIMED, EventType.PROJECT_RESTORED}


class Follower:
    """Somebody who keeps a copy of each room that they may see, as the example client does.

    What they see for the first time they follow from its first event on.
    """

    def __init__(self, person: Person) -> None:
        self.person = person
        self.copies: dict[str, Room] = {}
        self.met: set[str] = set()  # types of events that changed a copy

    def start(self) -> None:
        """Read snapshots of all rooms."""
        for name in self.visible():
            self.copies[name] = self.read(name)

    def visible(self) -> list[str]:
        """Name the rooms of somebody, none when they are signed out."""
        answer = self.person.get("/projects?limit=200")
        if answer.status_code == 401:
            return []
        projects = [f"project:{project['id']}" for project in done(answer)]
        return [f"user:{self.person.id}", *projects]

    def read(self, name: str) -> Room:
        room = Room(name)
        room.load(done(self.person.get(f"/rooms/{name}/snapshot")))
        return room

    def follow(self) -> None:
        """Do to the copies what the events say that came since."""
        self.copies = {name: self.copies.get(name) or _empty(name) for name in self.visible()}
        for name, copy in self.copies.items():
            for event in events_of(self.person, name, copy.seq or 0):
                self.met.add(event["type"])
                if not copy.apply(event):
                    assert event["type"] in TAKE_A_SNAPSHOT
                    copy.load(done(self.person.get(f"/rooms/{name}/snapshot")))

    def compare(self) -> None:
        """Require that the copies are what fresh snapshots tell."""
        for name, copy in self.copies.items():
            fresh = self.read(name)
            kept, right = contents(copy), contents(fresh)
            assert {key: row for key, row in kept.items() if right.get(key) != row} == {
                key: row for key, row in right.items() if kept.get(key) != row
            }
            assert copy.seq == fresh.seq


def _empty(name: str) -> Room:
    """Return a room in which nothing has happened yet."""
    room = Room(name)
    room.load({"epoch": None, "seq": 0, "project": None, "user": None} | dict.fromkeys(KIND_OF, ()))
    return room


def contents(room: Room) -> dict[tuple[str, str], Row]:
    """Return what everybody sees in a room; the role in a project is the reader's own."""
    return {
        key: {name: value for name, value in row.items() if key[0] != "project" or name != "role"}
        for key, row in room.rows.items()
    }
