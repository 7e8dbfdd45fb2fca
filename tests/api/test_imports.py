"""Imports over the API: what comes in, what is left out and why."""

from typing import Any

import pytest
from flask import Flask

from tests.clockify import NOTHING, bring_in, cells_of, export, line, real_file
from tests.factories import Person, add_member, email_of, sign_up
from tests.records import Record, done, event_types, make_entry, make_project
from tests.sql import rows

ROWS = """
    SELECT (SELECT count(*) FROM time_entries) + (SELECT count(*) FROM tasks)
         + (SELECT count(*) FROM users) + (SELECT count(*) FROM memberships)
         + (SELECT count(*) FROM projects) + (SELECT count(*) FROM rooms)
         + (SELECT count(*) FROM events)
"""


@pytest.fixture
def carol() -> str:
    """The address of somebody without an account."""
    return email_of("Carol")


def entries_of(person: Person, project_id: str) -> list[Record]:
    """Return all time of a project, oldest first."""
    path = f"/time-entries?project_id={project_id}&sort=started_at&limit=200"
    found: list[Record] = done(person.get(path))
    return found


def fields_of(entry: Record, *names: str) -> list[Any]:
    return [entry[name] for name in names]


def test_every_cell_of_a_line_arrives(alice: Person, project: Record, carol: str) -> None:
    content = export(
        line(
            carol,
            "09:00:15 AM",
            "01:30:45 PM",
            Description="First draft",
            Task="Write",
            Tags="deep, home",
            Billable="Yes",
            **{"Billable Rate (EUR)": "95.50"},
        )
    )
    result = bring_in(alice, content, project_id=project["id"], timezone="Europe/Berlin")
    assert result == NOTHING | {"created": 1, "people_created": 1, "tasks_created": 1}
    (entry,) = entries_of(alice, project["id"])
    (task,) = done(alice.get(f"/tasks?project_id={project['id']}"))
    assert (task["title"], task["id"]) == ("Write", entry["task_id"])
    assert fields_of(entry, "started_at", "ended_at", "timezone") == [
        "2026-03-02T08:00:15Z",
        "2026-03-02T12:30:45Z",
        "Europe/Berlin",
    ]
    assert fields_of(entry, "note", "labels") == ["First draft", ["deep", "home"]]
    assert fields_of(entry, "billable", "rate_minor", "currency") == [True, 9_550, "EUR"]
    assert fields_of(entry, "source", "allow_overlap") == ["import", False]


def test_wall_clocks_are_those_of_the_importer_unless_told_otherwise(
    app: Flask, carol: str
) -> None:
    berliner = sign_up(app, "Carol", "Europe/Berlin")
    project = make_project(berliner)
    bring_in(berliner, export(line(carol)), project_id=project["id"])
    (entry,) = entries_of(berliner, project["id"])
    assert fields_of(entry, "started_at", "timezone") == ["2026-03-02T08:00:00Z", "Europe/Berlin"]


def test_a_real_file_with_an_entry_of_no_length_comes_in_whole(
    alice: Person, project: Record, carol: str
) -> None:
    result = bring_in(alice, real_file("clockify-1.csv", carol), project_id=project["id"])
    assert result == NOTHING | {"created": 2, "people_created": 1, "tasks_created": 1}
    hour, nothing = entries_of(alice, project["id"])
    assert fields_of(nothing, "seconds", "started_at", "labels", "billable", "task_id") == [
        0,
        "2024-03-04T10:23:52Z",
        ["Development", "Backend"],
        False,
        None,
    ]
    assert fields_of(hour, "seconds", "note", "billable", "rate_minor", "currency") == [
        3601,
        "Working hard",
        True,
        0,
        "USD",
    ]


def test_a_real_file_with_special_characters_comes_in_whole(
    alice: Person, project: Record, carol: str
) -> None:
    content = real_file("clockify-2.csv", carol)
    result = bring_in(alice, content, project_id=project["id"])
    assert result == NOTHING | {"created": 1, "people_created": 1, "tasks_created": 1}
    (entry,) = entries_of(alice, project["id"])
    assert "🔥" in entry["note"]
    assert entry["note"] == cells_of(content)[0]["Description"]
    assert fields_of(entry, "started_at", "seconds") == ["2024-10-15T11:00:00Z", 1800]
    assert fields_of(entry, "billable", "rate_minor", "currency") == [True, 100_000, "EUR"]
    task = done(alice.get(f"/tasks/{entry['task_id']}"))
    assert task["title"] == "A giant task"


def test_tasks_of_the_project_are_matched_by_title(
    alice: Person, project: Record, carol: str
) -> None:
    content = export(
        line(carol, Task="Write"), line(carol, "10:00:00 AM", "11:00:00 AM", Task="Write")
    )
    assert bring_in(alice, content, project_id=project["id"])["tasks_created"] == 1
    later = export(line(carol, "11:00:00 AM", "11:30:00 AM", Task="Write"))
    assert bring_in(alice, later, project_id=project["id"])["tasks_created"] == 0
    assert len({entry["task_id"] for entry in entries_of(alice, project["id"])}) == 1


def test_everyone_in_the_project_hears_of_it(alice: Person, project: Record, carol: str) -> None:
    bring_in(alice, export(line(carol, Task="Write")), project_id=project["id"])
    heard = event_types(alice, f"project:{project['id']}")
    people = ["member.added", "member.added"]  # whoever imports, and whose time it is
    assert heard == ["project.created", *people, "task.created", "time_entry.imported"]


# Again


def test_the_same_file_again_creates_nothing(alice: Person, project: Record, carol: str) -> None:
    content = export(line(carol), line(carol, "10:00:00 AM", "11:00:00 AM"))
    bring_in(alice, content, project_id=project["id"])
    before = entries_of(alice, project["id"])
    assert bring_in(alice, content, project_id=project["id"]) == NOTHING | {"matched": 2}
    assert entries_of(alice, project["id"]) == before


def test_a_longer_file_brings_what_is_new(alice: Person, project: Record, carol: str) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    longer = export(line(carol, "10:00:00 AM", "11:00:00 AM"), line(carol))
    assert bring_in(alice, longer, project_id=project["id"]) == NOTHING | {
        "created": 1,
        "matched": 1,
    }


def test_lines_that_are_the_same_are_as_many_entries(
    alice: Person, project: Record, carol: str
) -> None:
    twice = export(line(carol), line(carol))
    assert bring_in(alice, twice, project_id=project["id"])["created"] == 2
    assert bring_in(alice, twice, project_id=project["id"]) == NOTHING | {"matched": 2}
    thrice = export(line(carol), line(carol), line(carol))
    again = bring_in(alice, thrice, project_id=project["id"])
    assert fields_of(again, "created", "matched") == [1, 2]


# Overlaps


def test_overlapping_lines_are_kept_and_marked(alice: Person, project: Record, carol: str) -> None:
    content = export(
        line(carol, "09:00:00 AM", "10:00:00 AM"), line(carol, "09:30:00 AM", "11:00:00 AM")
    )
    result = bring_in(alice, content, project_id=project["id"])
    assert fields_of(result, "created", "overlapping", "errors") == [2, 1, []]
    marks = [entry["allow_overlap"] for entry in entries_of(alice, project["id"])]
    assert marks == [False, True]


def test_lines_that_touch_do_not_overlap(alice: Person, project: Record, carol: str) -> None:
    content = export(
        line(carol, "09:00:00 AM", "10:00:00 AM"), line(carol, "10:00:00 AM", "11:00:00 AM")
    )
    assert bring_in(alice, content, project_id=project["id"])["overlapping"] == 0


def test_lines_of_different_people_do_not_overlap(
    alice: Person, project: Record, carol: str
) -> None:
    content = export(line(carol), line(email_of("Dave")))
    assert bring_in(alice, content, project_id=project["id"])["overlapping"] == 0


def test_a_line_that_overlaps_recorded_time_is_marked(alice: Person, project: Record) -> None:
    by_hand = make_entry(alice, "2026-03-02T09:30:00Z", "2026-03-02T11:00:00Z")
    content = export(line(alice.email))
    assert bring_in(alice, content, project_id=project["id"])["overlapping"] == 1
    (entry,) = entries_of(alice, project["id"])
    assert entry["allow_overlap"] is True
    assert done(alice.get(f"/time-entries/{by_hand['id']}")) == by_hand


def test_a_line_is_marked_also_when_what_it_overlaps_is_overlapped(
    alice: Person, project: Record
) -> None:
    make_entry(alice, "2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z", allow_overlap=True)
    make_entry(alice, "2026-03-02T08:30:00Z", "2026-03-02T10:00:00Z")
    content = export(line(alice.email, "09:00:00 AM", "09:30:00 AM"))
    result = bring_in(alice, content, project_id=project["id"])
    assert fields_of(result, "created", "overlapping") == [1, 1]


# Trying first


@pytest.mark.parametrize("place", ["one project", "by name"])
def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    database: str, alice: Person, project: Record, place: str, carol: str
) -> None:
    form = {"project_id": project["id"]} if place == "one project" else {}
    bad = line(carol, **{"Start Time": "25:00:00"})
    content = export(line(carol, Task="Write", Project="Shop"), line(carol, Project="Shop"), bad)
    before = rows(database, ROWS)
    rehearsed = bring_in(alice, content, dry_run="true", **form)
    assert rows(database, ROWS) == before
    assert fields_of(rehearsed, "created", "skipped", "overlapping") == [2, 1, 1]
    assert bring_in(alice, content, **form) == rehearsed


# Without a project


def test_each_project_named_in_a_file_is_made(alice: Person, carol: str) -> None:
    content = export(
        line(carol, Project="Shop"), line(carol, "10:00:00 AM", "11:00:00 AM", Project="Stand")
    )
    result = bring_in(alice, content)
    assert fields_of(result, "created", "projects_created", "people_created") == [2, 2, 1]
    projects = {project["name"]: project for project in done(alice.get("/projects"))}
    assert projects.keys() == {"Shop", "Stand"}
    assert {project["role"] for project in projects.values()} == {"owner"}
    assert len(entries_of(alice, projects["Shop"]["id"])) == 1


def test_projects_are_matched_by_name(alice: Person, carol: str) -> None:
    project = make_project(alice, name="Website")
    assert bring_in(alice, export(line(carol)))["projects_created"] == 0
    assert len(entries_of(alice, project["id"])) == 1
    assert bring_in(alice, export(line(carol)))["matched"] == 1


def test_only_projects_that_one_owns_and_uses_are_matched(
    alice: Person, bob: Person, carol: str
) -> None:
    add_member(bob, make_project(bob, name="Website"), alice, "editor")
    done(alice.patch(f"/projects/{make_project(alice)['id']}", {"archived": True}))
    assert bring_in(alice, export(line(carol)))["projects_created"] == 1


def test_a_line_that_names_no_project_is_left_out(alice: Person, carol: str) -> None:
    result = bring_in(alice, export(line(carol, Project=""), line(carol)))
    assert fields_of(result, "created", "skipped") == [1, 1]
    (error,) = result["errors"]
    assert (error["line"], error["column"]) == (2, "Project")
