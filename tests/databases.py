"""Databases of their own for tests, on the server that all share, and what is in them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result
from flask import Flask
from sqlalchemy import make_url

from config import settings
from tests.sql import connect

# Each row as text, in one order everywhere.
HASH = """
    SELECT count(*) AS count, md5(COALESCE(string_agg(line, chr(10) ORDER BY line), '')) AS hash
    FROM (SELECT {columns}::text COLLATE "C" AS line FROM public."{table}" AS each) AS lines
"""
TABLES = """
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""

Contents = dict[str, tuple[int, str]]


@contextmanager
def another_database(url: str) -> Iterator[str]:
    """Yield the URL of a new, empty database beside the one of `url`."""
    name = f"stint_scratch_{uuid.uuid4().hex[:12]}"
    with connect(url) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with connect(url) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def flask_db(app: Flask, *command: str) -> Result:
    """Run a command of `flask db` in this process, on the database of the fixture `scratch`."""
    return app.test_cli_runner().invoke(args=["db", *command])


def migrate(app: Flask, *command: str) -> None:
    """Run a command of `flask db` that has to go well."""
    result = flask_db(app, *command)
    assert result.exit_code == 0, result.output


def start_flask(url: str, *arguments: str | Path, **environment: str) -> "subprocess.Popen[str]":
    """Start a command of `flask` on a database, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "main", *arguments],
        env=os.environ | {"DATABASE_URL": url} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=settings.project_dir,
    )


def flask(
    url: str, *arguments: str | Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command of `flask` to its end."""
    process = start_flask(url, *arguments, **environment)
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def contents(url: str, **without: str) -> Contents:
    """Return how many rows each table has and a hash of them; `without` names columns to leave."""
    with connect(url) as connection:
        tables = [row["name"] for row in connection.execute(TABLES)]
        found: Contents = {}
        for table in tables:
            columns = f"(to_jsonb(each) - '{without[table]}')" if table in without else "each"
            query = HASH.format(columns=columns, table=table)
            (row,) = connection.execute(query.encode())
            found[table] = (row["count"], row["hash"])
    return found
