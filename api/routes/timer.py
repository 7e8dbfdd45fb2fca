"""The timer."""

from flask import Blueprint

from api.endpoint import endpoint
from models.principal import Principal
from models.scope import Scope
from models.time_entry import TimeEntry, TimerStart, TimerStarted, TimerStopped
from services.timer_service import timer_service

timer = Blueprint("timer", __name__)


@timer.get("/timer")
@endpoint(access=Scope.TIME_READ)
def get_timer(principal: Principal) -> TimeEntry | None:
    """Read the running entry; null when no timer runs."""
    return timer_service.running(principal)


@timer.post("/timer/start")
@endpoint(access=Scope.TIME_WRITE)
def start_timer(principal: Principal, body: TimerStart) -> TimerStarted:
    """Start the timer; a running one is stopped at the same instant."""
    return timer_service.start(principal, body)


@timer.post("/timer/stop")
@endpoint(access=Scope.TIME_WRITE)
def stop_timer(principal: Principal) -> TimerStopped:
    """Stop the timer; without a running one nothing happens."""
    return timer_service.stop(principal)
