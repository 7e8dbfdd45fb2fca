"""Where the request at hand comes from, for whoever has to write it down."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Caller:
    """Who asks: from which address, and with which session or API token once that is known."""

    ip: str | None = None
    credential_id: str | None = None


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def open_caller(ip: str | None) -> None:
    """Begin to serve somebody at this address."""
    _caller.set(Caller(ip))


def note_credential(credential_id: str) -> None:
    """Note what they have signed in with."""
    caller = _caller.get()
    if caller is not None:
        caller.credential_id = credential_id


def current_caller() -> Caller:
    """Return who asks; nobody where a command or a job is at work."""
    return _caller.get() or Caller()
