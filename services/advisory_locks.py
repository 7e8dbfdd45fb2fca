"""Locks on what has no row of its own to lock, like the order of a list."""

from sqlalchemy import text

# Held until the commit; whoever else takes it for the same id waits.
LOCK_BY_ID = text("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))")
