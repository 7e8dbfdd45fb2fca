"""Whoever asks Stint for things: clients on connections of their own, and people among them."""

import json
import secrets
import statistics
import time
from email.message import Message
from http.client import HTTPConnection
from typing import Any

from benchmarks.servers import HOST, Server

ANSWER_SECONDS = 300  # an archive of a million tasks takes its time


class RefusedError(Exception):
    """An answer that is an error; the message holds it."""


class Client:
    """A token and a connection."""

    def __init__(self, server: Server, token: str) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=ANSWER_SECONDS)
        self._headers = {"Content-Type": "application/json"}
        self.use(token)

    def use(self, token: str) -> None:
        """Ask with this token from now on."""
        self.token = token
        self._headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connection; the next request opens it anew."""
        self._connection.close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[Any, str]:
        """Return the body of an answer, and the path of the next page if there is one."""
        data, headers = self.send(method, path, None if body is None else json.dumps(body))
        link = headers.get("Link", "").partition("/api/v1")[2].partition(">")[0]
        return json.loads(data) if data else None, link

    def send(self, method: str, path: str, content: str | None = None) -> tuple[bytes, Message]:
        """Return the bytes of an answer, and its headers."""
        self._connection.request(method, f"/api/v1{path}", content, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RefusedError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data, answer.headers


class Reader(Client):
    """One account, its project and a connection."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, "")
        account = {
            "email": f"{secrets.token_hex(8)}@example.org",
            "password": secrets.token_urlsafe(24),
        }
        self.user_id = self.ask("POST", "/users", account | {"name": "Reader"})[0]["id"]
        self.use(self.ask("POST", "/auth/login", account)[0]["access_token"])
        self.project_id = self.ask("POST", "/projects", {"name": "Website"})[0]["id"]

    def milliseconds(self, path: str, times: int) -> float:
        """Return the median time of a request, warm."""
        self.close()  # it was idle; the next request opens it anew
        for _ in range(3):
            self.ask("GET", path)
        took = []
        for _ in range(times):
            started = time.perf_counter()
            self.ask("GET", path)
            took.append((time.perf_counter() - started) * 1_000)
        return statistics.median(took)
