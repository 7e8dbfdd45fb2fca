"""What this process has open now, written down for the metrics every few seconds."""

import os
import resource
import time
from pathlib import Path

from services.connection_manager import ConnectionManager, connection_manager
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.live.loops import run_forever
from services.room_feed import RoomFeed, room_feed
from utils import metrics

EVERY_SECONDS = 5.0
STATM = Path("/proc/self/statm")


class ProcessMetricsService:
    """Looks at the parts of a process, so that none of them has to keep count on the way."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        connections: ConnectionManager,
        feed: RoomFeed,
    ) -> None:
        self._db = database
        self._bus = bus
        self._connections = connections
        self._feed = feed
        self.requests_in_flight = 0

    def start(self) -> None:
        """Begin to write down; once in a process that serves."""
        run_forever("process-metrics", self._write_down_later)

    def _write_down_later(self) -> None:
        due = time.monotonic() + EVERY_SECONDS
        time.sleep(EVERY_SECONDS)
        metrics.LOOP_DELAY_SECONDS.set(max(0.0, time.monotonic() - due))
        self.write_down()

    def write_down(self) -> None:
        """Write down how things are now."""
        size, in_use = self._db.pool_use()
        metrics.POOL_SIZE.set(size)
        metrics.POOL_IN_USE.set(in_use)
        metrics.REQUESTS_IN_FLIGHT.set(self.requests_in_flight)
        metrics.SOCKETS.set(len(self._connections))
        metrics.ROOMS.set(len(self._feed))
        metrics.SOCKET_QUEUE_BYTES.set(
            max((each.socket.waiting_bytes for each in self._connections), default=0)
        )
        metrics.BUS_CONNECTED.set(self._bus.is_connected)
        metrics.RESIDENT_BYTES.set(_resident_bytes())


def _resident_bytes() -> int:
    """Return this process's memory; where there is no /proc, the most that it ever had."""
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


process_metrics_service = ProcessMetricsService(db, event_bus, connection_manager, room_feed)
