"""Time entries."""

from flask import Blueprint

from api.endpoint import endpoint
from models.principal import Principal
from models.scope import Scope
from models.time_entry import (
    TimeEntry,
    TimeEntryCreate,
    TimeEntryQuery,
    TimeEntryUpdate,
    TimerStarted,
)
from services.time_entry_service import time_entry_service
from services.timer_service import timer_service
from utils.pages import Page
from utils.preconditions import IfMatch

time_entries = Blueprint("time_entries", __name__)


@time_entries.post("/time-entries")
@endpoint(access=Scope.TIME_WRITE, within=("task_id", "project_id"), status=201)
def create_time_entry(principal: Principal, body: TimeEntryCreate) -> TimeEntry:
    """Record time by hand."""
    return time_entry_service.create(principal, body)


@time_entries.get("/time-entries")
@endpoint(access=Scope.TIME_READ, within=("project_id",))
def list_time_entries(principal: Principal, query: TimeEntryQuery) -> Page[TimeEntry]:
    """List your time entries, or with project_id those of everyone in a project."""
    return time_entry_service.page(principal, query)


@time_entries.get("/time-entries/<id:entry_id>")
@endpoint(access=Scope.TIME_READ, within=("entry_id",))
def get_time_entry(principal: Principal, entry_id: str) -> TimeEntry:
    """Read a time entry."""
    return time_entry_service.get(principal, entry_id)


@time_entries.patch("/time-entries/<id:entry_id>")
@endpoint(access=Scope.TIME_WRITE, within=("entry_id", "task_id", "project_id"))
def update_time_entry(
    principal: Principal, entry_id: str, body: TimeEntryUpdate, if_match: IfMatch
) -> TimeEntry:
    """Change a time entry: your own, or as a project's owner any in it."""
    return time_entry_service.update(principal, entry_id, body, if_match)


@time_entries.delete("/time-entries/<id:entry_id>")
@endpoint(access=Scope.TIME_WRITE, within=("entry_id",), status=204)
def delete_time_entry(principal: Principal, entry_id: str, if_match: IfMatch) -> None:
    """Put a time entry into the trash."""
    time_entry_service.delete(principal, entry_id, if_match)


@time_entries.post("/time-entries/<id:entry_id>/continue")
@endpoint(access=Scope.TIME_WRITE)
def continue_time_entry(principal: Principal, entry_id: str) -> TimerStarted:
    """Start a timer for the same task, project and note; a running one is stopped."""
    return timer_service.resume(principal, entry_id)
