"""Exports of Clockify, as real files and written line by line, and their way into the service."""

import csv
import io
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import Person
from tests.records import Record, done

DATA = Path(__file__).parent / "data"
PETER = "peter.test@email.test"

# What an import answers that found nothing to do.
NOTHING = {
    "created": 0,
    "matched": 0,
    "skipped": 0,
    "overlapping": 0,
    "projects_created": 0,
    "people_created": 0,
    "tasks_created": 0,
    "items_created": 0,
    "counts": {},
    "unknown_columns": [],
    "errors": [],
}

DEFAULTS = {
    "Project": "Website",
    "Client": "",
    "Description": "",
    "Task": "",
    "User": "Carol",
    "Email": "",
    "Tags": "",
    "Billable": "No",
    "Start Date": "03/02/2026",
    "Start Time": "09:00:00 AM",
    "End Date": "03/02/2026",
    "End Time": "10:00:00 AM",
    "Billable Rate (EUR)": "",
}


def line(email: str, start: str = "09:00:00 AM", end: str = "10:00:00 AM", **cells: str) -> Record:
    """Return a line of an export: an hour of the person with this address."""
    return DEFAULTS | {"Email": email, "Start Time": start, "End Time": end} | cells


def export(*lines: Record) -> bytes:
    """Return the file with these lines."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(DEFAULTS))
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


def real_file(name: str, email: str = PETER) -> bytes:
    """Return the bytes of a file in tests/data; Peter in it may get an address of his own."""
    return (DATA / name).read_bytes().replace(PETER.encode(), email.encode())


def cells_of(content: bytes) -> list[dict[str, str]]:
    """Return the lines of a file by their columns, read without the service."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def send_file(person: Person, content: bytes, **form: Any) -> TestResponse:
    """Upload a file for import."""
    parts = {"format": "clockify", "file": (io.BytesIO(content), "export.csv")} | form
    return person.send("POST", "/imports", headers={}, data=parts)


def bring_in(person: Person, content: bytes, **form: Any) -> Record:
    """Import a file and return what became of it."""
    result: Record = done(send_file(person, content, **form))
    return result


def verify(app: Flask, person: Person) -> None:
    """Prove, as operators do, that somebody's address is theirs."""
    result = app.test_cli_runner().invoke(args=["verify-email", person.email])
    assert result.exit_code == 0, result.output
