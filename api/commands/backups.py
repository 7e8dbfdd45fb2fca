"""Commands that keep everything safe, and bring it back."""

from pathlib import Path

import click

from api.commands.terminal import commands, explaining_errors, tidy_when_stopped
from models.backup import Manifest
from services.backup_service import backup_service
from services.db_client import running_database

KEEP_THE_KEY = (
    "The keys that read the secrets in it are not in it: keep SECRET_KEY (outside of production "
    "the file secret_key in DATA_DIR), and OLD_SECRET_KEYS if there are any, in another place."
)
SINCE_THEN = (
    "Everybody has to sign in again. API tokens, members and accounts that were taken away since "
    "the backup are there again; look through them."
)


@commands.cli.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write all that is in the database to FILE; the service may run meanwhile."""
    with explaining_errors(), tidy_when_stopped(), running_database() as url:
        manifest = backup_service.backup(url, file)
    click.echo(f"{file}: {_summary(manifest)}")
    click.echo(KEEP_THE_KEY, err=True)


@commands.cli.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Give up what is in the database now.")
def restore(file: Path, replace: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Put the backup in FILE into the database; the service must be stopped."""
    put = backup_service.restore_in_place if replace else backup_service.restore
    with explaining_errors(), tidy_when_stopped(), running_database() as url:
        restoration = put(url, file)
    click.echo(f"{file}: {_summary(restoration.manifest)}")
    if restoration.migrated_to:
        click.echo(f"brought to revision {restoration.migrated_to}")
    for warning in (SINCE_THEN, *restoration.warnings):
        click.echo(warning, err=True)


def _summary(manifest: Manifest) -> str:
    tables, made_at = len(manifest.rows), f"{manifest.made_at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"{manifest.row_count} rows in {tables} tables of {made_at}, "
        f"revision {manifest.schema_revision}"
    )
