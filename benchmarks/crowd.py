"""Receivers in several processes, so that it is the server that is measured and not they."""

import resource
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.receivers import Receivers

PROCESSES = 2
FILES_BESIDE = 100


class Crowd:
    """Sockets of one server, spread evenly."""

    def __init__(self, processes: int = PROCESSES) -> None:
        context = get_context("spawn")
        self._pipes: list[Connection] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            context.Process(target=_serve, args=(theirs,), daemon=True).start()
            theirs.close()
            self._pipes.append(ours)

    def open(self, port: int, headers: Sequence[str], first_message: bytes, count: int) -> None:
        """Open so many sockets."""
        share, left = divmod(count, len(self._pipes))
        for number, pipe in enumerate(self._pipes):
            pipe.send(("open", port, headers, first_message, share + (number < left)))
        self._answers()

    def settle(self, quiet_seconds: float) -> None:
        """Read until nothing has come in for a while."""
        self._tell("settle", quiet_seconds)
        self._answers()

    def expect(self, messages: int, seconds: float) -> Callable[[], list[float]]:
        """Begin to read; returns what waits until all have all, and tells the seconds it took.

        What takes too long raises ReceiverError.
        """
        self._tell("receive", messages, seconds)
        return lambda: [latency for latencies in self._answers() for latency in latencies]

    def close(self) -> None:
        """Hang up and end the processes."""
        for pipe in self._pipes:
            pipe.send(None)
            pipe.close()

    def _tell(self, *message: object) -> None:
        for pipe in self._pipes:
            pipe.send(message)

    def _answers(self) -> list[Any]:
        answers = [pipe.recv() for pipe in self._pipes]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers


def allow_files(count: int) -> None:
    """Let this process and those below it have so many sockets; no more than may be."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + FILES_BESIDE
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _serve(pipe: Connection) -> None:
    """Do what is asked for until there is nothing more; each gets an answer."""
    receivers = Receivers()
    while (message := _next(pipe)) is not None:
        name, *values = message
        try:
            pipe.send(_do(receivers, name, values))
        except Exception as error:  # noqa: BLE001 - whoever asked has to know of it
            pipe.send(error)
    receivers.close()


def _next(pipe: Connection) -> tuple[Any, ...] | None:
    try:
        message: tuple[Any, ...] | None = pipe.recv()
    except EOFError:
        return None
    return message


def _do(receivers: Receivers, name: str, values: list[Any]) -> list[float]:
    match name:
        case "open":
            port, headers, first_message, count = values
            allow_files(count)
            for _ in range(count):
                receivers.open(port, headers, first_message)
        case "settle":
            receivers.settle(*values)
        case "receive":
            receivers.receive(*values)
    return receivers.latencies
