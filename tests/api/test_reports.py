"""Reports over the API: groups, tables and who sees what."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.access_world import make_agent
from tests.factories import Person, add_member
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

MARCH = {"from": "2026-03-01", "to": "2026-04-01"}


def report(person: Person, **question: Any) -> Record:
    answer: Record = done(person.get(f"/reports/time?{urlencode(MARCH | question)}"))
    return answer


def seconds_by(person: Person, grouping: str, **question: Any) -> dict[str | None, int]:
    """Return the seconds of each group by its key."""
    groups = report(person, group_by=grouping, **question)["groups"]
    return {group["key"]: group["seconds"] for group in groups}


def table(person: Person, accept: str = "text/csv", **question: Any) -> list[list[str]]:
    answer = person.get(f"/reports/time?{urlencode(MARCH | question)}", Accept=accept)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.reader(io.StringIO(answer.text)))


def test_without_time_a_report_is_empty(alice: Person) -> None:
    assert report(alice) == {"tz": "UTC", "split_by": None, "groups": [], "seconds": 0}


def test_days_are_added_up(alice: Person) -> None:
    make_entry(alice, NINE, TEN)
    make_entry(alice, ELEVEN, NOON)
    make_entry(alice, "2026-03-04T09:00:00Z", "2026-03-04T09:00:30Z")
    second, fourth = "2026-03-02", "2026-03-04"
    assert report(alice) == {
        "tz": "UTC",
        "split_by": None,
        "groups": [
            {"key": second, "label": second, "seconds": 7200, "entries": 2, "parts": []},
            {"key": fourth, "label": fourth, "seconds": 30, "entries": 1, "parts": []},
        ],
        "seconds": 7230,
    }


def test_weeks_begin_on_monday(alice: Person) -> None:
    make_entry(alice, "2026-03-08T23:00:00Z", "2026-03-09T02:00:00Z")
    assert seconds_by(alice, "week") == {"2026-03-02": 3600, "2026-03-09": 7200}


def test_a_week_is_named_by_its_monday_even_when_that_is_out_of_the_range(alice: Person) -> None:
    make_entry(alice, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")
    assert seconds_by(alice, "week") == {"2026-02-23": 3600}


def test_months_are_named_by_year_and_month(alice: Person) -> None:
    make_entry(alice, "2026-02-28T23:00:00Z", "2026-03-01T02:00:00Z")
    months = report(alice, group_by="month", **{"from": "2026-01-01"})["groups"]
    assert [(month["key"], month["label"], month["seconds"]) for month in months] == [
        ("2026-02-01", "2026-02", 3600),
        ("2026-03-01", "2026-03", 7200),
    ]


def test_time_by_project(alice: Person) -> None:
    shop, website = make_project(alice, name="Shop"), make_project(alice, name="Website")
    make_entry(alice, NINE, TEN, project_id=website["id"])
    make_entry(alice, TEN, ELEVEN, project_id=shop["id"])
    make_entry(alice, ELEVEN, NOON)
    groups = report(alice, group_by="project")["groups"]
    assert [(group["key"], group["label"]) for group in groups] == [
        (shop["id"], "Shop"),
        (website["id"], "Website"),
        (None, "(no project)"),
    ]


def test_time_by_task(alice: Person) -> None:
    task = make_task(alice, title="Draft")
    make_entry(alice, NINE, TEN, task_id=task["id"])
    make_entry(alice, TEN, NOON)
    groups = report(alice, group_by="task")["groups"]
    assert [(group["key"], group["label"], group["seconds"]) for group in groups] == [
        (task["id"], "Draft", 3600),
        (None, "(no task)", 7200),
    ]


def test_tasks_of_one_title_are_different_groups(alice: Person) -> None:
    tasks = [make_task(alice, title="Draft") for _ in range(2)]
    make_entry(alice, NINE, TEN, task_id=tasks[0]["id"])
    make_entry(alice, TEN, NOON, task_id=tasks[1]["id"])
    assert seconds_by(alice, "task") == {tasks[0]["id"]: 3600, tasks[1]["id"]: 7200}


def test_time_on_a_deleted_task_still_counts_as_its(alice: Person) -> None:
    task = make_task(alice)
    make_entry(alice, task_id=task["id"])
    done(alice.delete(f"/tasks/{task['id']}"))
    assert seconds_by(alice, "task") == {task["id"]: 3600}


def test_time_by_user(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(bob, NINE, ELEVEN, project_id=project["id"])
    groups = report(alice, group_by="user", project_id=project["id"])["groups"]
    assert [(group["key"], group["label"], group["seconds"]) for group in groups] == [
        (alice.id, "Alice", 3600),
        (bob.id, "Bob", 7200),
    ]


def test_an_entry_counts_for_each_of_its_labels_and_once_in_total(alice: Person) -> None:
    make_entry(alice, NINE, TEN, labels=["deep", "home"])
    make_entry(alice, TEN, NOON, labels=["home"])
    make_entry(alice, "2026-03-03T09:00:00Z", "2026-03-03T09:10:00Z")
    by_label = report(alice, group_by="label")
    assert [(group["key"], group["label"], group["seconds"]) for group in by_label["groups"]] == [
        ("deep", "deep", 3600),
        ("home", "home", 10_800),
        (None, "(no label)", 600),
    ]
    assert by_label["seconds"] == 11_400


def test_labels_of_the_task_count_for_its_time(alice: Person) -> None:
    task = make_task(alice, labels=["deep", "home"])
    make_entry(alice, NINE, TEN, task_id=task["id"], labels=["home"])
    by_label = report(alice, group_by="label")
    assert {group["key"]: group["seconds"] for group in by_label["groups"]} == {
        "deep": 3600,
        "home": 3600,
    }
    assert by_label["seconds"] == 3600


# Who sees what


def test_a_report_is_about_ones_own_time(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(bob, NINE, TEN, project_id=project["id"])
    make_entry(alice, NINE, NOON)
    assert (report(alice)["seconds"], report(bob)["seconds"]) == (10_800, 3600)


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_every_member_sees_all_time_of_a_project(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, role)
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(alice, TEN, ELEVEN)
    assert report(bob, project_id=project["id"])["seconds"] == 3600


def test_a_project_of_others_has_no_report(alice: Person, bob: Person, project: Record) -> None:
    make_entry(alice, project_id=project["id"])
    question = urlencode(MARCH | {"project_id": project["id"]})
    assert bob.get(f"/reports/time?{question}").status_code == 404


def test_who_left_a_project_keeps_their_time_and_reads_its_names_no_more(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    task = make_task(alice, project_id=project["id"], title="Draft", labels=["secret"])
    make_entry(bob, task_id=task["id"])
    done(bob.delete(f"/projects/{project['id']}/members/{bob.id}"))
    for grouping in ("project", "task", "label"):
        by_thing = report(bob, group_by=grouping)
        assert by_thing["seconds"] == 3600
        (group,) = by_thing["groups"]
        assert group["label"] not in ("Website", "Draft", "secret")


def test_deleted_time_does_not_count(alice: Person) -> None:
    entry = make_entry(alice)
    done(alice.delete(f"/time-entries/{entry['id']}"))
    assert report(alice)["seconds"] == 0


# Of agents


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    """An agent of Alice's in her project."""
    made = make_agent(alice)
    add_member(alice, project, made, "editor")
    return made


@pytest.fixture
def work(alice: Person, project: Record, agent: Person) -> Record:
    """An hour of Alice's in her project, and three of the agent's, partly at the same time."""
    make_entry(alice, NINE, TEN, project_id=project["id"])
    make_entry(agent, NINE, ELEVEN, project_id=project["id"])
    make_entry(agent, TEN, ELEVEN, project_id=project["id"])
    return project


@pytest.mark.parametrize("grouping", ["day", "week", "month", "project", "task", "user", "label"])
def test_time_of_agents_counts_in_a_project_only_when_asked_for(
    alice: Person, work: Record, grouping: str
) -> None:
    question = {"group_by": grouping, "project_id": work["id"]}
    people, everybody = report(alice, **question), report(alice, **question, include="agents")
    for answer, seconds, entries in ((people, 3600, 1), (everybody, 14_400, 3)):
        assert answer["seconds"] == seconds
        assert sum(group["seconds"] for group in answer["groups"]) == seconds
        assert sum(group["entries"] for group in answer["groups"]) == entries


def test_agents_are_named_among_the_users_only_when_asked_for(
    alice: Person, agent: Person, work: Record
) -> None:
    place = {"project_id": work["id"]}
    assert seconds_by(alice, "user", **place) == {alice.id: 3600}
    everybody = {alice.id: 3600, agent.id: 10_800}
    assert seconds_by(alice, "user", **place, include="agents") == everybody


def test_a_table_tells_agents_apart_like_json_does(alice: Person, work: Record) -> None:
    place = {"project_id": work["id"]}
    assert table(alice, **place)[1:] == [["2026-03-02", "2026-03-02", "3600", "1.00", "1"]]
    assert table(alice, **place, include="agents")[1:] == [
        ["2026-03-02", "2026-03-02", "14400", "4.00", "3"]
    ]


def test_time_of_an_agent_over_several_days_is_no_time_of_people(
    alice: Person, project: Record, agent: Person
) -> None:
    place = {"project_id": project["id"]}
    make_entry(agent, "2026-02-20T00:00:00Z", "2026-03-02T00:00:00Z", **place)
    assert report(alice, **place)["seconds"] == 0
    assert report(alice, **place, include="agents")["seconds"] == 86_400


@pytest.mark.parametrize("question", [{}, {"include": "agents"}])
def test_an_agent_is_told_all_of_its_own_time(
    agent: Person, work: Record, question: Record
) -> None:
    make_entry(agent, ELEVEN, NOON)
    by_project = seconds_by(agent, "project", **question)
    assert by_project == {work["id"]: 10_800, None: 3600}


@pytest.mark.parametrize("question", [{}, {"include": "agents"}])
@pytest.mark.usefixtures("work")
def test_time_of_ones_agents_is_not_ones_own(alice: Person, question: Record) -> None:
    assert report(alice, **question)["seconds"] == 3600


def test_an_agent_that_reports_on_a_project_is_told_of_peoples_time(
    agent: Person, work: Record
) -> None:
    place = {"project_id": work["id"]}
    assert report(agent, **place)["seconds"] == 3600
    assert report(agent, **place, include="agents")["seconds"] == 14_400


@pytest.mark.parametrize("include", ["", "people", "agents,people"])
def test_nothing_else_can_be_included(alice: Person, include: str) -> None:
    answer = alice.get(f"/reports/time?{urlencode(MARCH | {'include': include})}")
    assert refusal(answer) == (422, "invalid_input")


# As a table


def test_a_report_comes_as_a_table_for_those_who_accept_one(alice: Person) -> None:
    make_entry(alice, NINE, "2026-03-02T10:30:00Z")
    assert table(alice) == [
        ["key", "label", "seconds", "hours", "entries"],
        ["2026-03-02", "2026-03-02", "5400", "1.50", "1"],
    ]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/csv;q=0.5, application/json"])
def test_who_prefers_json_gets_json(alice: Person, accept: str) -> None:
    answer = alice.get(f"/reports/time?{urlencode(MARCH)}", Accept=accept)
    assert answer.mimetype == "application/json"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_spreadsheet_runs_nothing_that_people_wrote(alice: Person, text: str) -> None:
    task = make_task(alice, title=text)
    make_entry(alice, task_id=task["id"], labels=[text])
    for grouping in ("task", "label"):
        cells = [cell for row in table(alice, group_by=grouping) for cell in row]
        assert f"'{text}" in cells
        assert text not in cells


def test_quotes_and_commas_in_a_table_are_escaped(alice: Person) -> None:
    title = 'Say "hello", world'
    make_entry(alice, task_id=make_task(alice, title=title)["id"])
    assert table(alice, group_by="task")[1][1] == title
