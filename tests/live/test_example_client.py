"""The example client gives up where connecting again is no use, and says why."""

from threading import Thread
from typing import Any

from examples.live_client import LiveClient, RefusedError, Room
from tests.factories import Person, add_member
from tests.records import Record, done, make_task
from tests.server import Server
from tests.waiting import wait_until


class Followed(Thread):
    """The example client, at work in a thread of its own."""

    def __init__(self, server: Server, token: str, *rooms: str) -> None:
        super().__init__(daemon=True)
        self.seen: list[str] = []
        self.refusal = ""
        self._client = LiveClient(server.url, lambda: token, list(rooms), self._note)
        self.start()

    def run(self) -> None:
        try:
            self._client.run()
        except RefusedError as error:
            self.refusal = str(error)

    def _note(self, _room: Room, event: Any) -> None:
        self.seen.append(event["type"] if event else "snapshot")


def token_of(person: Person) -> str:
    return str(person.tokens["access_token"])


def assert_refused(followed: Followed, reason: str) -> None:
    followed.join(30)
    assert reason in followed.refusal


def test_it_shows_what_happens_until_the_session_ends(
    server: Server, alice: Person, project: Record, room: str
) -> None:
    followed = Followed(server, token_of(alice), room)
    wait_until(lambda: followed.seen == ["snapshot"])
    done(alice.post("/tasks", {"title": "Find a title", "project_id": project["id"]}))
    wait_until(lambda: followed.seen == ["snapshot", "task.created"])
    done(alice.post("/auth/logout"))
    assert_refused(followed, "sign in")


def test_it_gives_up_without_a_valid_token(server: Server, room: str) -> None:
    assert_refused(Followed(server, "nonsense", room), "ign in")


def test_it_gives_up_in_a_room_that_is_closed_to_it(server: Server, bob: Person, room: str) -> None:
    assert_refused(Followed(server, token_of(bob), room), "not")


def test_it_gives_up_when_a_room_is_closed_to_it(
    server: Server, alice: Person, bob: Person, project: Record, room: str
) -> None:
    add_member(alice, project, bob, "viewer")
    followed = Followed(server, token_of(bob), room, f"user:{bob.id}")
    wait_until(lambda: followed.seen == ["snapshot"] * 2)
    make_task(alice, project_id=project["id"])
    wait_until(lambda: "task.created" in followed.seen)  # now it has the room open
    done(alice.delete(f"/projects/{project['id']}/members/{bob.id}"))
    assert_refused(followed, room)
