"""Commands of the `flask` program for operators; each is a few lines around a service."""

from api.commands import accounts, backups, checks, records, work
from api.commands.terminal import commands

__all__ = ["accounts", "backups", "checks", "commands", "records", "work"]
