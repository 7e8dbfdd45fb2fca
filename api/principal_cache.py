"""Who is behind a token, remembered in each process, so that requests need not ask."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from config import settings
from models.principal import Principal
from services.event_bus import EventBus, event_bus
from utils.errors import ServiceError

SIZE = 10_000


@dataclass(slots=True)
class Known:
    """A token that was verified; who it speaks for is looked up anew every so often."""

    principal: Principal
    expires_at: float
    csrf: str = ""
    trusted_until: float = 0
    noted_until: float = 0  # its use, if it is an API token


class PrincipalCache:
    """Forgets a credential as soon as a hint says that it is over, and all when hints got lost.

    Where a hint does not arrive, `principal_cache_seconds` are what it is trusted for.
    """

    def __init__(self, bus: EventBus) -> None:
        self._known: dict[str, Known] = {}
        self._tokens: dict[str, set[str]] = defaultdict(set)  # by credential and by user
        self._forgotten = 0  # how often something was
        bus.on("credential", lambda hint: self._forget(hint.subject))
        bus.on("user", lambda hint: self._forget(hint.subject))
        bus.on_gap(self._forget_all)

    def find(
        self, token: str, verify: Callable[[], Known], look_up: Callable[[Principal], Principal]
    ) -> Known:
        """Return what is known of a token, by `verify` when that is nothing.

        `look_up` finds again who was found before. Both raise UnauthenticatedError.
        """
        now = time.time()
        known = self._known.get(token)
        if known is None or known.expires_at <= now:
            forgotten = self._forgotten
            known = verify()
            if forgotten == self._forgotten:  # else this may be what was to be forgotten
                self._remember(token, known)
        elif known.trusted_until <= now:
            self._look_again(token, known, look_up)
        return known

    def _look_again(
        self, token: str, known: Known, look_up: Callable[[Principal], Principal]
    ) -> None:
        """Ask whether the credential still lives; of many requests at once one asks."""
        known.trusted_until = time.time() + settings.principal_cache_seconds
        try:
            known.principal = look_up(known.principal)
        except ServiceError:
            self._drop(token)
            raise

    def _remember(self, token: str, known: Known) -> None:
        known.trusted_until = time.time() + settings.principal_cache_seconds
        while len(self._known) >= SIZE:
            self._drop(next(iter(self._known)))
        self._known[token] = known
        for subject in _subjects_of(known):
            self._tokens[subject].add(token)

    def _forget(self, subject: str) -> None:
        """Forget the tokens of a credential, or all of a user."""
        self._forgotten += 1
        for token in [*self._tokens.get(subject, ())]:
            self._drop(token)

    def _drop(self, token: str) -> None:
        known = self._known.pop(token, None)
        for subject in _subjects_of(known) if known else ():
            tokens = self._tokens[subject]
            tokens.discard(token)
            if not tokens:
                self._tokens.pop(subject, None)

    def _forget_all(self) -> None:
        self._forgotten += 1
        self._known.clear()
        self._tokens.clear()


def _subjects_of(known: Known) -> tuple[str, str]:
    return known.principal.credential_id, known.principal.id


principal_cache = PrincipalCache(event_bus)
