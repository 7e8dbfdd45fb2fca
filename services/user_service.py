"""Users: signing up, one's own profile, and taking over what an import left for somebody."""

from functools import partial

from sqlalchemy import bindparam, select, text, update

from models.agent import Agent
from models.attempt import AttemptKind
from models.audit import AuditAction
from models.base import apply_changes, columns_of
from models.comment import CommentRow
from models.event import EventType
from models.item import ItemRow
from models.membership import MembershipRow
from models.principal import Principal
from models.project import ProjectRow
from models.task import TaskRow
from models.user import User, UserCreate, UserKind, UserRole, UserRow, UserUpdate
from services.attempt_service import AttemptService, attempt_service
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.event_bus import EventBus, event_bus
from services.event_service import EventService, event_service, user_room
from services.live.hints import Hint
from services.membership_service import MembershipService, membership_service
from services.password_service import PasswordService, password_service
from services.verification_service import VerificationService, verification_service
from utils.errors import BadRequestError
from utils.helpers import new_id
from utils.preconditions import IfMatch

GET = select(*columns_of(UserRow, User)).where(UserRow.id == bindparam("id"))

FIND = select(UserRow.id, UserRow.kind, UserRow.role, UserRow.timezone, UserRow.number).where(
    UserRow.email == bindparam("email"), UserRow.is_active
)


class UserService:
    """Everything about accounts except signing in."""

    def __init__(
        self,
        database: DatabaseClient,
        bus: EventBus,
        events: EventService,
        passwords: PasswordService,
        memberships: MembershipService,
        verification: VerificationService,
        attempts: AttemptService,
        audit: AuditService,
    ) -> None:
        self._db = database
        self._bus = bus
        self._memberships = memberships
        self._events = events
        self._passwords = passwords
        self._verification = verification
        self._attempts = attempts
        self._audit = audit
        self._get = database.prepare(GET)
        self._find = database.prepare(FIND)

    def hash_password(self, body: UserCreate) -> str:
        """Hash the chosen password, slow on purpose, so done before the transaction.

        Refuses too many who sign up in one network: it tells them who has an account, and sends
        letters to whom they like.
        """
        password_hash = self._passwords.hash_new(body.password, body.email, body.name)
        self._attempts.require(AttemptKind.VERIFICATION)
        return password_hash

    def sign_up(self, body: UserCreate, password_hash: str) -> User:
        """Make an account, and ask it to confirm its address.

        Until it has, nothing that waits for the address is handed over.
        """
        row = UserRow(
            id=new_id(),
            email=body.email,
            name=body.name,
            timezone=body.timezone,
            password_hash=password_hash,
        )
        return self._add(row)

    def sign_up_verified(self, email: str, name: str) -> User:
        """Make an account without a password for somebody whose address is proven to be theirs."""
        self._add(UserRow(id=new_id(), email=email, name=name, timezone="UTC"))
        return self.verify_email(email)

    def _add(self, row: UserRow) -> User:
        self._db.session.add(row)
        self._db.session.flush()
        self._events.open_room(user_room(row.id))
        user = User.model_validate(row)
        self._events.record(_principal_of(row), user_room(row.id), EventType.USER_CREATED, user)
        self._verification.send(user.id)
        return user

    def get(self, principal: Principal) -> User:
        """Return one's own account."""
        return User.model_validate(self._get.one(id=principal.id))

    def update(self, principal: Principal, changes: UserUpdate, if_match: IfMatch) -> User:
        """Change one's own profile."""
        lock = {"key_share": True}  # rows that refer to the user may be written meanwhile
        row = self._db.session.get_one(UserRow, principal.id, with_for_update=lock)
        if_match.check(User.model_validate(row))
        if not apply_changes(row, changes.model_dump(exclude_unset=True)):
            return User.model_validate(row)
        self._db.session.flush()
        user = User.model_validate(row)
        self._events.record(principal, user_room(row.id), EventType.USER_UPDATED, user)
        if row.owner_id is not None:
            agent = Agent.model_validate(row)
            self._events.record(principal, user_room(row.owner_id), EventType.AGENT_UPDATED, agent)
        self._db.on_commit(partial(self._bus.publish, Hint("user", row.id)))
        if "name" in changes.model_fields_set:
            self._memberships.announce_name(principal, row.id)
        return user

    def principal_of(self, email: str) -> Principal:
        """Return the account of an address as somebody who acts, for commands of operators."""
        row = self._find.first(email=email.lower())
        if row is None:
            raise _no_account(email)
        return Principal(**row, credential_id="")

    def verify_email(self, email: str) -> User:
        """Mark an address as verified and hand over what imports left for it.

        Time, work and memberships of the placeholder become the account's.
        """
        session = self._db.session
        query = select(UserRow).where(UserRow.email == email.lower()).with_for_update()
        row = session.scalars(query).one_or_none()
        if row is None:
            raise _no_account(email)
        self._prove(row)
        self._audit.record_own(AuditAction.EMAIL_VERIFIED, row.id)
        user = User.model_validate(row)
        self._events.record(_principal_of(row), user_room(row.id), EventType.USER_VERIFIED, user)
        return user

    def change_email(self, user_id: str, email: str) -> User:
        """Give an account another address, which it has proven, and what waits for that."""
        session = self._db.session
        row = session.get_one(UserRow, user_id, with_for_update=True)
        row.email = email
        session.flush()  # conflicts when an account has it
        self._prove(row)
        self._audit.record_own(AuditAction.EMAIL_CHANGED, row.id)
        user, actor = User.model_validate(row), _principal_of(row)
        self._events.record(actor, user_room(row.id), EventType.USER_UPDATED, user)
        self._memberships.announce_name(actor, row.id)
        return user

    def _prove(self, row: UserRow) -> None:
        """Note that the address is theirs, and hand over what imports left for it."""
        session = self._db.session
        row.verified = True
        waiting = select(UserRow).where(UserRow.placeholder_email == row.email).with_for_update()
        placeholder = session.scalars(waiting).one_or_none()
        if placeholder is not None:
            self._claim(row, placeholder)
        session.flush()

    def _claim(self, user: UserRow, placeholder: UserRow) -> None:
        """Move everything from the placeholder to the account; overlaps are kept and marked."""
        session = self._db.session
        claimed = {"user_id": user.id, "placeholder_id": placeholder.id}
        rooms = session.scalars(_ROOMS_NAMING, {"placeholder": placeholder.id}).all()
        for room in {*rooms, user_room(user.id)}:
            self._events.record_data(
                _principal_of(user), room, EventType.MEMBER_CLAIMED, user.id, user.version, claimed
            )
        ids = {"user": user.id, "placeholder": placeholder.id, "number": user.number}
        session.execute(_CLAIM_TIME, ids)
        for table, column in _NAMING_USERS:
            session.execute(
                update(table)
                .where(getattr(table, column) == placeholder.id)
                .values({column: user.id, "version": table.version + 1})
            )
        session.execute(_CLAIM_MENTIONS, ids)
        session.execute(_MERGE_DOUBLE_MEMBERSHIPS, ids)
        session.execute(
            update(MembershipRow)
            .where(MembershipRow.user_id == placeholder.id)
            .values(user_id=user.id, version=MembershipRow.version + 1)
        )
        session.delete(placeholder)


# All rooms in which something names the placeholder: also projects that it was taken out of, and
# the personal tasks of others, who have moved them there from a project.
_ROOMS_NAMING = text(
    """
    SELECT 'project:' || project_id FROM memberships WHERE user_id = :placeholder
    UNION
    SELECT 'project:' || id FROM projects WHERE created_by = :placeholder
    UNION
    SELECT 'project:' || project_id FROM time_entries
    WHERE user_id = :placeholder AND project_id IS NOT NULL
    UNION
    SELECT COALESCE('project:' || project_id, 'user:' || created_by) FROM tasks
    WHERE created_by = :placeholder OR assignee_id = :placeholder
        OR id IN (SELECT task_id FROM items WHERE created_by = :placeholder)
        OR id IN (
            SELECT task_id FROM comments
            WHERE created_by = :placeholder OR :placeholder = ANY (mentions)
        )
    """
)

_CLAIM_TIME = text(
    """
    UPDATE time_entries AS waiting
    SET user_id = :user, user_number = :number, version = waiting.version + 1,
        updated_at = now(),
        allow_overlap = waiting.allow_overlap OR EXISTS (
            SELECT FROM time_entries AS own
            WHERE own.user_id = :user AND own.deleted_at IS NULL
              AND own.started_at < waiting.ended_at
              AND COALESCE(own.ended_at, 'infinity') > waiting.started_at
        )
    WHERE waiting.user_id = :placeholder
    """
)

# What an archive says that the placeholder made, or has to do.
_NAMING_USERS: tuple[tuple[type[ProjectRow | TaskRow | ItemRow | CommentRow], str], ...] = (
    (ProjectRow, "created_by"),
    (TaskRow, "created_by"),
    (TaskRow, "assignee_id"),
    (ItemRow, "created_by"),
    (CommentRow, "created_by"),
)

_CLAIM_MENTIONS = text(
    """
    UPDATE comments SET
        mentions = array_replace(array_remove(mentions, :user), :placeholder, :user),
        version = version + 1, updated_at = now()
    WHERE :placeholder = ANY (mentions)
    """
)

# Where both are members, the account keeps the higher of the two roles.
_MERGE_DOUBLE_MEMBERSHIPS = text(
    """
    WITH doubled AS (
        DELETE FROM memberships AS waiting
        USING memberships AS own
        WHERE waiting.user_id = :placeholder AND own.user_id = :user
          AND own.project_id = waiting.project_id
        RETURNING waiting.project_id, waiting.role
    )
    UPDATE memberships AS own
    SET role = doubled.role, version = own.version + 1, updated_at = now()
    FROM doubled
    WHERE own.project_id = doubled.project_id AND own.user_id = :user
      AND array_position(ARRAY['viewer', 'editor', 'owner'], doubled.role)
        > array_position(ARRAY['viewer', 'editor', 'owner'], own.role)
    """
)


def _no_account(email: str) -> BadRequestError:
    return BadRequestError(
        f"No account uses {email}; sign up with it first.", code="account_not_found"
    )


def _principal_of(row: UserRow) -> Principal:
    """The account itself acts: nobody is signed in yet."""
    return Principal(
        id=row.id,
        kind=UserKind(row.kind),
        role=UserRole(row.role),
        timezone=row.timezone,
        number=row.number,
        credential_id="",
    )


user_service = UserService(
    db,
    event_bus,
    event_service,
    password_service,
    membership_service,
    verification_service,
    attempt_service,
    audit_service,
)
