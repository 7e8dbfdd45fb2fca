"""Commands that do what is to be done beside the web."""

import click

from api.commands.terminal import commands, explaining_errors
from services import reminder_service  # noqa: F401 - the worker does what it registers
from services.db_client import db, running_database
from services.housekeeping_service import housekeeping_service
from services.second_factor_service import second_factor_service
from services.webhook_service import webhook_service
from services.worker import worker


@commands.cli.command("purge")
def purge() -> None:
    """Delete what has expired or lain in the trash for 30 days; the worker does it hourly."""
    with explaining_errors(), running_database():
        counts = housekeeping_service.purge()
    for kind, count in counts.items():
        click.echo(f"{kind}: {count}")


@commands.cli.command("worker")
def run_worker() -> None:
    """Do what the web leaves for later: letters, webhooks, reminders, clearing up."""
    with explaining_errors(), running_database():
        worker.run()


@commands.cli.command("rotate-secrets")
def rotate_secrets() -> None:
    """Encrypt what is stored anew with SECRET_KEY; OLD_SECRET_KEYS are of no use afterwards."""
    with explaining_errors(), running_database():
        count = db.transaction(
            lambda: second_factor_service.rotate_secrets() + webhook_service.rotate_secrets()
        )
    click.echo(f"secrets: {count}")
