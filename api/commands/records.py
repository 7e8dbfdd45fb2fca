"""Commands that bring work in."""

import sys
from pathlib import Path

import click

from api.commands.terminal import commands, explaining_errors, read_form
from models.imports import ImportForm, ImportResult
from models.upload import Upload
from services.db_client import db, running_database
from services.import_service import import_service
from services.user_service import user_service


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
    form = read_form(
        ImportForm, format=format_, project_id=project_id, timezone=timezone, dry_run=dry_run
    )
    with explaining_errors(), running_database():
        principal = db.reading(lambda: user_service.principal_of(email))
        parsed = import_service.parse(principal, form, Upload(file.name, file.read_bytes()))
        with click.progressbar(length=parsed.lines, label="Importing", file=sys.stderr) as bar:
            result = db.transaction(lambda: import_service.run(principal, form, parsed, bar.update))
    _print_result(result)
    if dry_run:
        click.echo("Nothing was written: this was a dry run.", err=True)


def _print_result(result: ImportResult) -> None:
    """Counts to standard output, lines that were left out to standard error."""
    for problem in result.errors:
        click.echo(f"line {problem.line}, {problem.column}: {problem.message}", err=True)
    counts = result.model_dump(exclude={"errors", "unknown_columns", "counts"})
    for name, count in (counts | result.counts).items():
        click.echo(f"{name}: {count}")
    if result.unknown_columns:
        click.echo(f"columns not read: {', '.join(result.unknown_columns)}")
