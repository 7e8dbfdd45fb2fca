"""Agents: software that works beside people, in the care of the person who made it."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    union,
)
from sqlalchemy.orm import aliased

from models.agent import Agent, AgentCreate, AgentQuery, AgentSession, AgentUpdate, ListedAgent
from models.base import apply_changes, columns_of, patch_json
from models.event import EventType
from models.membership import MembershipRow
from models.principal import Principal
from models.user import User, UserKind, UserRow
from services.access_service import ME, AccessService, access_service, not_found, require_person
from services.advisory_locks import LOCK_BY_ID
from services.agent_state_service import AgentStateService, agent_state_service
from services.api_token_service import ApiTokenService, api_token_service
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, user_room
from services.listing import Build, Listing, Order, page_of_each
from services.membership_service import MembershipService, membership_service
from services.session_service import SessionService, session_service
from services.task_service import TaskService, task_service
from services.timer_service import TimerService, timer_service
from utils.errors import ConflictError, ForbiddenError
from utils.helpers import new_id
from utils.pages import Page
from utils.preconditions import IfMatch

AGENTS_MAX = 100  # of one person: each of them may ask as often as a person

COLUMNS = columns_of(UserRow, Agent)

IS_AGENT = UserRow.owner_id.is_not(None)  # see models/agent.py

_own, _mine, _theirs = aliased(UserRow), aliased(MembershipRow), aliased(MembershipRow)
MATES = (
    select(_theirs.user_id.label("id"))
    .join(_mine, _mine.project_id == _theirs.project_id)
    .where(_mine.user_id == ME, _mine.active, _theirs.active)
)
MATES_IN_PROJECT = MATES.distinct().where(_mine.project_id == bindparam("project_id"))
# Looked up apart from each other, since each has its own index.
MINE_AND_MATES = union(select(_own.id).where(_own.owner_id == ME), MATES)

VISIBLE = and_(
    IS_AGENT, or_(UserRow.owner_id == ME, MATES.where(_theirs.user_id == UserRow.id).exists())
)

GET = select(*COLUMNS).where(UserRow.id == bindparam("id"), VISIBLE)

# Rows that refer to it may be written meanwhile.
LOAD = select(UserRow).where(VISIBLE).with_for_update(key_share=True)

COUNT = select(func.count().label("count")).where(UserRow.owner_id == ME)

FILTERS = {
    "owner": UserRow.owner_id == bindparam("owner"),
    "search": func.strpos(func.lower(UserRow.name), func.lower(bindparam("search"))) > 0,
}
ORDERS = {"-created_at": Order({"id": UserRow.id}, descending=True)}


def _page_among(users: Select[Any] | CompoundSelect[Any]) -> Build:
    """Look up the agents among the users of these ids, one by one: they are few among many."""
    ids = users.cte("users_seen")

    def build(conditions: list[ColumnElement[bool]], order: Order) -> Select[Any]:
        this_one = select(*COLUMNS).where(UserRow.id == ids.c.id, IS_AGENT, *conditions)
        return page_of_each(ids, this_one, order)

    return build


class AgentService:
    """Everything people do with agents; what agents do themselves is the other services'."""

    def __init__(
        self,
        database: DatabaseClient,
        events: EventService,
        access: AccessService,
        sessions: SessionService,
        tokens: ApiTokenService,
        memberships: MembershipService,
        timer: TimerService,
        tasks: TaskService,
        states: AgentStateService,
    ) -> None:
        self._db = database
        self._events = events
        self._access = access
        self._sessions = sessions
        self._tokens = tokens
        self._memberships = memberships
        self._timer = timer
        self._leases = tasks.leases
        self._states = states
        self._get = database.prepare(GET)
        self._lock = database.prepare(LOCK_BY_ID)
        self._count = database.prepare(COUNT)
        self._everywhere = Listing("agents", database, _page_among(MINE_AND_MATES), FILTERS, ORDERS)
        self._in_project = Listing(
            "agents of a project", database, _page_among(MATES_IN_PROJECT), FILTERS, ORDERS
        )

    def get(self, principal: Principal, agent_id: str) -> Agent:
        """Return an agent of the caller or of one of their projects."""
        row = self._get.first(id=agent_id, me=principal.id)
        if row is None:
            raise not_found()
        return Agent.model_validate(row)

    def session(self, principal: Principal, agent_id: str) -> AgentSession:
        """Return what an agent of the caller or of one of their projects is doing."""
        self.get(principal, agent_id)
        return self._states.session(principal, agent_id)

    def page(self, principal: Principal, query: AgentQuery) -> Page[ListedAgent]:
        """Return the caller's agents and those of their projects, or of one project."""
        values = query.set_filters() | {"me": principal.id}
        if query.owner == "me":
            values["owner"] = principal.id
        if query.project_id is None:
            return self._states.add_to(self._everywhere.page(query, values, "-created_at"))
        page = self._in_project.page(query, values, "-created_at")
        if not page.items:
            self._access.role_in(principal, query.project_id)
        return self._states.add_to(page)

    def create(self, principal: Principal, body: AgentCreate) -> Agent:
        """Make an agent that the caller owns; it lives in their time zone."""
        require_person(principal)
        self.require_room(principal, newcomers=1)
        row = UserRow(
            **body.model_dump(by_alias=True),
            id=new_id(),
            kind=UserKind.AGENT,
            owner_id=principal.id,
            timezone=principal.timezone,
        )
        self._db.session.add(row)
        self._db.session.flush()
        self._events.open_room(user_room(row.id))
        return self._changed(principal, Agent.model_validate(row), EventType.AGENT_CREATED)

    def require_room(self, principal: Principal, newcomers: int) -> None:
        """Refuse more agents than one person may have; nobody adds one of theirs meanwhile."""
        self._lock.execute(id=f"agents {principal.id}")
        if self._count.one(me=principal.id)["count"] + newcomers > AGENTS_MAX:
            raise ConflictError(
                f"One has at most {AGENTS_MAX} agents; delete one that is not needed any more.",
                code="too_many_agents",
            )

    def update(
        self, principal: Principal, agent_id: str, changes: AgentUpdate, if_match: IfMatch
    ) -> Agent:
        """Change an agent; metadata is merged, everything else replaced. For its owner."""
        row = self._load(principal, agent_id)
        if_match.check(Agent.model_validate(row))
        values = changes.model_dump(exclude_unset=True, by_alias=True)
        is_renamed = values.get("name", row.name) != row.name
        if "agent_metadata" in values:
            patch_json(row, "agent_metadata", values.pop("agent_metadata"))
        if not apply_changes(row, values):
            return Agent.model_validate(row)
        self._db.session.flush()
        if not row.is_active:
            self._end_work(principal, row.id)
        if is_renamed:
            self._memberships.announce_name(principal, row.id)
        self._tell_itself(principal, row)
        return self._changed(principal, Agent.model_validate(row), EventType.AGENT_UPDATED)

    def delete(self, principal: Principal, agent_id: str, if_match: IfMatch) -> None:
        """Switch an agent off for good and take it out of its projects; what it did stays."""
        row = self._load(principal, agent_id)
        agent = Agent.model_validate(row)
        if_match.check(agent)
        self._end_work(principal, row.id)
        self._memberships.remove_everywhere(principal, row.id)
        row.is_active, row.owner_id = False, None
        self._db.session.flush()
        self._tell_itself(principal, row)
        last = {"is_active": False, "version": row.version, "updated_at": row.updated_at}
        self._changed(principal, agent.model_copy(update=last), EventType.AGENT_DELETED)

    def require_own(self, principal: Principal, agent_id: str) -> None:
        """Refuse whoever does not own the agent."""
        if self.get(principal, agent_id).owner_id != principal.id:
            raise _not_yours()

    def hold_own(self, principal: Principal, agent_id: str) -> None:
        """Likewise; until the commit nobody switches the agent off or deletes it."""
        self._load(principal, agent_id)

    def _load(self, principal: Principal, agent_id: str) -> UserRow:
        """Load and lock an agent of the caller's."""
        query = LOAD.where(UserRow.id == agent_id)
        row = self._db.session.scalars(query, {"me": principal.id}).one_or_none()
        if row is None:
            raise not_found()
        if row.owner_id != principal.id:
            raise _not_yours()
        return row

    def _end_work(self, principal: Principal, agent_id: str) -> None:
        """End what an agent acts with, and what it could not end itself any more."""
        self._sessions.revoke_all_of(agent_id, principal.id)
        self._tokens.revoke_all_of(principal, agent_id)
        self._timer.stop_of(principal, agent_id)
        self._leases.withdraw_all(principal, agent_id)

    def _tell_itself(self, principal: Principal, row: UserRow) -> None:
        """Note the change in the agent's own room, where it is a user like any other."""
        user = User.model_validate(row)
        self._events.record(principal, user_room(row.id), EventType.USER_UPDATED, user)

    def _changed(self, principal: Principal, agent: Agent, event: EventType) -> Agent:
        self._events.record(principal, user_room(agent.owner_id), event, agent)
        return agent


def _not_yours() -> ForbiddenError:
    return ForbiddenError("This agent is somebody else's; ask its owner to do this.")


agent_service = AgentService(
    db,
    event_service,
    access_service,
    session_service,
    api_token_service,
    membership_service,
    timer_service,
    task_service,
    agent_state_service,
)
