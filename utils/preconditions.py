"""Conditional requests (RFC 9110, section 13): versions as entity tags."""

from dataclasses import dataclass
from typing import Protocol

from utils.errors import PreconditionFailedError


class HasVersion(Protocol):
    """Anything with a version."""

    @property
    def version(self) -> int:
        """Rises with every change."""

    @property
    def variant(self) -> str:
        """What besides the version tells two representations apart."""


def etag_of(resource: HasVersion) -> str:
    """Return the strong entity tag of a resource."""
    return tag_of(resource.version, resource.variant)


def tag_of(version: int, variant: str = "") -> str:
    """Return the strong entity tag of a version."""
    return f'"v{version}{variant}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The entity tags of an If-Match header; empty when the caller sent none."""

    tags: tuple[str, ...] = ()

    def check(self, current: HasVersion) -> None:
        """Refuse the change when the caller has seen another version than `current`."""
        if not self.tags or "*" in self.tags or etag_of(current) in self.tags:
            return
        raise PreconditionFailedError(
            "You named another version than today's: somebody changed this since you read it, or "
            f"the ETag is written in another way. Look at `current`, then send {etag_of(current)} "
            f"in If-Match, in bulk {current.version} as if_version, in MCP as version.",
            current=current,
        )


def parse_tags(header: str | None) -> tuple[str, ...]:
    """Split an If-Match or If-None-Match header into its entity tags."""
    if not header:
        return ()
    tags = tuple(tag.strip() for tag in header.split(",") if tag.strip())
    return tags or (header,)  # something was sent, and it matches nothing
