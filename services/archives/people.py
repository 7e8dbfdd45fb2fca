"""The people and agents of an archive: who they are here."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, any_, bindparam, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.agent import Agent
from models.archive import Archive, ArchivedAgent, ArchivedPerson
from models.base import UuidText, columns_of
from models.event import EventType
from models.principal import Principal
from models.user import UserKind, UserRow
from services.access_service import ME, shares_project
from services.agent_service import AgentService, agent_service
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service, user_room
from services.imports.people import FIND_PLACEHOLDERS, LOCK, Person
from utils.helpers import copied_id

# Whoever writes an archive says in it who did what: strangers are not drawn into that.
FIND_ACCOUNTS = select(UserRow.id, UserRow.number, UserRow.email.label("key")).where(
    UserRow.email == any_(bindparam("emails", type_=ARRAY(UserRow.email.type))),
    or_(UserRow.id == ME, and_(UserRow.verified, shares_project(UserRow.id))),
)

# A deleted agent is kept for what it did; one that others own is a placeholder, and active.
IS_DELETED = and_(UserRow.kind == UserKind.AGENT, UserRow.owner_id.is_(None), ~UserRow.is_active)

FIND_COPIES = select(UserRow.id, UserRow.number, UserRow.kind, IS_DELETED.label("deleted")).where(
    UserRow.id == any_(bindparam("ids", type_=ARRAY(UuidText)))
)

People = dict[str, Person]


class ArchivePeople:
    """Finds or makes everyone in an archive.

    Whose archive it is becomes the importer. Their agents are made anew. Others are matched by a
    verified address when they share a project with the importer already; everybody else is a
    placeholder until they claim what waits for their address.
    """

    def __init__(
        self, database: DatabaseClient, events: EventService, agents: AgentService
    ) -> None:
        self._db = database
        self._agents = agents
        self._events = events
        self._find_accounts = database.prepare(FIND_ACCOUNTS)
        self._find_placeholders = database.prepare(FIND_PLACEHOLDERS)
        self._find_copies = database.prepare(FIND_COPIES)
        self._lock = database.prepare(LOCK)

    def resolve(self, principal: Principal, archive: Archive) -> tuple[People, dict[str, int]]:
        """Return everyone by their id in the archive, locked, and how many were made."""
        known = self._known(principal, archive)
        agents = [agent for agent in archive.agents if agent.id not in known]
        unknown = [person for person in archive.people if person.id not in known]
        # An account that is not verified and a placeholder may have one address: they are one here.
        others = {person.email or person.id: person for person in unknown}
        made = self._make_agents(principal, agents)
        placeholders = [_placeholder_values(principal, each) for each in others.values()]
        made += [
            _person(row, has_account=False, kind=values["kind"])
            for values, row in zip(placeholders, self._insert(placeholders), strict=True)
        ]
        ids = [*(agent.id for agent in agents), *(person.id for person in others.values())]
        people = known | dict(zip(ids, made, strict=True))
        people |= {each.id: people[others[each.email or each.id].id] for each in unknown}
        self._lock.all(ids=[person.id for person in people.values()])
        return people, {"agents": len(agents), "people": len(others)}

    def _known(self, principal: Principal, archive: Archive) -> People:
        """Return those who are here already: by what an earlier import made, or by address."""
        originals = {copied_id(principal.id, each.id): each.id for each in archive.agents}
        originals |= {copied_id(principal.id, each.id): each.id for each in archive.people}
        people = {
            originals[row["id"]]: replace(
                _person(row, has_account=False, kind=UserKind(row["kind"])), deleted=row["deleted"]
            )
            for row in self._find_copies.all(ids=list(originals))
        }
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for each in archive.people:
            if each.email:
                ids[each.email].append(each.id)
        emails = list(ids)
        for row in self._find_placeholders.all(emails=emails):
            people |= dict.fromkeys(ids[row["key"]], _person(row, has_account=False))
        for row in self._find_accounts.all(emails=emails, me=principal.id):
            people |= dict.fromkeys(ids[row["key"]], _person(row, has_account=True))
        people[archive.user.id] = Person(
            principal.id, principal.number, newcomer=False, has_account=True
        )
        return people

    def _make_agents(self, principal: Principal, agents: list[ArchivedAgent]) -> list[Person]:
        if agents:
            self._agents.require_room(principal, newcomers=len(agents))
        made = []
        for row in self._insert([_agent_values(principal, agent) for agent in agents]):
            self._events.record(
                principal,
                user_room(principal.id),
                EventType.AGENT_CREATED,
                Agent.model_validate(row),
            )
            made.append(_person(row, has_account=False, kind=UserKind.AGENT))
        return made

    def _insert(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not rows:
            return []
        for values in rows:  # agents of others have rooms, too: their places are told there
            if values["kind"] is UserKind.AGENT:
                self._events.open_room(user_room(values["id"]))
        statement = insert(UserRow).returning(
            UserRow.number, *columns_of(UserRow, Agent), sort_by_parameter_order=True
        )
        return [dict(row) for row in self._db.session.execute(statement, rows).mappings()]


def _person(row: Any, *, has_account: bool, kind: UserKind = UserKind.PERSON) -> Person:
    return Person(row["id"], row["number"], newcomer=True, has_account=has_account, kind=kind)


def _agent_values(principal: Principal, agent: ArchivedAgent) -> dict[str, Any]:
    return agent.model_dump() | {
        "id": copied_id(principal.id, agent.id),
        "kind": UserKind.AGENT,
        "owner_id": principal.id,
    }


def _placeholder_values(principal: Principal, person: ArchivedPerson) -> dict[str, Any]:
    return {
        "id": copied_id(principal.id, person.id),
        "kind": person.kind,
        "name": person.name,
        "placeholder_email": person.email,
        "timezone": principal.timezone,
    }


archive_people = ArchivePeople(db, event_service, agent_service)
