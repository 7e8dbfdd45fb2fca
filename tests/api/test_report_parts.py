"""Reports over the API that tell what the time of each day, week or month was spent on."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.api.access_world import make_agent
from tests.factories import Person, add_member, sign_up
from tests.records import (
    ELEVEN,
    NINE,
    NOON,
    TEN,
    Record,
    done,
    make_entry,
    make_project,
    make_task,
    refusal,
)

MARCH = {"from": "2026-03-01", "to": "2026-04-01", "group_by": "day"}
EIGHT = "2026-03-02T08:00:00Z"


def report(person: Person, split_by: str, **question: Any) -> Record:
    asked = MARCH | {"split_by": split_by} | question
    answer: Record = done(person.get(f"/reports/time?{urlencode(asked)}"))
    return answer


def parts(person: Person, split_by: str, **question: Any) -> dict[str, dict[str, int]]:
    """Return the seconds of each part, by its name, of each period."""
    return {
        group["key"]: {part["label"]: part["seconds"] for part in group["parts"]}
        for group in report(person, split_by, **question)["groups"]
    }


@pytest.fixture
def shop(alice: Person) -> Record:
    return make_project(alice, name="Shop")


def test_a_day_has_the_parts_of_its_projects_by_name(
    alice: Person, shop: Record, project: Record
) -> None:
    make_entry(alice, EIGHT, NINE)
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(alice, TEN, ELEVEN, project_id=shop["id"])
    make_entry(alice, ELEVEN, NOON, project_id=shop["id"])
    assert report(alice, "project") == {
        "tz": "UTC",
        "split_by": "project",
        "groups": [
            {
                "key": "2026-03-02",
                "label": "2026-03-02",
                "seconds": 14_400,
                "entries": 4,
                "parts": [
                    {"key": shop["id"], "label": "Shop", "seconds": 7200, "entries": 2},
                    {"key": project["id"], "label": "Website", "seconds": 3600, "entries": 1},
                    {"key": None, "label": "(no project)", "seconds": 3600, "entries": 1},
                ],
            }
        ],
        "seconds": 14_400,
    }


def test_without_time_there_are_no_parts(alice: Person) -> None:
    empty = {"tz": "UTC", "split_by": "task", "groups": [], "seconds": 0}
    assert report(alice, "task") == empty


def test_a_day_by_task_and_by_user(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    task = make_task(alice, title="Draft", project_id=project["id"])
    make_entry(alice, NINE, TEN, task_id=task["id"])
    make_entry(bob, NINE, ELEVEN, project_id=project["id"])
    place = {"project_id": project["id"]}
    assert parts(alice, "task", **place) == {"2026-03-02": {"Draft": 3600, "(no task)": 7200}}
    assert parts(alice, "user", **place) == {"2026-03-02": {"Alice": 3600, "Bob": 7200}}


def test_tasks_of_one_title_are_different_parts(alice: Person) -> None:
    tasks = [make_task(alice, title="Draft") for _ in range(2)]
    make_entry(alice, NINE, TEN, task_id=tasks[0]["id"])
    make_entry(alice, TEN, NOON, task_id=tasks[1]["id"])
    (day,) = report(alice, "task")["groups"]
    found = {part["key"]: part["seconds"] for part in day["parts"]}
    assert found == {tasks[0]["id"]: 3600, tasks[1]["id"]: 7200}


def test_an_entry_counts_for_each_of_its_labels_and_once_for_its_day(alice: Person) -> None:
    task = make_task(alice, labels=["deep", "home"])
    make_entry(alice, NINE, TEN, labels=["home", "late"], task_id=task["id"])
    make_entry(alice, TEN, NOON)
    by_label = report(alice, "label")
    (day,) = by_label["groups"]
    assert {part["label"]: part["seconds"] for part in day["parts"]} == {
        "deep": 3600,
        "home": 3600,
        "late": 3600,
        "(no label)": 7200,
    }
    assert (day["seconds"], day["entries"], by_label["seconds"]) == (10_800, 2, 10_800)


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        ("week", {"2026-03-02": {"Shop": 3600}, "2026-03-09": {"Shop": 7200}}),
        ("month", {"2026-03-01": {"Shop": 10_800}}),
    ],
)
def test_weeks_and_months_have_parts(
    alice: Person, shop: Record, grouping: str, expected: dict[str, dict[str, int]]
) -> None:
    make_entry(alice, "2026-03-08T23:00:00Z", "2026-03-09T02:00:00Z", project_id=shop["id"])
    assert parts(alice, "project", group_by=grouping) == expected


@pytest.mark.parametrize(
    ("day", "next_day", "before", "after"),
    [
        ("2026-03-29", "2026-03-30", 13, 10),  # 12:00 UTC is 14:00 there, and 02:00 never came
        ("2026-10-25", "2026-10-26", 14, 11),  # 12:00 UTC is 13:00 there, and 02:00 came twice
    ],
)
@pytest.mark.parametrize("split_by", ["project", "label"])
def test_parts_are_cut_at_the_midnights_of_days_of_all_lengths(
    app: Flask, day: str, next_day: str, before: int, after: int, split_by: str
) -> None:
    berliner = sign_up(app, "Carol", "Europe/Berlin")
    shop = make_project(berliner, name="Shop")
    fields: Record = {"project_id": shop["id"]} if split_by == "project" else {"labels": ["Shop"]}
    make_entry(berliner, "2026-01-01T00:00:00Z", f"{day}T12:00:00Z")
    make_entry(berliner, f"{day}T12:00:00Z", f"{next_day}T12:00:00Z", **fields)
    found = parts(berliner, split_by, **{"from": day, "to": next_day})
    assert found == {day: {"Shop": after * 3600, f"(no {split_by})": before * 3600}}


def test_a_zone_far_away_has_the_parts_on_other_days(alice: Person, shop: Record) -> None:
    make_entry(alice, "2026-03-02T09:00:00Z", "2026-03-02T13:00:00Z", project_id=shop["id"])
    assert parts(alice, "project", tz="Pacific/Auckland") == {
        "2026-03-02": {"Shop": 7200},
        "2026-03-03": {"Shop": 7200},
    }


def test_rounded_parts_add_up_to_their_day_and_days_to_the_report(alice: Person) -> None:
    projects = [make_project(alice, name=f"Project {number}") for number in range(3)]
    for day in ("2026-03-02", "2026-03-03"):
        for hour, project in enumerate(projects, start=10):
            end = f"{day}T{hour}:00:00.400000Z"
            make_entry(alice, f"{day}T{hour}:00:00Z", end, project_id=project["id"])
    found = report(alice, "project")
    assert found["seconds"] == 2  # 2.4
    assert sum(group["seconds"] for group in found["groups"]) == 2
    for group in found["groups"]:
        assert sum(part["seconds"] for part in group["parts"]) == group["seconds"]


def test_without_split_by_groups_have_no_parts(alice: Person) -> None:
    make_entry(alice)
    (day,) = done(alice.get(f"/reports/time?{urlencode(MARCH)}"))["groups"]
    assert day["parts"] == []


# What cannot be asked


@pytest.mark.parametrize("grouping", ["project", "task", "user", "label"])
def test_only_periods_are_split(alice: Person, grouping: str) -> None:
    asked = MARCH | {"group_by": grouping, "split_by": "project"}
    assert refusal(alice.get(f"/reports/time?{urlencode(asked)}")) == (422, "invalid_input")


@pytest.mark.parametrize("split_by", ["day", "colour", ""])
def test_periods_are_split_by_what_there_is(alice: Person, split_by: str) -> None:
    asked = MARCH | {"split_by": split_by}
    assert refusal(alice.get(f"/reports/time?{urlencode(asked)}")) == (422, "invalid_input")


def test_more_parts_than_anybody_reads_are_refused(
    alice: Person, shop: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_entry(alice, NINE, TEN, project_id=shop["id"])
    make_entry(alice, TEN, NOON)
    monkeypatch.setattr("services.report_service.PARTS_MAX", 3)  # the day and its two parts
    assert len(parts(alice, "project")["2026-03-02"]) == 2
    monkeypatch.setattr("services.report_service.PARTS_MAX", 2)
    answer = alice.get(f"/reports/time?{urlencode(MARCH | {'split_by': 'project'})}")
    assert refusal(answer) == (400, "bad_request")


@pytest.mark.parametrize("split_by", [None, "label"])
def test_time_that_would_be_cut_too_often_is_refused(
    alice: Person, monkeypatch: pytest.MonkeyPatch, split_by: str | None
) -> None:
    """Before the database is at it for longer than it may be."""
    for _ in range(3):
        make_entry(alice, "2026-03-02T00:00:00Z", "2026-03-30T00:00:00Z", allow_overlap=True)
    monkeypatch.setattr("services.report_service.PARTS_MAX", 60)  # three times 28 days are more
    asked = MARCH | ({"split_by": split_by} if split_by else {})
    assert refusal(alice.get(f"/reports/time?{urlencode(asked)}")) == (400, "bad_request")
    weeks = done(alice.get(f"/reports/time?{urlencode(asked | {'group_by': 'week'})}"))
    assert weeks["seconds"] == 3 * 28 * 86_400


# Who sees what


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_every_member_sees_the_parts_of_a_project(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, role)
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(alice, TEN, ELEVEN)
    found = parts(bob, "user", project_id=project["id"])
    assert found == {"2026-03-02": {"Alice": 3600}}


def test_a_project_of_others_has_no_parts(alice: Person, bob: Person, project: Record) -> None:
    make_entry(alice, project_id=project["id"])
    asked = MARCH | {"split_by": "user", "project_id": project["id"]}
    assert bob.get(f"/reports/time?{urlencode(asked)}").status_code == 404


def test_parts_are_of_ones_own_time(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(bob, NINE, TEN, project_id=project["id"])
    make_entry(alice, NINE, NOON)
    assert parts(alice, "user") == {"2026-03-02": {"Alice": 10_800}}


def test_parts_of_agents_are_told_only_when_asked_for(alice: Person, project: Record) -> None:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(agent, NINE, NOON, project_id=project["id"])
    place = {"project_id": project["id"]}
    assert list(parts(alice, "user", **place)["2026-03-02"].values()) == [3600]
    everybody = parts(alice, "user", **place, include="agents")["2026-03-02"]
    assert sorted(everybody.values()) == [3600, 10_800]


@pytest.mark.parametrize("split_by", ["project", "task", "label"])
def test_who_left_a_project_reads_its_names_in_no_part(
    alice: Person, bob: Person, project: Record, split_by: str
) -> None:
    add_member(alice, project, bob, "editor")
    task = make_task(alice, project_id=project["id"], title="Draft", labels=["secret"])
    make_entry(bob, task_id=task["id"])
    done(bob.delete(f"/projects/{project['id']}/members/{bob.id}"))
    ((name, seconds),) = parts(bob, split_by)["2026-03-02"].items()
    assert seconds == 3600
    assert name.startswith("(")


# As a table


def table(person: Person, split_by: str) -> list[list[str]]:
    asked = urlencode(MARCH | {"split_by": split_by})
    answer = person.get(f"/reports/time?{asked}", Accept="text/csv")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.reader(io.StringIO(answer.text)))


def test_a_table_has_a_line_for_each_part(alice: Person, shop: Record) -> None:
    make_entry(alice, NINE, "2026-03-02T10:30:00Z", project_id=shop["id"])
    make_entry(alice, ELEVEN, NOON)
    make_entry(alice, "2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z", project_id=shop["id"])
    assert table(alice, "project") == [
        ["key", "label", "part_key", "part_label", "seconds", "hours", "entries"],
        ["2026-03-02", "2026-03-02", shop["id"], "Shop", "5400", "1.50", "1"],
        ["2026-03-02", "2026-03-02", "", "(no project)", "3600", "1.00", "1"],
        ["2026-03-03", "2026-03-03", shop["id"], "Shop", "3600", "1.00", "1"],
    ]


def test_a_table_of_parts_without_time_has_its_header(alice: Person) -> None:
    (header,) = table(alice, "user")
    assert header[:4] == ["key", "label", "part_key", "part_label"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_spreadsheet_runs_no_part(alice: Person, text: str) -> None:
    make_entry(alice, task_id=make_task(alice, title=text)["id"], labels=[text])
    for split_by in ("task", "label"):
        cells = [cell for row in table(alice, split_by) for cell in row]
        assert f"'{text}" in cells
        assert text not in cells
