"""Webhooks: which addresses are told what happens in a project; for its owners."""

from datetime import timedelta

from sqlalchemy import bindparam, func, select, text

from models.audit import AuditAction
from models.base import apply_changes, columns_of
from models.membership import ProjectRole
from models.principal import Principal
from models.project import ProjectRow
from models.webhook import (
    Webhook,
    WebhookCreate,
    WebhookQuery,
    WebhookRow,
    WebhookUpdate,
    WebhookWithSecret,
)
from services.access_service import AccessService, access_service, not_found
from services.audit_service import AuditService, audit_service
from services.db_client import DatabaseClient, db
from services.event_service import project_room
from services.listing import newest_first
from services.secret_box import SecretBox, secret_box
from services.webhooks.caller import webhook_guard
from services.webhooks.signing import new_secret
from services.webhooks.targets import TargetGuard
from utils.errors import ConflictError
from utils.helpers import new_id, utc_now
from utils.pages import Page
from utils.preconditions import IfMatch

WEBHOOKS_MAX = 20  # of one project
OLD_SECRET_LIVES = timedelta(hours=24)

COLUMNS = columns_of(WebhookRow, Webhook)
GET = (
    select(*COLUMNS)
    .join(ProjectRow, ProjectRow.id == WebhookRow.project_id)
    .where(WebhookRow.id == bindparam("id"), ProjectRow.deleted_at.is_(None))
)
OF_PROJECT = select(*COLUMNS).where(WebhookRow.project_id == bindparam("project_id"))
COUNT = (
    select(func.count().label("count"))
    .select_from(WebhookRow)
    .where(WebhookRow.project_id == bindparam("project_id"))
)

# Whoever writes to the room has it locked: seq is that of the last event before the change.
LOCK_ROOM = text("SELECT seq FROM rooms WHERE id = :room FOR NO KEY UPDATE")
FOLLOW = text(
    """
    UPDATE rooms SET followed = EXISTS (
        SELECT FROM webhooks WHERE project_id = CAST(:project_id AS uuid) AND active
    )
    WHERE id = :room
    """
)
CANCEL = text(
    """
    UPDATE deliveries SET status = 'failed', next_attempt_at = NULL, error = 'switched off'
    WHERE id IN (
        SELECT id FROM deliveries WHERE webhook_id = :id AND status = 'pending' LIMIT :limit
    )
    """
)
CANCELLED_AT_ONCE = 50_000

KEPT_SECRETS = ("secret", "old_secret")
SECRETS = text("SELECT id, secret, old_secret FROM webhooks ORDER BY id FOR UPDATE")
REPLACE_SECRETS = text(
    "UPDATE webhooks SET secret = :secret, old_secret = :old_secret WHERE id = :id"
)


class WebhookService:
    """Webhooks of projects; what they are sent is the sender's affair."""

    def __init__(
        self,
        database: DatabaseClient,
        access: AccessService,
        audit: AuditService,
        box: SecretBox,
        guard: TargetGuard,
    ) -> None:
        self._db = database
        self._access = access
        self._audit = audit
        self._box = box
        self._guard = guard
        self._get = database.prepare(GET)
        self._count = database.prepare(COUNT)
        self._lock_room = database.prepare(LOCK_ROOM)
        self._follow = database.prepare(FOLLOW)
        self._cancel = database.prepare(CANCEL)
        self._secrets = database.prepare(SECRETS)
        self._replace_secrets = database.prepare(REPLACE_SECRETS)
        self._listing = newest_first("webhooks", database, OF_PROJECT, WebhookRow.id)

    def page(self, principal: Principal, project_id: str, query: WebhookQuery) -> Page[Webhook]:
        """Return the webhooks of a project, newest first."""
        self._access.require(principal, project_id, ProjectRole.OWNER)
        page = self._listing.page(query, {"project_id": project_id}, "newest")
        return page.map(Webhook.model_validate)

    def get(self, principal: Principal, webhook_id: str) -> Webhook:
        """Return a webhook of a project that the caller owns."""
        row = self._get.first(id=webhook_id)
        if row is None or not self._access.is_in(principal.id, row["project_id"]):
            raise not_found()
        self._access.require(principal, row["project_id"], ProjectRole.OWNER)
        return Webhook.model_validate(row)

    def create(
        self, principal: Principal, project_id: str, body: WebhookCreate
    ) -> WebhookWithSecret:
        """Tell an address what happens in a project from now on."""
        self._access.lock(principal, project_id, ProjectRole.OWNER)
        self._guard.parse(body.url)
        if self._count.one(project_id=project_id)["count"] >= WEBHOOKS_MAX:
            raise ConflictError(
                f"A project has at most {WEBHOOKS_MAX} webhooks; delete one first.",
                code="too_many_webhooks",
            )
        secret = new_secret()
        row = WebhookRow(
            id=new_id(),
            project_id=project_id,
            created_by=principal.id,
            url=body.url,
            event_types=[str(each) for each in body.event_types],
            secret=self._box.encrypt(secret),
            planned=self._head(project_id),
        )
        self._db.session.add(row)
        self._changed(principal, row, AuditAction.WEBHOOK_CREATED)
        return _with_secret(row, secret)

    def update(
        self, principal: Principal, webhook_id: str, changes: WebhookUpdate, if_match: IfMatch
    ) -> Webhook:
        """Change a webhook; switching it on again forgives all that went wrong."""
        row = self._load(principal, webhook_id)
        if_match.check(Webhook.model_validate(row))
        values = changes.model_dump(mode="json", exclude_unset=True)
        if "url" in values:
            self._guard.parse(values["url"])
        if values.get("active") and not row.active:
            row.planned, row.timeouts = self._head(row.project_id), 0
            row.resting_until = row.disabled_because = None
        if not apply_changes(row, values):
            return Webhook.model_validate(row)
        self._changed(principal, row, AuditAction.WEBHOOK_UPDATED)
        return Webhook.model_validate(row)

    def delete(self, principal: Principal, webhook_id: str, if_match: IfMatch) -> None:
        """Delete a webhook and what is known of its deliveries."""
        row = self._load(principal, webhook_id)
        if_match.check(Webhook.model_validate(row))
        self._db.session.delete(row)
        self._changed(principal, row, AuditAction.WEBHOOK_DELETED)

    def rotate(self, principal: Principal, webhook_id: str) -> WebhookWithSecret:
        """Make a new secret; for a day the one before it signs as well."""
        row = self._load(principal, webhook_id)
        secret = new_secret()
        row.old_secret, row.old_secret_until = row.secret, utc_now() + OLD_SECRET_LIVES
        row.secret = self._box.encrypt(secret)
        self._changed(principal, row, AuditAction.WEBHOOK_ROTATED)
        return _with_secret(row, secret)

    def disable(self, webhook_id: str, url: str, reason: str) -> WebhookRow | None:
        """Switch a webhook off whose `url` does not work any more.

        None when it is off already, or has another url by now.
        """
        row = self._db.session.get(WebhookRow, webhook_id, with_for_update=True)
        if row is None or not row.active or row.url != url:
            return None
        row.active, row.disabled_because = False, reason
        self._settle(row)
        return row

    def rotate_secrets(self) -> int:
        """Encrypt all secrets anew with the first key of the box; returns how many."""
        count = 0
        for row in self._secrets.all():
            kept = {name: row[name] and self._box.rotate(row[name]) for name in KEPT_SECRETS}
            self._replace_secrets.execute(id=row["id"], **kept)
            count += sum(secret is not None for secret in kept.values())
        return count

    def _load(self, principal: Principal, webhook_id: str) -> WebhookRow:
        """Lock the project, then load and lock the webhook."""
        project_id = self.get(principal, webhook_id).project_id
        self._access.lock(principal, project_id, ProjectRole.OWNER)
        query = select(WebhookRow).where(WebhookRow.id == webhook_id).with_for_update()
        row = self._db.session.scalars(query).one_or_none()
        if row is None:
            raise not_found()
        return row

    def _head(self, project_id: str) -> int:
        """Return the last seq of the room, which stays the last until the commit."""
        return int(self._lock_room.one(room=project_room(project_id))["seq"])

    def _changed(self, principal: Principal, row: WebhookRow, action: AuditAction) -> None:
        self._settle(row)
        self._audit.record(
            action,
            user_id=principal.id,
            actor_id=principal.id,
            subject_id=row.id,
            project_id=row.project_id,
        )

    def _settle(self, row: WebhookRow) -> None:
        """Write a change, and let the room know whether anybody is to be told of its events.

        The room is locked last: deliveries may be many, and all who write there would wait.
        """
        self._db.session.flush()
        if not row.active:
            while self._cancel.execute(id=row.id, limit=CANCELLED_AT_ONCE):
                pass
        self._head(row.project_id)
        self._follow.execute(room=project_room(row.project_id), project_id=row.project_id)


def _with_secret(row: WebhookRow, secret: str) -> WebhookWithSecret:
    fields = {name: getattr(row, name) for name in Webhook.model_fields}
    return WebhookWithSecret(**fields, secret=secret)


webhook_service = WebhookService(db, access_service, audit_service, secret_box, webhook_guard)
