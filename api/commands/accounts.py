"""Commands about accounts and agents."""

import click

from api.commands.terminal import commands, explaining_errors, read_form
from models.agent_setup import WORKING_SCOPES, AgentSetup
from models.api_token import DAYS
from models.scope import Scope
from models.user import UserCreate
from services.admin_service import admin_service
from services.agent_setup_service import agent_setup_service
from services.db_client import db, running_database
from services.user_service import user_service


@commands.cli.command("verify-email")
@click.argument("email")
def verify_email(email: str) -> None:
    """Mark EMAIL as proven to belong to its account; time imported for it is handed over."""
    with explaining_errors(), running_database():
        user = db.transaction(lambda: user_service.verify_email(email))
    click.echo(f"{user.email} is verified.")


@commands.cli.command("create-admin")
@click.argument("email")
@click.option("--name", help="What to call them; asked for where it is not said.")
@click.option("--timezone", default="UTC", show_default=True, help="Where they live.")
@click.option("--generate-password", is_flag=True, help="Print a random password, and ask nothing.")
@click.option("--yes", is_flag=True, help="Do not ask whether an account is the right one.")
def create_admin(
    email: str,
    name: str | None,
    timezone: str,
    generate_password: bool,  # noqa: FBT001 - click passes options by name
    yes: bool,  # noqa: FBT001 - likewise
) -> None:
    """Make an account for EMAIL that administers this installation, or the one that is there."""
    with explaining_errors(), running_database():
        if db.reading(lambda: admin_service.has_account(email)):
            if not yes:
                click.confirm(f"{email} has an account; make it an administrator?", abort=True)
            account = db.transaction(lambda: admin_service.promote(email))
            click.echo(f"{account.email} is an administrator; the password stays as it is.")
            return
        body = read_form(
            UserCreate,
            email=email,
            name=name or click.prompt("Name"),
            timezone=timezone,
            password=admin_service.new_password() if generate_password else _ask_for_password(),
        )
        password_hash = admin_service.hash_password(body)
        account = db.transaction(lambda: admin_service.create(body, password_hash))
    click.echo(f"{account.email} is an administrator.", err=True)
    if generate_password:
        click.echo(body.password)


def _ask_for_password() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@commands.cli.command("make-admin")
@click.argument("email")
def make_admin(email: str) -> None:
    """Make the account of EMAIL, who has signed up, an administrator of this installation."""
    with explaining_errors(), running_database():
        account = db.transaction(lambda: admin_service.promote(email))
    click.echo(f"{account.email} is an administrator.")


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
    setup = read_form(AgentSetup, **values)
    with explaining_errors(), running_database():
        agent, token = db.transaction(
            lambda: agent_setup_service.set_up(user_service.principal_of(owner_email), setup)
        )
    until = f"{token.expires_at:%Y-%m-%d}"
    click.echo(f"{agent.name} ({agent.id}) may until {until}: {', '.join(token.scopes)}", err=True)
    click.echo(token.token)
