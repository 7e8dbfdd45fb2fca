"""The audit log: what matters to the security of accounts and projects, by ids alone."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field
from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identified, ListQuery, Schema, UuidText
from models.way import Way
from utils.validators import Id, Instant


class AuditAction(StrEnum):
    """What is written down; those that are types of events, too, have the same names."""

    SESSION_OPENED = "session.opened"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    SESSION_REFRESH_REUSED = "session.refresh_reused"
    CONFIRMATION_REFUSED = "confirmation.refused"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105 - a name
    EMAIL_VERIFIED = "email.verified"
    EMAIL_CHANGED = "email.changed"
    CREDENTIALS_ENDED = "credentials.ended"
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_REFUSED = "factor.refused"
    RECOVERY_CODES_MADE = "recovery_codes.made"
    RECOVERY_CODE_USED = "recovery_code.used"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_UNLINKED = "identity.unlinked"
    TOKEN_CREATED = "token.created"  # noqa: S105 - a name
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - a name
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_ROLE_CHANGED = "user.role_changed"
    USER_DELETED = "user.deleted"
    MEMBER_ADDED = "member.added"
    MEMBER_UPDATED = "member.updated"
    MEMBER_REMOVED = "member.removed"
    MEMBER_CLAIMED = "member.claimed"
    PROJECT_DELETED = "project.deleted"
    PROJECT_RESTORED = "project.restored"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_UPDATED = "webhook.updated"
    WEBHOOK_ROTATED = "webhook.rotated"
    WEBHOOK_DELETED = "webhook.deleted"


class AuditRow(Identified, Base):
    """One thing that happened. It refers to nothing, so that it outlives what it names.

    `user_id` is whose account it is about. `actor_id` is who did it, none where nobody knows; the
    address is kept only of what was done by the account itself or by somebody unknown. Refusals
    are merged: one row for each account, way and minute, with their `count`.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_user_id_at_id", "user_id", "at", "id"),
        Index(
            "ix_audit_project_id_at_id",
            "project_id",
            "at",
            "id",
            postgresql_where=text("project_id IS NOT NULL"),
        ),
        # Rows lie in the order of time, so that a summary of each stretch finds the old ones.
        Index(None, "at", postgresql_using="brin"),
    )

    at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[str | None] = mapped_column(UuidText)
    user_id: Mapped[str] = mapped_column(UuidText)
    subject_id: Mapped[str | None] = mapped_column(UuidText)
    project_id: Mapped[str | None] = mapped_column(UuidText)
    credential_id: Mapped[str | None] = mapped_column(UuidText)
    ip: Mapped[str | None]
    count: Mapped[int] = mapped_column(server_default="1")
    ways: Mapped[list[str]] = mapped_column(server_default="{}")


class AuditQuery(ListQuery):
    """Filters of the audit log: of your own account, or with `project_id` of that project."""

    project_id: Id | None = Field(None, description="Of this project; for its owners.")
    action: AuditAction | None = None
    from_: Instant | None = Field(
        None, alias="from", description="First instant.", examples=["2026-03-01T00:00:00Z"]
    )
    to: Instant | None = Field(
        None, description="First instant no more.", examples=["2026-04-01T00:00:00Z"]
    )


class AuditEntry(Schema):
    """Something that happened to an account or in a project."""

    id: Id
    at: datetime
    action: str = Field(
        description="What happened; there may be new ones.",
        examples=["session.opened"],
        json_schema_extra={"enum": [each.value for each in AuditAction]},
    )
    actor_id: Id | None = Field(description="Who did it; null where nobody knows.")
    user_id: Id = Field(description="Whose account it is about.")
    subject_id: Id | None = Field(description="The session, token, member ... that it is about.")
    project_id: Id | None
    credential_id: Id | None = Field(
        description="The session or API token that it was done with, if it was yours."
    )
    ip: str | None = Field(description="Where from; told of your own account alone.")
    count: int = Field(description="How often within the minute; refusals are counted so.")
    ways: list[Way] = Field(
        description="What opened the session, in order, or what was refused; else empty.",
        examples=[["password", "totp"]],
    )
