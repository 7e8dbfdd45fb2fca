"""Redirects: where a browser goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Redirect:
    """Sends a browser on, with GET, to a path of this service."""

    path: str
