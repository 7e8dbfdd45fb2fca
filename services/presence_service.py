"""Presence: who has a room open, over all processes, and what they are on; and agents at work.

Each process keeps a row for each of its connections and rooms. The rows count as long as its lease
does, which it renews every few seconds: those of a killed process are gone soon.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from time import monotonic, sleep

from sqlalchemy import text

from models.agent import AgentState
from models.live import PresenceChanged
from models.presence import Presence
from models.user import UserKind
from services.agent_state_service import AgentStateService, agent_state_service
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.live.connection import Connection
from services.live.frames import frame_of
from services.live.hints import Hint
from services.live.loops import run_forever
from utils.helpers import new_id, utc_now

LEASE_SECONDS = 15
RENEW_SECONDS = 5.0
PAUSE_SECONDS = (0.1, 2.0)  # what happens within it is told at once
PAUSE_FACTOR = 4  # of the time that telling took: a crowd must not take a worker for itself
ROOMS_AT_ONCE = 50  # other work gets its turn in between
FIRST_STATE = "active"

RENEW = text(
    """
    INSERT INTO processes (id, expires_at) VALUES (:id, now() + make_interval(secs => :seconds))
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at
    RETURNING xmax = 0 AS is_new
    """
)
BURY = text("DELETE FROM processes WHERE expires_at < now()")
PUT = text(
    """
    INSERT INTO presences (room, connection_id, process_id, user_id, client_id, state, since)
    SELECT room, connection_id, :process_id, user_id, client_id, state, since
    FROM unnest(
        CAST(:rooms AS text[]), CAST(:connections AS uuid[]), CAST(:users AS uuid[]),
        CAST(:clients AS text[]), CAST(:states AS text[]), CAST(:sinces AS timestamptz[])
    ) AS here (room, connection_id, user_id, client_id, state, since)
    ON CONFLICT (room, connection_id) DO UPDATE SET state = excluded.state
    """
)
TAKE_AWAY = text(
    """
    DELETE FROM presences
    USING unnest(CAST(:rooms AS text[]), CAST(:connections AS uuid[])) AS gone (room, connection_id)
    WHERE presences.room = gone.room AND presences.connection_id = gone.connection_id
    """
)
# Somebody's timer is told where its task is to be seen, and so is what an agent holds. Agents that
# work without a connection to their project's room are there by their leases.
READ = text(
    """
    SELECT presences.room, presences.connection_id, presences.client_id, presences.user_id,
           users.kind, users.name, presences.state, presences.since,
           COALESCE(CASE users.kind WHEN 'agent' THEN (
               SELECT leases.task_id FROM leases
               WHERE leases.agent_id = users.id AND leases.ended_at IS NULL
                 AND presences.room IN ('project:' || leases.project_id, 'user:' || users.id)
               ORDER BY leases.id DESC LIMIT 1
           ) END, time_entries.task_id) AS task_id
    FROM presences
    JOIN processes ON processes.id = presences.process_id AND processes.expires_at > now()
    JOIN users ON users.id = presences.user_id
    LEFT JOIN time_entries ON time_entries.user_id = presences.user_id
        AND time_entries.ended_at IS NULL AND time_entries.deleted_at IS NULL
        AND time_entries.lease_id IS NULL
        AND presences.room IN (
            'project:' || time_entries.project_id, 'user:' || time_entries.user_id)
    WHERE presences.room = ANY(CAST(:rooms AS text[]))
    UNION ALL
    SELECT 'project:' || leases.project_id, leases.id, '', leases.agent_id,
           users.kind, users.name, '', leases.created_at, leases.task_id
    FROM leases JOIN users ON users.id = leases.agent_id
    WHERE leases.project_id = ANY(CAST(:project_ids AS uuid[])) AND leases.ended_at IS NULL
      AND (SELECT true FROM presences JOIN processes ON processes.id = presences.process_id
           WHERE presences.user_id = leases.agent_id AND processes.expires_at > now()
             AND presences.room = 'project:' || leases.project_id LIMIT 1) IS NULL
    ORDER BY since, connection_id
    """
)
PROJECT = "project:"


@dataclass(frozen=True, slots=True)
class _Here:
    """A connection of this process that has a room open."""

    user_id: str
    client_id: str
    state: str
    since: datetime


@dataclass(slots=True)
class _Room:
    """A room that somebody here has open, and who they were told is there."""

    present: dict[str, Presence]
    listeners: set[Connection] = field(default_factory=set)

    def tell(self, room: str, present: dict[str, Presence]) -> None:
        """Tell those here what is different now."""
        changed = [each for key, each in present.items() if self.present.get(key) != each]
        gone = [key for key in self.present if key not in present]
        self.present = present
        if changed or gone:
            message = PresenceChanged(room=room, present=changed, gone=gone)
            frame = frame_of(message)
            for listener in self.listeners:
                listener.send_frame(frame)


Key = tuple[str, str]  # room, connection_id


class PresenceService:
    """Writes down who is here, and tells everybody here who is anywhere."""

    def __init__(
        self, database: DatabaseClient, bus: EventBus, agent_states: AgentStateService
    ) -> None:
        self._db = database
        self._agent_states = agent_states
        self._bus = bus
        self._process_id = new_id()
        self._here: dict[Key, _Here] = {}
        self._unwritten: set[Key] = set()
        self._unread: set[str] = set()
        self._rooms: dict[str, _Room] = {}
        self._renew_at = 0.0
        self._something_to_do = Event()
        self._renew = database.prepare(RENEW)
        self._bury = database.prepare(BURY)
        self._put = database.prepare(PUT)
        self._take_away = database.prepare(TAKE_AWAY)
        self._read = database.prepare(READ)
        bus.on("presence", lambda hint: self.look_at(hint.subject))

    def start(self) -> None:
        """Begin to write down and to tell; what happened before is not lost."""
        run_forever("presence", self._tend)

    def enter(self, connection: Connection, room: str) -> list[Presence]:
        """Note that somebody has opened a room, within a unit of work; return who is there.

        From here on they are told of every change.
        """
        if room not in self._rooms:
            present = self._present_in([room])
            self._rooms.setdefault(room, _Room(present.get(room, {})))
        found = self._rooms[room]
        found.listeners.add(connection)
        self._note(connection, room, FIRST_STATE)
        return list(found.present.values())

    def set_state(self, connection: Connection, room: str, state: str) -> None:
        """Note what somebody is doing in a room that they have open."""
        self._note(connection, room, state)

    def leave(self, connection: Connection, room: str) -> None:
        """Note that somebody has closed a room; does nothing for those who had not opened it."""
        found = self._rooms.get(room)
        if found is None or connection not in found.listeners:
            return
        found.listeners.discard(connection)
        if not found.listeners:
            del self._rooms[room]
        del self._here[room, connection.id]
        self._unwritten.add((room, connection.id))
        self._something_to_do.set()

    def look_at(self, room: str) -> None:
        """Read soon who is in a room, if anybody here wants to know."""
        if room in self._rooms:
            self._unread.add(room)
            self._something_to_do.set()

    def _note(self, connection: Connection, room: str, state: str) -> None:
        key = (room, connection.id)
        before = self._here.get(key)
        since = before.since if before else utc_now()
        user_id, client_id = connection.principal.id, connection.client_id
        self._here[key] = _Here(user_id, client_id, state, since)
        self._unwritten.add(key)
        self._something_to_do.set()

    def _tend(self) -> None:
        """Do what is to be done; what fails stays to be done."""
        self._something_to_do.wait(RENEW_SECONDS)
        self._something_to_do.clear()
        begin = monotonic()
        if begin >= self._renew_at:
            self._renew_lease()
            self._renew_at = monotonic() + RENEW_SECONDS
        self._write()
        self._tell()
        shortest, longest = PAUSE_SECONDS
        sleep(min(max(shortest, PAUSE_FACTOR * (monotonic() - begin)), longest))

    def _renew_lease(self) -> None:
        """Stay among the living, bury the dead, and look everywhere once more."""

        def renew() -> bool:
            self._bury.execute()
            return bool(self._renew.one(id=self._process_id, seconds=LEASE_SECONDS)["is_new"])

        if self._db.transaction(renew):
            self._unwritten.update(self._here)
        self._unread.update(self._rooms)

    def _write(self) -> None:
        """Write down what changed; what could not be written stays to be written."""
        keys = list(self._unwritten)
        if not keys:
            return
        self._unwritten.clear()  # now, as they may change again while they are written
        try:
            self._db.transaction(lambda: self._write_keys(keys))
        except Exception:
            self._unwritten.update(keys)
            raise
        rooms = {room for room, _ in keys}
        self._unread.update(rooms & self._rooms.keys())
        for room in rooms:
            self._bus.publish(Hint("presence", room))

    def _write_keys(self, keys: list[Key]) -> None:
        gone = [key for key in keys if key not in self._here]
        here = [(*key, self._here[key]) for key in keys if key in self._here]
        if gone:
            self._take_away.execute(
                rooms=[room for room, _ in gone], connections=[each for _, each in gone]
            )
        if here:
            self._put.execute(
                process_id=self._process_id,
                rooms=[room for room, _, _ in here],
                connections=[connection_id for _, connection_id, _ in here],
                users=[entry.user_id for _, _, entry in here],
                clients=[entry.client_id for _, _, entry in here],
                states=[entry.state for _, _, entry in here],
                sinces=[entry.since for _, _, entry in here],
            )

    def _tell(self) -> None:
        self._unread &= self._rooms.keys()
        rooms = list(self._unread)
        for start in range(0, len(rooms), ROOMS_AT_ONCE):
            self._tell_of(rooms[start : start + ROOMS_AT_ONCE])

    def _tell_of(self, rooms: list[str]) -> None:
        self._unread.difference_update(rooms)
        try:
            present = self._db.reading(lambda: self._present_in(rooms))
        except Exception:
            self._unread.update(rooms)
            raise
        for room in rooms:
            if room in self._rooms:
                self._rooms[room].tell(room, present.get(room, {}))

    def _present_in(self, rooms: Iterable[str]) -> dict[str, dict[str, Presence]]:
        rooms = list(rooms)
        project_ids = [room.removeprefix(PROJECT) for room in rooms if room.startswith(PROJECT)]
        rows = self._read.all(rooms=rooms, project_ids=project_ids)
        agents = [row for row in rows if row["kind"] == UserKind.AGENT]
        states = self._agent_states.by_id(
            agent_ids={row["user_id"] for row in agents},
            lease_ids=[row["connection_id"] for row in agents if not row["client_id"]],
        )
        found: dict[str, dict[str, Presence]] = {}
        for row in rows:
            agent_state = states.get(row["user_id"])
            if agent_state is AgentState.OFFLINE:  # it must not act any more
                continue
            if agent_state is not None:
                row["state"] = states.get(row["connection_id"], agent_state)
            presence = Presence.model_validate(row)
            found.setdefault(row["room"], {})[presence.connection_id] = presence
        return found


presence_service = PresenceService(db, event_bus, agent_state_service)
