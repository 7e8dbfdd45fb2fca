"""What 1,000, 100,000 and 10,000,000 users need: measured costs times assumed habits."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

USERS = (1_000, 100_000, 10_000_000)
HOUR_SECONDS = 3_600
YEAR_DAYS = 365


@dataclass(frozen=True)
class Habits:
    """What people do, and what a machine may be asked for: assumed, not measured."""

    active_share: float = 0.4  # of all users on a working day
    at_once: float = 0.5  # of those in the busiest minute
    sockets_each: float = 1.5  # a page, and for some a telephone
    people_a_project: int = 10
    changes_a_day: int = 50  # by whoever is active; each is an event
    reads_a_change: float = 5.0
    busiest_hour: float = 0.2  # of the day's changes
    event_days: int = 30  # EVENT_DAYS
    sockets_a_process: int = 5_000  # as many as were measured
    busy: float = 0.6  # how much of a core may be used, so that nobody waits long
    pool: int = 15  # DATABASE_POOL_SIZE
    web_cores: int = 16  # of one machine
    database_cores: int = 32  # of one PostgreSQL
    connections: int = 500  # of one PostgreSQL
    disk_gb: int = 2_000  # of one PostgreSQL
    # A day of whoever is active: rows that are kept; events are not, beyond their days.
    rows_a_day: Mapping[str, int] = field(
        default_factory=lambda: {
            "tasks": 5, "time_entries": 8, "comments": 5, "items": 5, "notifications": 10
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Costs:
    """What was measured."""

    read_us: tuple[float, float]  # CPU of the server and of PostgreSQL
    write_us: tuple[float, float]
    event_us: float  # CPU of each process that tells somebody of an event
    delivery_us: float  # and for each receiver
    wake_ups_per_second: float  # hints that PostgreSQL carries, times the processes that hear them
    worker_mb: float
    socket_kb: float
    row_bytes: Mapping[str, float]

    @classmethod
    def of(cls, figures: Mapping[str, dict[str, Any]]) -> "Costs":
        """Read them off the figures of the benchmarks."""
        rooms = figures["fan_out"]["rows"]
        few, many = rooms[0], rooms[-1]
        more = many["receivers"] - few["receivers"]
        delivery_us = max(0.0, (many["server_us_an_event"] - few["server_us_an_event"]) / more)
        hour = [row for row in figures["startup"]["rows"] if row["what"].startswith("minute")]
        return cls(
            read_us=_typical(figures["routes"]["rows"], "GET"),
            write_us=_typical(figures["routes"]["rows"], "POST", "PATCH", "DELETE"),
            event_us=max(0.0, few["server_us_an_event"] - few["receivers"] * delivery_us),
            delivery_us=delivery_us,
            wake_ups_per_second=max(
                row["listeners"] * row["hints_per_second"] for row in figures["hints"]["rows"]
            ),
            worker_mb=hour[-1]["pss_mb"],
            socket_kb=many["kb_a_socket"],
            row_bytes=figures["routes"]["settings"]["bytes_a_row"],
        )


@dataclass(frozen=True)
class Need:
    """What so many users need in the busiest hour."""

    users: int
    costs: Costs
    habits: Habits = Habits()

    @property
    def active(self) -> float:
        """Users on a working day."""
        return self.users * self.habits.active_share

    @property
    def sockets(self) -> float:
        """Open at once."""
        return self.active * self.habits.at_once * self.habits.sockets_each

    @property
    def events(self) -> float:
        """A second, in all rooms together."""
        habits = self.habits
        return self.active * habits.changes_a_day * habits.busiest_hour / HOUR_SECONDS

    @property
    def events_of_a_room(self) -> float:
        """An hour, in a project's room."""
        return self.events / self.users * self.habits.people_a_project * HOUR_SECONDS

    @property
    def receivers(self) -> float:
        """Sockets that an event goes to."""
        return self.sockets / self.users * self.habits.people_a_project

    @property
    def telling(self) -> float:
        """Processes that an event's receivers are spread over: each reads the log once."""
        processes = self.processes
        return processes * (1 - math.pow(1 - 1 / processes, self.receivers))

    @property
    def requests(self) -> float:
        """A second."""
        return self.events * (1 + self.habits.reads_a_change)

    @property
    def web_cores(self) -> float:
        """Cores for the web processes, none busier than it may be."""
        costs = self.costs
        answers = self._per_second(costs.read_us[0], costs.write_us[0])
        # Each receiver may sit in a process of its own.
        live = self.events * self.receivers * (costs.event_us + costs.delivery_us)
        return (answers + live) / 1e6 / self.habits.busy

    @property
    def processes(self) -> int:
        """Web processes: by their cores or by their sockets; one of two may fail."""
        by_sockets = self.sockets / self.habits.sockets_a_process
        return max(2, math.ceil(max(self.web_cores, by_sockets)))

    @property
    def database_cores(self) -> float:
        """Cores for PostgreSQL, the reading of the log included."""
        costs = self.costs
        answers = self._per_second(costs.read_us[1], costs.write_us[1])
        log = self.events * self.telling * costs.read_us[1]
        return (answers + log) / 1e6 / self.habits.busy

    @property
    def connections(self) -> int:
        """To PostgreSQL, when every pool is full."""
        return self.processes * self.habits.pool

    @property
    def wake_ups(self) -> float:
        """Hints heard a second, by all processes together: each hears of every event."""
        return self.events * self.processes

    @property
    def memory_gb(self) -> float:
        """Of the web processes."""
        return (
            self.processes * self.costs.worker_mb + self.sockets * self.costs.socket_kb / 1e3
        ) / 1e3

    @property
    def rows_a_day(self) -> float:
        """Written on a working day, events included."""
        return self.active * (sum(self.habits.rows_a_day.values()) + self.habits.changes_a_day)

    @property
    def gb_a_day(self) -> float:
        """What these rows and their indexes take."""
        return self._kept_gb_a_day + self._events_gb_a_day

    @property
    def gb_after_a_year(self) -> float:
        """What is kept for good, and the events that are not cleared up yet."""
        return self._kept_gb_a_day * YEAR_DAYS + self._events_gb_a_day * self.habits.event_days

    @property
    def shares(self) -> dict[str, float]:
        """What is needed of what one of each has; above 1 is too much."""
        habits = self.habits
        return {
            "web": self.web_cores / habits.web_cores,
            "PostgreSQL's cores": self.database_cores / habits.database_cores,
            "connections": self.connections / habits.connections,
            "bus": self.wake_ups / self.costs.wake_ups_per_second,
            "disk": self.gb_after_a_year / habits.disk_gb,
        }

    @property
    def first(self) -> str:
        """Name what is used up first."""
        shares = self.shares
        return max(shares, key=lambda name: shares[name])

    def _per_second(self, read_us: float, write_us: float) -> float:
        """Return microseconds of CPU a second for the requests."""
        return self.events * (write_us + self.habits.reads_a_change * read_us)

    @property
    def _kept_gb_a_day(self) -> float:
        rows = self.habits.rows_a_day
        kept = sum(count * self.costs.row_bytes[table] for table, count in rows.items())
        return self.active * kept / 1e9

    @property
    def _events_gb_a_day(self) -> float:
        return self.active * self.habits.changes_a_day * self.costs.row_bytes["events"] / 1e9


def _typical(rows: list[dict[str, Any]], *methods: str) -> tuple[float, float]:
    """Return the median CPU of such routes in the largest world."""
    chosen = [row for row in rows if not row["whole"] and row["route"].split()[0] in methods]
    server = median(row["server_us"][-1] for row in chosen)
    return server, median(row["database_us"][-1] for row in chosen)
