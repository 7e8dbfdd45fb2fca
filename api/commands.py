"""Commands of the `flask` program for operators."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
from flask import Blueprint
from pydantic import BaseModel, ValidationError

from models.account import Account, AccountUpdate
from models.agent_setup import WORKING_SCOPES, AgentSetup
from models.api_token import DAYS
from models.imports import ImportForm, ImportResult
from models.scope import Scope
from models.upload import Upload
from models.user import UserRole
from services import reminder_service  # noqa: F401 - the worker does what it registers
from services.account_service import account_service
from services.agent_setup_service import agent_setup_service
from services.db_client import db, running_database
from services.housekeeping_service import housekeeping_service
from services.import_service import import_service
from services.second_factor_service import second_factor_service
from services.user_service import user_service
from services.webhook_service import webhook_service
from services.worker import worker
from utils.errors import ServiceError
from utils.preconditions import IfMatch

commands = Blueprint("commands", __name__, cli_group=None)

Form = TypeVar("Form", bound=BaseModel)


@commands.cli.command("import-time")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "email", required=True, help="E-mail address of the account that imports.")
@click.option(
    "--format",
    "format_",
    default="clockify",
    show_default=True,
    help="Time from clockify or toggl, tasks from ticktick, or everything from stint.",
)
@click.option("--project-id", help="All lines go into this project, of which you are an owner.")
@click.option("--timezone", help="Zone of the times in the file; the account's by default.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and write nothing.")
def import_time(
    file: Path,
    email: str,
    format_: str,
    project_id: str | None,
    timezone: str | None,
    dry_run: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Bring in FILE, an export of another tracker of time or tasks, or of Stint."""
    form = _form(
        ImportForm, format=format_, project_id=project_id, timezone=timezone, dry_run=dry_run
    )
    with _explaining_errors(), running_database():
        principal = db.reading(lambda: user_service.principal_of(email))
        parsed = import_service.parse(principal, form, Upload(file.name, file.read_bytes()))
        with click.progressbar(length=parsed.lines, label="Importing", file=sys.stderr) as bar:
            result = db.transaction(lambda: import_service.run(principal, form, parsed, bar.update))
    _print_result(result)
    if dry_run:
        click.echo("Nothing was written: this was a dry run.", err=True)


@commands.cli.command("verify-email")
@click.argument("email")
def verify_email(email: str) -> None:
    """Mark EMAIL as proven to belong to its account; time imported for it is handed over."""
    with _explaining_errors(), running_database():
        user = db.transaction(lambda: user_service.verify_email(email))
    click.echo(f"{user.email} is verified.")


@commands.cli.command("make-admin")
@click.argument("email")
def make_admin(email: str) -> None:
    """Make the account of EMAIL an administrator of this installation."""
    role = AccountUpdate(role=UserRole.ADMIN)
    with _explaining_errors(), running_database():
        account = db.transaction(lambda: _update_account(email, role))
    click.echo(f"{account.email} is an administrator.")


def _update_account(email: str, changes: AccountUpdate) -> Account:
    principal = user_service.principal_of(email)
    return account_service.update(principal, principal.id, changes, IfMatch())


@commands.cli.command("agent-token")
@click.argument("owner_email")
@click.argument("name")
@click.option("--kind", default="script", show_default=True, help="What a new agent is.")
@click.option("--project-id", help="Where it is to work: it becomes an editor there.")
@click.option("--limit-to-project", is_flag=True, help="Make the token for that project alone.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=[scope.value for scope in WORKING_SCOPES],
    show_default=True,
    help="What the token is for; may be given several times.",
)
@click.option("--days", type=int, default=DAYS, show_default=True, help="How long it lasts.")
def agent_token(owner_email: str, **values: object) -> None:
    """Print a new API token for the agent NAME of OWNER_EMAIL, and make the agent if need be."""
    setup = _form(AgentSetup, **values)
    with _explaining_errors(), running_database():
        agent, token = db.transaction(
            lambda: agent_setup_service.set_up(user_service.principal_of(owner_email), setup)
        )
    until = f"{token.expires_at:%Y-%m-%d}"
    click.echo(f"{agent.name} ({agent.id}) may until {until}: {', '.join(token.scopes)}", err=True)
    click.echo(token.token)


@commands.cli.command("purge")
def purge() -> None:
    """Delete what has expired or lain in the trash for 30 days; the worker does it hourly."""
    with _explaining_errors(), running_database():
        counts = housekeeping_service.purge()
    for kind, count in counts.items():
        click.echo(f"{kind}: {count}")


@commands.cli.command("worker")
def run_worker() -> None:
    """Do what the web leaves for later: letters, webhooks, reminders, clearing up."""
    with _explaining_errors(), running_database():
        worker.run()


@commands.cli.command("rotate-secrets")
def rotate_secrets() -> None:
    """Encrypt what is stored anew with SECRET_KEY; OLD_SECRET_KEYS are of no use afterwards."""
    with _explaining_errors(), running_database():
        count = db.transaction(
            lambda: second_factor_service.rotate_secrets() + webhook_service.rotate_secrets()
        )
    click.echo(f"secrets: {count}")


def _form(model: type[Form], **values: object) -> Form:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = _name_on_the_line(str(problem["loc"][0]))
        raise click.UsageError(f"{name}: {problem['msg']}") from None


def _name_on_the_line(field: str) -> str:
    """Return what the help calls a value: an argument in capitals, an option with its dashes."""
    named = click.get_current_context().command.params
    is_argument = any(each.name == field and isinstance(each, click.Argument) for each in named)
    return field.upper() if is_argument else f"--{field.replace('_', '-')}"


def _print_result(result: ImportResult) -> None:
    """Counts to standard output, lines that were left out to standard error."""
    for problem in result.errors:
        click.echo(f"line {problem.line}, {problem.column}: {problem.message}", err=True)
    counts = result.model_dump(exclude={"errors", "unknown_columns", "counts"})
    for name, count in (counts | result.counts).items():
        click.echo(f"{name}: {count}")
    if result.unknown_columns:
        click.echo(f"columns not read: {', '.join(result.unknown_columns)}")


@contextmanager
def _explaining_errors() -> Iterator[None]:
    """What went wrong in one line and exit code 1, as programs on a terminal do."""
    try:
        yield
    except ServiceError as error:
        raise click.ClickException(error.detail) from None
