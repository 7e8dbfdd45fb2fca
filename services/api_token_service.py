"""API tokens: issued, listed and revoked; only their hashes are kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from models.api_token import (
    DAYS,
    DAYS_MAX,
    ApiToken,
    ApiTokenCreate,
    ApiTokenCreated,
    ApiTokenQuery,
    ApiTokenRow,
)
from models.audit import AuditAction
from models.base import columns_of
from models.principal import Principal
from models.user import UserRow
from services.access_service import AccessService, access_service, not_found
from services.advisory_locks import LOCK_BY_ID
from services.audit_service import AuditService, audit_service
from services.credential_service import LIVE_TOKEN, CredentialService, credential_service
from services.db_client import DatabaseClient, db
from services.listing import newest_first
from services.portions import delete_portion
from services.prepared import Row
from utils.api_tokens import OF_AGENTS, OF_PEOPLE, Prefix, make_token
from utils.errors import BadRequestError, ConflictError, NotFoundError
from utils.helpers import digest_of, new_id, utc_now
from utils.pages import Page

TOKENS_MAX = 100  # for one user
NOTED_EVERY = timedelta(minutes=1)

COLUMNS = columns_of(ApiTokenRow, ApiToken)
MINE = (ApiTokenRow.user_id == bindparam("user_id"), *LIVE_TOKEN)
THIS_ONE = ApiTokenRow.id == bindparam("token_id")

COUNT = select(func.count().label("count")).select_from(ApiTokenRow).where(*MINE)
GET = select(*COLUMNS).where(THIS_ONE, *MINE)

CREATED = ("id", "user_id", "name", "digest", "scopes", "project_id", "networks", "expires_at")
CREATE = (
    insert(ApiTokenRow)
    .values({name: bindparam(name, type_=getattr(ApiTokenRow, name).type) for name in CREATED})
    .values(created_at=func.now())
    .returning(*COLUMNS)
)

REVOKE_ALL = (
    update(ApiTokenRow).where(*MINE).values(revoked_at=func.now()).returning(ApiTokenRow.id)
)
REVOKE = REVOKE_ALL.where(THIS_ONE)

AGENTS = select(UserRow.id).where(UserRow.owner_id == bindparam("user_id"))
REVOKE_EVERY = (
    update(ApiTokenRow)
    .where(
        or_(ApiTokenRow.user_id == bindparam("user_id"), ApiTokenRow.user_id.in_(AGENTS)),
        *LIVE_TOKEN,
    )
    .values(revoked_at=func.now())
    .returning(ApiTokenRow.id)
)

# Of several processes that note the same use, the first does.
NOTE_USE = (
    update(ApiTokenRow)
    .where(
        THIS_ONE,
        or_(
            ApiTokenRow.last_used_at.is_(None),
            ApiTokenRow.last_used_at <= func.now() - literal(NOTED_EVERY),
        ),
    )
    .values(last_used_at=func.now())
)

PURGE = delete_portion(
    ApiTokenRow, or_(ApiTokenRow.expires_at < func.now(), ApiTokenRow.revoked_at < func.now())
)

LIST = select(*COLUMNS).where(*MINE)


class ApiTokenService:
    """The tokens of one user; whose tokens the caller may manage is found out before."""

    def __init__(
        self,
        database: DatabaseClient,
        credentials: CredentialService,
        access: AccessService,
        audit: AuditService,
    ) -> None:
        self._credentials = credentials
        self._access = access
        self._audit = audit
        self._lock = database.prepare(LOCK_BY_ID)
        self._count = database.prepare(COUNT)
        self._get = database.prepare(GET)
        self._create = database.prepare(CREATE)
        self._listing = newest_first("api tokens", database, LIST, ApiTokenRow.id)
        self._revoke = database.prepare(REVOKE)
        self._revoke_all = database.prepare(REVOKE_ALL)
        self._revoke_every = database.prepare(REVOKE_EVERY)
        self._note_use = database.prepare(NOTE_USE)
        self._purge = database.prepare(PURGE)

    def issue(self, principal: Principal, body: ApiTokenCreate) -> ApiTokenCreated:
        """Make a token of the caller's own; agents have none, for that takes a session."""
        return self._issue(principal, principal.id, OF_PEOPLE, body)

    def issue_to_agent(
        self, principal: Principal, agent_id: str, body: ApiTokenCreate
    ) -> ApiTokenCreated:
        """Make a token for an agent, which the caller has to own."""
        return self._issue(principal, agent_id, OF_AGENTS, body)

    def _issue(
        self, principal: Principal, user_id: str, prefix: Prefix, body: ApiTokenCreate
    ) -> ApiTokenCreated:
        expires_at = _end_of(body)
        if body.project_id is not None and not self._access.is_in(user_id, body.project_id):
            raise NotFoundError(
                "There is no such project, or whose token it is to be is not a member of it."
            )
        self._lock.execute(id=f"api tokens {user_id}")
        if self._count.one(user_id=user_id)["count"] >= TOKENS_MAX:
            raise ConflictError(
                f"One has at most {TOKENS_MAX} API tokens; delete one that is not needed any more.",
                code="too_many_api_tokens",
            )
        token = make_token(prefix)
        row = self._create.one(
            id=new_id(),
            user_id=user_id,
            name=body.name,
            digest=digest_of(token),
            scopes=[str(scope) for scope in body.scopes],
            project_id=body.project_id,
            networks=body.networks,
            expires_at=expires_at,
        )
        self._audit.record(
            AuditAction.TOKEN_CREATED,
            user_id=principal.id,
            actor_id=principal.actor_id,
            subject_id=row["id"],
        )
        return ApiTokenCreated.model_validate(row | {"token": token})

    def page(self, user_id: str, query: ApiTokenQuery) -> Page[ApiToken]:
        """Return the live tokens of a user, the newest first."""
        return self._listing.page(query, {"user_id": user_id}, "newest").map(
            ApiToken.model_validate
        )

    def get(self, user_id: str, token_id: str) -> ApiToken:
        """Return one live token of a user."""
        row = self._get.first(user_id=user_id, token_id=token_id)
        if row is None:
            raise not_found()
        return ApiToken.model_validate(row)

    def revoke(self, principal: Principal, user_id: str, token_id: str) -> None:
        """End a token of a user, and what is open by it."""
        revoked = self._revoke.all(user_id=user_id, token_id=token_id)
        if not revoked:
            raise not_found()
        self._end(principal.id, revoked)

    def revoke_all_of(self, principal: Principal, agent_id: str) -> None:
        """End all tokens of an agent of the caller's."""
        self._end(principal.id, self._revoke_all.all(user_id=agent_id))

    def revoke_every(self, user_id: str) -> None:
        """End all tokens that somebody could make: their own, and those of their agents."""
        self._end(user_id, self._revoke_every.all(user_id=user_id))

    def _end(self, by: str, revoked: Sequence[Row]) -> None:
        for row in revoked:
            self._audit.record_own(AuditAction.TOKEN_REVOKED, by, subject_id=row["id"])
        self._credentials.announce_end(revoked)

    def note_use(self, token_id: str) -> None:
        """Remember that a token was used now; once a minute is enough."""
        self._note_use.execute(token_id=token_id)

    def purge(self) -> dict[str, int]:
        """Delete some tokens that ended; returns how many, until none is."""
        return {"API tokens": self._purge.execute()}


def _end_of(body: ApiTokenCreate) -> datetime:
    """Return when a new token expires; BadRequestError when that is over or too far away."""
    now = utc_now()
    if body.expires_at is None:
        return now + timedelta(days=body.expires_in_days or DAYS)
    if not now < body.expires_at <= now + timedelta(days=DAYS_MAX):
        raise BadRequestError(
            f"A token expires in the future and within {DAYS_MAX} days; look at expires_at.",
            code="bad_expiry",
        )
    return body.expires_at


api_token_service = ApiTokenService(db, credential_service, access_service, audit_service)
