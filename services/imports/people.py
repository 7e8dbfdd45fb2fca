"""People named in an import: matched by verified address, else kept as placeholder members."""

from dataclasses import dataclass

from sqlalchemy import any_, bindparam, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.base import UuidText
from models.event import EventType
from models.membership import Member, MembershipRow, ProjectRole
from models.principal import Principal
from models.project import Project
from models.user import UserKind, UserRow
from services.db_client import DatabaseClient, db
from services.event_service import EventService, event_service
from services.membership_service import MEMBERS, MembershipService, membership_service
from utils.helpers import new_id
from utils.parsers import ParsedEntry


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose time comes in; a newcomer became a member through this import."""

    id: str
    number: int
    newcomer: bool
    has_account: bool
    deleted: bool = False
    kind: UserKind = UserKind.PERSON


# An address that nobody has proven to be theirs must not give access to a project: it only
# matches accounts that are verified, are members already, or are the importer's.
FIND_ACCOUNTS = select(UserRow.id, UserRow.number, UserRow.email.label("key")).where(
    UserRow.email == any_(bindparam("emails", type_=ARRAY(UserRow.email.type))),
    or_(
        UserRow.verified,
        UserRow.id == bindparam("me"),
        UserRow.id.in_(
            select(MembershipRow.user_id).where(MembershipRow.project_id == bindparam("project_id"))
        ),
    ),
)

FIND_PLACEHOLDERS = select(
    UserRow.id, UserRow.number, UserRow.placeholder_email.label("key")
).where(UserRow.placeholder_email == any_(bindparam("emails", type_=ARRAY(UserRow.email.type))))

# Without an address a person is known by name, among the placeholders of the project.
FIND_NAMED = (
    select(UserRow.id, UserRow.number, UserRow.name.label("key"))
    .join(MembershipRow, MembershipRow.user_id == UserRow.id)
    .where(
        MembershipRow.project_id == bindparam("project_id"),
        UserRow.email.is_(None),
        UserRow.placeholder_email.is_(None),
        UserRow.kind == UserKind.PERSON,
    )
)

# All changes of one person's time wait for each other; always in the order of ids.
LOCK = (
    select(UserRow.id)
    .where(UserRow.id == any_(bindparam("ids", type_=ARRAY(UuidText))))
    .order_by(UserRow.id)
    .with_for_update(key_share=True)
)

FIND_MEMBERS = select(MembershipRow.user_id).where(
    MembershipRow.project_id == bindparam("project_id")
)


def person_key(entry: ParsedEntry) -> str:
    """Return what a person is known by in a file: the address, or else the name."""
    return entry.person_email or entry.person_name


class ImportPeople:
    """Finds or makes the people of a file and sees that they belong to the project."""

    def __init__(
        self, database: DatabaseClient, events: EventService, memberships: MembershipService
    ) -> None:
        self._memberships = memberships
        self._db = database
        self._events = events
        self._find_accounts = database.prepare(FIND_ACCOUNTS)
        self._find_placeholders = database.prepare(FIND_PLACEHOLDERS)
        self._find_named = database.prepare(FIND_NAMED)
        self._read_members = database.prepare(
            MEMBERS.where(UserRow.id == any_(bindparam("user_ids", type_=ARRAY(UuidText))))
        )
        self._find_members = database.prepare(FIND_MEMBERS)
        self._lock = database.prepare(LOCK)

    def resolve(
        self, principal: Principal, project: Project, timezone: str, entries: list[ParsedEntry]
    ) -> tuple[dict[str, Person], int]:
        """Return everyone named in `entries` by their key, locked, and how many were made."""
        names = {person_key(entry): entry.person_name for entry in entries}
        emails = sorted({entry.person_email for entry in entries if entry.person_email})
        people = self._known(principal, project, emails)
        missing = sorted(names.keys() - people.keys())
        people |= self._make_placeholders(missing, names, set(emails), timezone)
        self._add_members(principal, project, people)
        self._lock.all(ids=[person.id for person in people.values()])
        return {key: people[key] for key in names}, len(missing)

    def _known(
        self, principal: Principal, project: Project, emails: list[str]
    ) -> dict[str, Person]:
        placeholders = self._find_named.all(project_id=project.id)
        placeholders += self._find_placeholders.all(emails=emails)
        accounts = self._find_accounts.all(emails=emails, me=principal.id, project_id=project.id)
        members = {row["user_id"] for row in self._find_members.all(project_id=project.id)}
        return {
            row["key"]: Person(row["id"], row["number"], row["id"] not in members, has_account)
            for rows, has_account in ((placeholders, False), (accounts, True))
            for row in rows
        }

    def _make_placeholders(
        self, keys: list[str], names: dict[str, str], emails: set[str], timezone: str
    ) -> dict[str, Person]:
        if not keys:
            return {}
        rows = [
            {
                "id": new_id(),
                "name": names[key] or key,
                "placeholder_email": key if key in emails else None,
                "timezone": timezone,
            }
            for key in keys
        ]
        made = self._db.session.execute(
            insert(UserRow).returning(UserRow.id, UserRow.number, sort_by_parameter_order=True),
            rows,
        )
        return {
            key: Person(user_id, number, newcomer=True, has_account=False)
            for key, (user_id, number) in zip(keys, made, strict=True)
        }

    def _add_members(
        self, principal: Principal, project: Project, people: dict[str, Person]
    ) -> None:
        new_ids = sorted({person.id for person in people.values() if person.newcomer})
        if not new_ids:
            return
        rows = [
            {"project_id": project.id, "user_id": user_id, "role": ProjectRole.EDITOR}
            for user_id in new_ids
        ]
        self._memberships.require_room(project.id, newcomers=len(rows))
        self._db.session.execute(insert(MembershipRow), rows)
        for row in self._read_members.all(project_id=project.id, user_ids=new_ids):
            self._events.record_member(
                principal, EventType.MEMBER_ADDED, Member.model_validate(row)
            )
        self._memberships.tell_newcomers(principal, project.id, new_ids)


import_people = ImportPeople(db, event_service, membership_service)
