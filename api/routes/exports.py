"""Exports."""

from flask import Blueprint

from api.endpoint import endpoint
from models.download import ZipDownload
from models.scope import Scope
from services.export_service import export_service

exports = Blueprint("exports", __name__)


@exports.get("/users/me/export")
@endpoint(access=Scope.ACCOUNT_READ, recorded=False, before=export_service.export)
def export_everything(prepared: ZipDownload) -> ZipDownload:
    """Take everything with you: a ZIP of JSON lines, and of tables for spreadsheets.

    Your profile, agents, inbox, personal tasks and time; all of the projects that you own; and of
    other projects what you made, what is assigned to you and your time. Nothing from the trash.
    Import it anywhere with the format stint.
    """
    return prepared
