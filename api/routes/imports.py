"""Imports."""

from flask import Blueprint

from api.endpoint import endpoint
from models.imports import ImportForm, ImportResult
from models.principal import Principal
from models.scope import Scope
from models.upload import Upload
from services.import_service import ParsedImport, import_service

imports = Blueprint("imports", __name__)


@imports.post("/imports")
@endpoint(access=Scope.ACCOUNT_WRITE, before=import_service.parse)
def import_time(
    principal: Principal,
    form: ImportForm,
    upload: Upload,  # noqa: ARG001 - `before` reads it
    prepared: ParsedImport,
) -> ImportResult:
    """Bring along time or tasks from another service's export; for owners of the project.

    Bad lines are named and left out, the others come in. The same file again creates nothing new.
    With the format stint, bring back everything from an archive of Stint.
    """
    return import_service.run(principal, form, prepared)
