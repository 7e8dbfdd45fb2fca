"""Scopes: what an API token may be used for. A session may do all that its user may."""

from enum import StrEnum


class Scope(StrEnum):
    """`resource:read` or `resource:write`; writing includes reading."""

    TASKS_READ = "tasks:read"  # with their lines and comments
    TASKS_WRITE = "tasks:write"
    PROJECTS_READ = "projects:read"  # with their members
    PROJECTS_WRITE = "projects:write"
    TIME_READ = "time:read"  # with the timer and reports
    TIME_WRITE = "time:write"
    AGENTS_READ = "agents:read"  # with what they are doing
    AGENTS_WRITE = "agents:write"
    WEBHOOKS_READ = "webhooks:read"  # with what became of their deliveries
    WEBHOOKS_WRITE = "webhooks:write"
    TRASH_READ = "trash:read"
    TRASH_WRITE = "trash:write"
    ROOMS_READ = "rooms:read"  # events, snapshots and sockets: all that happens in a room
    ACCOUNT_READ = "account:read"  # oneself, and everything of one's own as an archive
    ACCOUNT_WRITE = "account:write"
    NOTIFY_READ = "notify:read"  # one's own notifications
    NOTIFY_WRITE = "notify:write"  # also messages to others

    @property
    def resource(self) -> str:
        """What it is about."""
        return self.partition(":")[0]

    @property
    def is_write(self) -> bool:
        """True where it lets change something."""
        return self.endswith(":write")


def includes(scopes: frozenset[Scope], wanted: Scope) -> bool:
    """Tell whether `scopes` let do what `wanted` is for."""
    return wanted in scopes or f"{wanted.resource}:write" in scopes
