"""Imports of Toggl Track's reports over the API."""

from operator import itemgetter
from typing import Any

import pytest
from flask import Flask

from tests.clockify import DATA, PETER, bring_in, send_file
from tests.factories import Person, email_of
from tests.records import Record, done, ids, refusal


@pytest.fixture
def content() -> bytes:
    """A report that Toggl wrote, about somebody without an account."""
    return (DATA / "toggl-1.csv").read_bytes().replace(PETER.encode(), email_of("Carol").encode())


def fields_of(record: Record, *names: str) -> list[Any]:
    return [record[name] for name in names]


def entries_of(person: Person) -> list[Record]:
    """Return all time of somebody's projects."""
    projects = ids(person.get("/projects"))
    lists = [done(person.get(f"/time-entries?project_id={project}")) for project in projects]
    return [entry for entries in lists for entry in entries]


def test_a_real_file_comes_in_whole(alice: Person, content: bytes) -> None:
    result = bring_in(alice, content, format="toggl")
    assert fields_of(result, "created", "skipped", "errors", "unknown_columns") == [2, 0, [], []]
    assert fields_of(result, "projects_created", "people_created", "tasks_created") == [2, 1, 1]
    nothing, hour = sorted(entries_of(alice), key=itemgetter("seconds"))
    assert nothing["seconds"] + hour["seconds"] == 3_601
    assert fields_of(nothing, "seconds", "labels") == [0, ["Development", "Backend"]]
    assert fields_of(hour, "note", "billable") == ["Working hard", True]
    assert fields_of(hour, "rate_minor", "currency") == [11_108, "EUR"]
    assert done(alice.get(f"/tasks/{hour['task_id']}"))["title"] == "Task 1"
    names = {project["name"] for project in done(alice.get("/projects"))}
    assert names == {"Project without Client", "Project for Big Company"}


def test_the_same_file_again_creates_nothing(alice: Person, content: bytes) -> None:
    bring_in(alice, content, format="toggl")
    again = bring_in(alice, content, format="toggl")
    assert fields_of(again, "created", "matched", "tasks_created") == [0, 2, 0]
    assert len(entries_of(alice)) == 2


def test_a_dry_run_writes_nothing(alice: Person, content: bytes) -> None:
    assert bring_in(alice, content, format="toggl", dry_run="true")["created"] == 2
    assert ids(alice.get("/projects")) == []


def test_columns_that_are_not_read_are_named(alice: Person, content: bytes) -> None:
    other = content.replace(b"Client,", b"Customer,", 1)
    result = bring_in(alice, other, format="toggl")
    assert fields_of(result, "created", "unknown_columns") == [2, ["Customer"]]


def test_a_bad_line_takes_no_good_one_along(alice: Person, content: bytes) -> None:
    other = content.replace(b"10:23:52,2024-03-04,10:23:52", b"25:00:00,2024-03-04,10:23:52")
    result = bring_in(alice, other, format="toggl")
    assert fields_of(result, "created", "skipped") == [1, 1]
    (error,) = result["errors"]
    assert fields_of(error, "line", "column", "severity") == [2, "Start time", "error"]


def test_another_file_is_refused_with_a_reason(alice: Person) -> None:
    answer = send_file(alice, b"Title,Tags\nWrite,deep\n", format="toggl")
    assert refusal(answer) == (422, "unreadable_file")
    assert "In Toggl Track, open the detailed report" in answer.get_json()["detail"]


def test_the_command_line_takes_it_too(app: Flask, alice: Person) -> None:
    arguments = [str(DATA / "toggl-1.csv"), "--as", alice.email, "--format", "toggl"]
    result = app.test_cli_runner().invoke(args=["import-time", *arguments])
    assert (result.exit_code, "created: 2" in result.stdout.splitlines()) == (0, True)
