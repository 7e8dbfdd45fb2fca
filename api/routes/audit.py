"""The audit log."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.audit import AuditEntry, AuditQuery
from models.principal import Principal
from services.audit_service import audit_service
from utils.pages import Page

audit = Blueprint("audit", __name__)


@audit.get("/audit")
@endpoint(access=Access.SESSION)
def list_audit(principal: Principal, query: AuditQuery) -> Page[AuditEntry]:
    """List what happened to your account, or with project_id in a project of yours.

    Newest first, for a year. It names things by their ids and never tells what anybody wrote.
    """
    return audit_service.page(principal, query)
