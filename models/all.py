"""Imports every entity, so that the metadata is complete for migrations."""

from models import event, idempotency, membership, project, session, task, time_entry, user

__all__ = ["event", "idempotency", "membership", "project", "session", "task", "time_entry", "user"]
