"""Commands that look whether all is well."""

import sys

import click

from api.commands.terminal import commands
from models.doctor import Verdict
from services.doctor_service import doctor_service

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@commands.cli.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print it for programs.")
def doctor(as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Look at settings, machine and database; say what to do. Exit code 1 if something fails."""
    report = doctor_service.examine()
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        for each in report.findings:
            verdict = click.style(f"{each.verdict:<4}", fg=COLOURS[each.verdict])
            click.echo(f"{verdict}  {each.name}: {each.message}")
    sys.exit(1 if report.failed else 0)
