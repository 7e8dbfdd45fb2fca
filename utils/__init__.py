"""Shared, stateless helpers: they know neither the web nor the database."""
