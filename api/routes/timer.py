"""The timer."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.principal import Principal
from models.time_entry import TimeEntry, TimerStart, TimerStarted, TimerStopped
from services.timer_service import timer_service

timer = Blueprint("timer", __name__)


@timer.get("/timer")
@endpoint(access=Access.SIGNED_IN)
def get_timer(principal: Principal) -> TimeEntry | None:
    """Read the running entry; null when no timer runs."""
    return timer_service.running(principal)


@timer.post("/timer/start")
@endpoint(access=Access.SIGNED_IN)
def start_timer(principal: Principal, body: TimerStart) -> TimerStarted:
    """Start the timer; a running one is stopped at the same instant."""
    return timer_service.start(principal, body)


@timer.post("/timer/stop")
@endpoint(access=Access.SIGNED_IN)
def stop_timer(principal: Principal) -> TimerStopped:
    """Stop the timer; without a running one nothing happens."""
    return timer_service.stop(principal)
