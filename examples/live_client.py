"""A client of Stint's live rooms: keeps a copy of a room that is always right.

    python examples/live_client.py http://127.0.0.1:8000 $TOKEN project:$PROJECT_ID

It needs the packages `requests` and `websockets`. What it shows: subscribe with the last seq,
apply events in order, fetch a snapshot when the log cannot go on from there, connect again after
a random pause unless that is no use.
"""

import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import requests
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

FINAL = {4001, 4003}  # codes of sockets after which connecting again would not help
FINAL_STATUSES = {401, 403, 404}  # likewise of answers
PAUSE_SECONDS = (0.2, 20.0)
GONE = ("deleted", "removed", "moved", "read", "ended")
KIND_OF = {  # by the part of a snapshot that rows are in
    "members": "member",
    "agents": "agent",
    "tasks": "task",
    "items": "item",
    "comments": "comment",
    "leases": "lease",
    "time_entries": "time_entry",
    "notifications": "notification",
}

Row = dict[str, Any]


class RefusedError(Exception):
    """Connecting again would not help: somebody else has to do something."""


class Room:
    """Everything in a room, by kind and id, as of one seq of its log."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch: str | None = None
        self.seq: int | None = None
        self.rows: dict[tuple[str, str], Row] = {}

    def load(self, snapshot: Row) -> None:
        """Start over from a snapshot."""
        self.epoch, self.seq = snapshot["epoch"], snapshot["seq"]
        self.rows = {}
        for part, kind in KIND_OF.items():
            for row in snapshot[part]:
                self.rows[kind, key_of(kind, row)] = row
        for kind in ("project", "user"):
            if snapshot[kind]:
                self.rows[kind, snapshot[kind]["id"]] = snapshot[kind]

    def apply(self, event: Row) -> bool:
        """Apply an event; False when it takes a new snapshot."""
        if self.seq is None or event["seq"] > self.seq + 1:
            return False
        if event["seq"] <= self.seq:
            return True  # seen already
        self.seq = event["seq"]
        kind, verb = event["type"].split(".")
        if verb in ("claimed", "restored") and kind in ("member", "project"):
            return False  # more has changed than one event says
        key = kind, key_of(kind, event["data"])
        if verb not in GONE:
            self.rows[key] = self.rows.get(key, {}) | event["data"]
            return True
        self.rows.pop(key, None)
        if kind == "task":  # what belongs to it goes along
            for other, row in list(self.rows.items()):
                if other[0] in ("item", "comment", "lease") and row["task_id"] == event["subject"]:
                    del self.rows[other]
        return True


def key_of(kind: str, row: Row) -> str:
    """Return what tells rows of a kind apart."""
    return f"{row['project_id']} {row['user_id']}" if kind == "member" else str(row["id"])


class LiveClient:
    """Follows rooms over one WebSocket, and over the next when that is lost."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        rooms: list[str],
        on_change: Callable[[Room, Row | None], None],
    ) -> None:
        """`on_change` gets each room after each event, or without one after a snapshot."""
        self.on_change = on_change
        self.rooms = {name: Room(name) for name in rooms}
        self.stopped = False
        self._url = url.rstrip("/")
        self._token = token
        self._socket_url = self._url.replace("http", "ws", 1) + f"/ws/{uuid.uuid4()}"

    def run(self) -> None:
        """Follow the rooms until somebody sets `stopped`; RefusedError when that is no use."""
        failures = 0
        while not self.stopped:
            try:
                with connect(self._socket_url, additional_headers=self._headers()) as ws:
                    for name in self.rooms:
                        self._subscribe(ws, name)
                    while not self.stopped:  # it pings, and notices a server that is gone
                        self._receive(ws, json.loads(ws.recv(decode=True)))
                        failures = 0
            except ConnectionClosed as closed:
                if closed.rcvd and closed.rcvd.code in FINAL:
                    raise RefusedError(closed.rcvd.reason) from closed
            except (WebSocketException, OSError, requests.RequestException):
                pass
            failures += 1
            low, high = PAUSE_SECONDS
            time.sleep(random.uniform(low, min(high, low * 2**failures)))  # noqa: S311 - jitter

    def _subscribe(self, ws: Any, name: str) -> None:
        room = self.rooms[name]
        if room.seq is None:
            room.load(self._get(f"/api/v1/rooms/{name}/snapshot"))
            self.on_change(room, None)
        message = {"type": "subscribe", "room": name, "since": room.seq, "epoch": room.epoch}
        ws.send(json.dumps(message))

    def _receive(self, ws: Any, message: Row) -> None:
        match message["type"]:
            case "event":
                room = self.rooms[message["event"]["room"]]
                if room.apply(message["event"]):
                    self.on_change(room, message["event"])
                else:
                    self._start_over(ws, room.name)
            case "subscribed" if message["outcome"] == "resync_required":
                self._start_over(ws, message["room"])
            case "revoked":
                raise RefusedError(f"You may no longer read {message['room']}.")
            case "error" if message["code"] == "not_found":
                raise RefusedError(message["detail"])
            case "error" if message["room"]:
                raise OSError(message["detail"])

    def _start_over(self, ws: Any, name: str) -> None:
        self.rooms[name].seq = None
        self._subscribe(ws, name)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    def _get(self, path: str) -> Row:
        answer = requests.get(self._url + path, headers=self._headers(), timeout=30)
        if answer.status_code in FINAL_STATUSES:
            raise RefusedError(answer.json()["detail"])
        answer.raise_for_status()
        found: Row = answer.json()
        return found


def show(room: Room, event: Row | None) -> None:
    """Print what happened."""
    what = event["type"] if event else f"{len(room.rows)} rows"
    print(room.name, room.seq, what, flush=True)  # noqa: T201 - this is what it is for


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    base_url, access_token, *names = sys.argv[1:]
    try:
        LiveClient(base_url, lambda: access_token, names, show).run()
    except RefusedError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass
