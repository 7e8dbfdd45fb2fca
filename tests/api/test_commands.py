"""The commands of the `flask` program."""

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.clockify import export, line
from tests.factories import Person, email_of, sign_up
from tests.records import Record, done, ids
from tests.second_factors import add_passkey, begin
from tests.sql import number, rows

LET_ONE_EXPIRE = """
    UPDATE challenges SET expires_at = now()
    WHERE digest = (SELECT max(digest) FROM challenges WHERE user_id = %(me)s)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An export with a good line and a bad one."""
    carol = email_of("Carol")
    bad = line(carol, **{"Start Time": "25:00:00"})
    path = tmp_path / "export.csv"
    path.write_bytes(export(line(carol), bad))
    return path


def run(app: Flask, *arguments: str | Path) -> Result:
    return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments])


def refusal(result: Result) -> tuple[int, str]:
    """Return the exit code and the one line that says what is wrong."""
    (message,) = result.stderr.splitlines()
    return result.exit_code, message


def entries_of(person: Person, project: Record) -> list[str]:
    return ids(person.get(f"/time-entries?project_id={project['id']}"))


def test_import_time_prints_counts_and_names_bad_lines(
    app: Flask, alice: Person, project: Record, file: Path
) -> None:
    result = run(
        app, "import-time", file, "--as", alice.email.upper(), "--project-id", project["id"]
    )
    assert result.exit_code == 0
    counts = dict(each.split(": ") for each in result.stdout.splitlines())
    assert counts == {
        "created": "1",
        "matched": "0",
        "skipped": "1",
        "overlapping": "0",
        "projects_created": "0",
        "people_created": "1",
        "tasks_created": "0",
        "items_created": "0",
    }
    assert "line 3, Start Time: '25:00:00' is not a time" in result.stderr
    assert "dry run" not in result.output
    assert len(entries_of(alice, project)) == 1


def test_import_time_without_a_project_makes_those_in_the_file(
    app: Flask, alice: Person, file: Path
) -> None:
    result = run(app, "import-time", file, "--as", alice.email, "--timezone", "Europe/Berlin")
    assert "projects_created: 1" in result.stdout.splitlines()
    (project,) = done(alice.get("/projects"))
    (entry,) = done(alice.get(f"/time-entries?project_id={project['id']}"))
    assert entry["started_at"] == "2026-03-02T08:00:00Z"


def test_import_time_with_dry_run_writes_nothing(
    app: Flask, alice: Person, project: Record, file: Path
) -> None:
    form = ("--as", alice.email, "--project-id", project["id"], "--dry-run")
    result = run(app, "import-time", file, *form)
    assert "created: 1" in result.stdout.splitlines()
    assert result.output.endswith("\nNothing was written: this was a dry run.\n")
    assert entries_of(alice, project) == []


def test_import_time_as_nobody_fails(app: Flask, project: Record, file: Path) -> None:
    result = run(app, "import-time", file, "--as", "nobody@example.org")
    assert refusal(result) == (
        1,
        "Error: No account uses nobody@example.org; sign up with it first.",
    )


def test_import_time_into_a_project_of_others_fails(
    app: Flask, alice: Person, bob: Person, project: Record, file: Path
) -> None:
    result = run(app, "import-time", file, "--as", bob.email, "--project-id", project["id"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: There is nothing here")
    assert entries_of(alice, project) == []


def test_import_time_of_something_else_fails(app: Flask, alice: Person, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    code, message = refusal(run(app, "import-time", picture, "--as", alice.email))
    assert (code, message[:32]) == (1, "Error: The file is not text in U")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--format", "sundial"), ("--timezone", "Mars/Olympus"), ("--project-id", "website")],
)
def test_import_time_names_an_option_that_does_not_fit(
    app: Flask, alice: Person, file: Path, option: str, value: str
) -> None:
    result = run(app, "import-time", file, "--as", alice.email, option, value)
    assert result.exit_code == 2
    assert f"Error: {option}: " in result.stderr


def test_import_time_needs_a_file_that_is_there(app: Flask, alice: Person, tmp_path: Path) -> None:
    result = run(app, "import-time", tmp_path / "none.csv", "--as", alice.email)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_verify_email_marks_an_account(app: Flask) -> None:
    person = sign_up(app, "Carol")
    result = run(app, "verify-email", person.email.upper())
    assert (result.exit_code, result.stdout) == (0, f"{person.email} is verified.\n")
    assert done(person.get("/users/me"))["verified"] is True


def test_verify_email_of_nobody_fails(app: Flask) -> None:
    result = run(app, "verify-email", "nobody@example.org")
    assert refusal(result) == (
        1,
        "Error: No account uses nobody@example.org; sign up with it first.",
    )


def test_purge_deletes_what_has_expired_and_nothing_else(
    app: Flask, alice: Person, database: str
) -> None:
    for key in ("old", "new"):
        done(alice.post("/tasks", {"title": key}, Idempotency_Key=key))
    age = "UPDATE idempotency_records SET created_at = now() - interval '25 hours'"
    rows(database, f"{age} WHERE principal = %(me)s AND key = 'old'", {"me": alice.id})
    other = sign_up(app, "Bob")
    done(other.post("/auth/logout"))
    assert run(app, "purge").exit_code == 0
    kept = "SELECT key FROM idempotency_records WHERE principal = %(me)s"
    assert rows(database, kept, {"me": alice.id}) == [{"key": "new"}]
    sessions = "SELECT user_id::text FROM sessions WHERE user_id IN (%(me)s, %(other)s)"
    assert rows(database, sessions, {"me": alice.id, "other": other.id}) == [{"user_id": alice.id}]


def test_purge_deletes_challenges_that_nobody_can_answer_any_more(
    app: Flask, database: str
) -> None:
    person = sign_up(app, "Carol")
    add_passkey(person)
    for _ in range(2):
        begin(person)
    mine = {"me": person.id}
    rows(database, LET_ONE_EXPIRE, mine)
    assert run(app, "purge").exit_code == 0
    assert number(database, "SELECT count(*) FROM challenges WHERE user_id = %(me)s", mine) == 1
