"""A crowd at work at a real server while the line to what it needs fails in one way or another."""

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, Self

import requests

from config import settings
from examples.live_client import LiveClient, Room
from tests.factories import Person, add_member
from tests.proxy import Proxy, Way, Weather
from tests.records import Record, make_project
from tests.server import Server
from tests.waiting import wait_until
from tests.writers import Answer, Writer, compare

WRITERS, FOLLOWERS = 6, 4
THINK_SECONDS = (0.1, 0.3)
AGAIN_SECONDS = 0.3  # what happens at one moment, like a reset, happens again while a fault lasts
FRESH_CONNECTIONS = 8  # more than one worker's
BACK_SECONDS = CATCH_UP_SECONDS = 60.0


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on the line for a while."""

    name: str
    seconds: tuple[float, float]
    happen: Callable[[Proxy], object]


def weather(**kind: Any) -> Callable[[Proxy], None]:
    """Return what makes the line like this."""
    return lambda proxy: setattr(proxy, "weather", Weather(**kind))


NOTHING = Fault("nothing", (0, 0), lambda _: None)  # how long all takes while all is well
ON_ANY_LINE = [
    Fault("late", (2, 3), weather(seconds=(0.0, 0.15))),
    Fault("slow", (2, 3), weather(bytes_per_second=50_000)),
    Fault("reset", (2, 3), Proxy.reset),
    Fault("cut", (2, 3), Proxy.cut),
    Fault("shut", (3, 5), Proxy.shut),
    Fault("half open", (7, 9), weather(swallows=frozenset(Way))),
    Fault("half open for a moment", (1, 2), weather(swallows=frozenset(Way))),
    Fault("asked in vain", (4, 6), weather(swallows=frozenset({Way.ASKED}))),
    Fault("answered in vain", (4, 6), weather(swallows=frozenset({Way.ANSWERED}))),
]


@dataclass
class Suffered:
    """What a fault did to people."""

    answers: list[Answer]  # of writes, until all was well again
    back: float  # seconds until writes were answered well again
    told: float  # and until followers had them


@dataclass
class Drill:
    """Writers and followers of one project, and what they saw."""

    server: Server
    proxy: Proxy
    owner: Person
    other: Person  # all that is written is given to them
    project: Record
    writers: list[Writer] = field(default_factory=list)
    followers: list[LiveClient] = field(default_factory=list)
    suffered: dict[str, Suffered] = field(default_factory=dict)  # by fault

    @classmethod
    @contextmanager
    def at(cls, server: Server, proxy: Proxy, owner: Person, other: Person) -> Iterator[Self]:
        """Let them follow as long as this lasts."""
        project = make_project(owner)
        add_member(owner, project, other, "editor")
        drill = cls(server, proxy, owner, other, project)
        with ExitStack() as stack:
            for _ in range(FOLLOWERS):
                follower = drill._follower()
                drill.followers.append(follower)
                stack.callback(setattr, follower, "stopped", True)
                Thread(target=follower.run, daemon=True).start()
            yield drill

    def suffer_all(self, faults: list[Fault], chance: random.Random) -> None:
        """Let people write while one fault follows the other."""
        enough = Event()
        writers = [self._writer(f"Writer {number}", THINK_SECONDS) for number in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as threads:
            works = [threads.submit(writer.write_until, enough) for writer in writers]
            try:
                for fault in [NOTHING, *chance.sample(faults, len(faults))]:
                    self._suffer(fault, chance)
            finally:
                enough.set()
            for work in works:
                work.result()

    def _suffer(self, fault: Fault, chance: random.Random) -> None:
        before = [(writer, len(writer.answers)) for writer in self.writers]
        end = time.monotonic() + chance.uniform(*fault.seconds)
        while time.monotonic() < end:
            fault.happen(self.proxy)
            time.sleep(AGAIN_SECONDS)  # it lasts
        self.proxy.clear_up()
        self.proxy.open()
        begin = time.monotonic()
        prober = self._writer(f"After {fault.name}", (0.0, 0.0), Connection="close")
        wait_until(lambda: _writes_well(prober), BACK_SECONDS)
        back = time.monotonic() - begin
        wait_until(lambda: self._is_told(prober), CATCH_UP_SECONDS)
        told = time.monotonic() - begin
        answers = [answer for writer, seen in before for answer in writer.answers[seen:]]
        self.suffered[fault.name] = Suffered(answers, back, told)

    def wrong(self, database: str) -> list[str]:
        """Return what is wrong with what is there, and with what followers have."""
        fresh = Room(f"project:{self.project['id']}")
        with self.server.client(self.owner.tokens["access_token"]) as client:
            fresh.load(client.get(f"/rooms/{fresh.name}/snapshot").json())
        wait_until(lambda: all(room.seq == fresh.seq for room in self._rooms), CATCH_UP_SECONDS)
        wrong = [f"not as in {fresh.name}" for room in self._rooms if room.rows != fresh.rows]
        return wrong + compare(database, self.project["id"], self.writers)

    @property
    def acknowledged(self) -> int:
        return sum(len(writer.acknowledged) for writer in self.writers)

    @property
    def repeats(self) -> int:
        return sum(writer.repeats for writer in self.writers)

    @property
    def _rooms(self) -> list[Room]:
        return [room for client in self.followers for room in client.rooms.values()]

    def _is_told(self, writer: Writer) -> bool:
        written = {("task", task_id) for task_id in writer.acknowledged.values()}
        return all(written <= room.rows.keys() for room in self._rooms)

    def _follower(self) -> LiveClient:
        token, room = self.owner.tokens["access_token"], f"project:{self.project['id']}"
        return LiveClient(self.server.url, lambda: token, [room], lambda *_: None)

    def _writer(self, name: str, think_seconds: tuple[float, float], **headers: str) -> Writer:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.owner.tokens['access_token']}"
        session.headers.update(headers)
        api = self.server.url + settings.api_prefix
        writer = Writer(api, self.project["id"], self.other.id, name, session, think_seconds)
        self.writers.append(writer)
        return writer


def _writes_well(writer: Writer) -> bool:
    """Write on some connections, each a new one."""
    titles = [f"{writer.name} {uuid.uuid4().hex}" for _ in range(FRESH_CONNECTIONS)]
    for title in titles:
        writer.write(title, repeat=False)
    return all(title in writer.acknowledged for title in titles)


def seed_of_today() -> int:
    """Return what the order of faults comes from; FAULTS_SEED repeats that of another day."""
    return int(os.environ.get("FAULTS_SEED") or random.randrange(1_000_000))
