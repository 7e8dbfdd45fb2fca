"""Health checks, beside the API and under its prefix."""

from flask import Blueprint

from api.contract import Access
from api.endpoint import endpoint
from models.health import Health, HealthDetails, Readiness
from services.health_service import health_service

health = Blueprint("health", __name__)


@health.get("/health")
@endpoint(access=Access.PUBLIC)
def get_health() -> Health:
    """Tell that the process answers."""
    return health_service.live()


@health.get("/health/ready")
@endpoint(access=Access.PUBLIC)
def get_readiness() -> Readiness:
    """Tell that requests can be served; 503 says why not.

    It says, too, what an operator should look at although requests are served.
    """
    return health_service.ready()


@health.get("/health/details")
@endpoint(access=Access.ADMIN)
def get_health_details() -> HealthDetails:
    """Tell how this installation does; for administrators."""
    return health_service.details()
