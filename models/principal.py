"""Who is asking."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from models.scope import Scope
from models.user import UserKind, UserRole


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user; `number` is the one that time entries are folded by.

    `credential_id` is the session or the API token that speaks, empty for operators on the
    command line. `scopes` are those of an API token; None for a session, which may do everything.
    An API token may be limited to one project, and to networks to be used from.
    """

    id: str
    kind: UserKind
    role: UserRole
    timezone: str
    number: int
    credential_id: str
    scopes: frozenset[Scope] | None = None
    project_id: str | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def actor_id(self) -> str | None:
        """Who the audit log says it was; None for an operator's command in their name."""
        return self.id if self.credential_id else None
