"""Health: what balancers and operators ask."""

from typing import Literal

from models.base import Schema


class Health(Schema):
    """The process answers."""

    status: Literal["healthy"] = "healthy"


class Readiness(Schema):
    """The process can do its work."""

    status: Literal["ready"] = "ready"
    schema_revision: str
