"""Connections to the database that stay open, handed out in the order in which people came.

SQLAlchemy opens them, sets them up and closes them. Its own pool wraps a connection anew for each
use, and lets who comes by take the one that somebody has waited for: of many at once, a few would
never get one.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Engine, exc

from services.patient_connection import PatientConnection

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

IDLE_SECONDS_TRUSTED = 30.0


@dataclass(slots=True)
class PooledConnection:
    """A connection: for statements of our own the driver's, for the ORM SQLAlchemy's view of it."""

    driver: PatientConnection
    proxy: "PoolProxiedConnection"
    used_at: float


class ConnectionPool:
    """So many connections of an engine at most, which has no pool of its own."""

    def __init__(self, engine: Engine, size: int, seconds: float) -> None:
        self.engine = engine
        self._turns = _Turns(size)
        self._seconds = seconds
        self._idle: list[PooledConnection] = []
        self._lost_at = 0.0

    def take(self) -> PooledConnection:
        """Return a connection that is nobody's; exc.TimeoutError when none was free in time."""
        if not self._turns.take(self._seconds):
            raise exc.TimeoutError(f"no connection was free within {self._seconds} s")
        try:
            return self._take_idle() or open_connection(self.engine)
        except BaseException:
            self._turns.give_back()
            raise

    def give_back(self, connection: PooledConnection) -> None:
        """Let others use a connection, which is in no transaction."""
        connection.used_at = time.monotonic()
        self._idle.append(connection)
        self._turns.give_back()

    def discard(self, connection: PooledConnection) -> None:
        """Close a connection of which nobody knows how it is, and look at the others before use."""
        self._lost_at = time.monotonic()
        try:
            _close(connection)
        finally:
            self._turns.give_back()

    def dispose(self) -> None:
        """Close all that nobody uses."""
        idle, self._idle = self._idle, []
        for connection in idle:
            _close(connection)

    @property
    def in_use(self) -> int:
        """How many connections are somebody's."""
        return self._turns.taken

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._turns.waiting)

    def _take_idle(self) -> PooledConnection | None:
        """Return the one that was used last, so most likely still works; None where none does."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        if self._is_trusted(connection) or _answers(connection):
            return connection
        self.dispose()  # the others are no better
        return None

    def _is_trusted(self, connection: PooledConnection) -> bool:
        """To ask at each use would cost a round trip: only doubtful ones are asked."""
        used_at = connection.used_at
        return used_at > time.monotonic() - IDLE_SECONDS_TRUSTED and used_at > self._lost_at


def open_connection(engine: Engine) -> PooledConnection:
    """Open a connection that no pool knows of yet."""
    proxy = engine.raw_connection()
    driver: PatientConnection = proxy.driver_connection  # type: ignore[assignment]  # SQLAlchemy does not know which driver
    return PooledConnection(driver, proxy, time.monotonic())


def _answers(connection: PooledConnection) -> bool:
    """Tell whether anybody is there; who is not is closed."""
    try:
        connection.driver.execute_promptly(b"SELECT 1")
    except psycopg.Error:
        _close(connection)
        return False
    except BaseException:
        _close(connection)
        raise
    return True


def _close(connection: PooledConnection) -> None:
    if connection.proxy.is_valid:  # the ORM may have noticed first
        connection.proxy.invalidate()


class _Turns:
    """So many turns at once; one that is given back goes straight to the first who waits."""

    def __init__(self, turns: int) -> None:
        self._turns = self._free = turns
        self._guard = threading.Lock()
        self.waiting: deque[threading.Lock] = deque()

    @property
    def taken(self) -> int:
        """How many have one."""
        return self._turns - self._free

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False when there was none in time."""
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            mine = threading.Lock()
            mine.acquire()
            self.waiting.append(mine)
        try:
            if mine.acquire(timeout=seconds):
                return True
        except BaseException:
            if not self._stops_waiting(mine):
                self.give_back()
            raise
        return not self._stops_waiting(mine)

    def give_back(self) -> None:
        """Let the next one have it."""
        with self._guard:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self._free += 1

    def _stops_waiting(self, mine: threading.Lock) -> bool:
        """Leave the queue; False when the turn came at this very moment."""
        with self._guard:
            if mine not in self.waiting:
                return False
            self.waiting.remove(mine)
            return True
