"""Nothing grows with the tables: every question is answered from indexes, near its own rows."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from flask import Flask
from sqlalchemy import text

from services.agent_state_service import BY_ID, HELD, OF_AGENTS
from services.db_client import db
from services.presence_service import READ as WHO_IS_PRESENT
from services.reminder_service import DUE_SOON, LONG_TIMERS, OVERDUE
from services.task_move_service import WAITING
from services.tasks.claims import WINDOWS
from tests.factories import Person, add_member, as_agent, log_in, sign_up
from tests.plans import (
    ENTRIES_OF_A_PROJECT,
    OF_ONE_LIST,
    OWN_ENTRIES,
    OWN_OPERATIONS,
    OWN_SCOPES,
    OWN_TASKS,
    OWN_TASKS_OF_A_PROJECT,
    Explainer,
    fill,
    put_agents_to_work,
    wasteful,
)
from tests.records import Record, done, ids
from tests.sql import rows, run

PAGE = 51  # one row more than is shown tells whether there is a next page
OF_THE_SESSION = 2  # whatever is asked, the session and its user may be looked up anew
BOTH = 2  # two indexes may be read for what they have in common
BY_LABEL = 3  # what is claimable by a label, its task, and the best of these once more

SORTS = ["-created_at", "created_at", "due_at", "-priority", "-updated_at"]
FILTERS = [
    "",
    "status=pending",
    "assignee=me",
    "priority=high",
    "label=often",
    "label=sometimes",
    "label=seldom",
    "label=never",
    "search=often",
    "search=sometimes",
    "search=seldom",
    "search=never",
    "search=often+-sometimes",
    "due_before=2026-02-01T00:00:00Z",
    "due_after=2026-05-01T00:00:00Z",
    "due_after=2026-02-01T00:00:00Z&due_before=2026-02-03T00:00:00Z",
    "status=pending&assignee=me&label=often",
]

ENTRY_SORTS = ["-started_at", "started_at"]
ENTRY_FILTERS = [
    "",
    "started_after=2026-02-01T00:00:00Z",
    "started_before=2026-03-01T00:00:00Z",
    "started_after=2026-02-01T00:00:00Z&started_before=2026-02-03T00:00:00Z",
]
OF_TASKS = ["/items?", "/items?task_id={task}", "/tasks/{task}/comments?"]
OF_TASKS_FILTERED = [
    f"{path}&{question}" for path in OF_TASKS[:2] for question in ("status=open", "search=item")
]
# What the database asks about each foreign key before it lets go of a task.
NAMING_A_TASK: list[LiteralString] = [
    "SELECT FROM items WHERE task_id = %(id)s",
    "SELECT FROM items WHERE promoted_task_id = %(id)s",
    "SELECT FROM comments WHERE task_id = %(id)s",
    "SELECT FROM time_entries WHERE task_id = %(id)s",
    "SELECT FROM tasks WHERE parent_id = %(id)s",
    "SELECT FROM claimable_labels WHERE task_id = %(id)s",
    "SELECT FROM leases WHERE task_id = %(id)s",
]
GROUPINGS = ["day", "week", "month", "project", "task", "user", "label"]
SPLIT = [f"day&split_by={thing}" for thing in GROUPINGS[3:]]
# Somebody's agent has done all of it, time and again.
MUCH_DONE: LiteralString = """
    INSERT INTO leases (id, task_id, project_id, agent_id, status, seconds, expires_at, ended_at)
    SELECT gen_random_uuid(), tasks.id, project_id, %(agent)s, 'completed', 600, now(), now()
    FROM tasks, generate_series(1, 20) WHERE project_id = %(project)s
"""
LEASE_FILTERS = [
    "",
    "&status=active",
    "&status=completed",
    "&status=failed",
    "&agent={agent}",
    "&agent={other}",
    "&agent={agent}&status=failed",
    "&task_id={task}",
]
# Or else whatever test runs a worker next waits until it has told everybody.
REMIND_NOBODY: LiteralString = """
    UPDATE tasks SET due_soon_for = due_at, overdue_for = due_at
    WHERE deleted_at IS NULL AND status IN ('pending', 'in_progress')
    AND due_at IS DISTINCT FROM overdue_for
"""
MEMBERS = 3
AT_WORK_IN_A_ROOM = 50  # and each has held its task ten times before
ROWS_OF_SOMEBODY_PRESENT = ROWS_OF_A_STATE = 10
ENTRIES_OF_A_MONTH = 6 * (28 + 1)  # and of the day before, which may reach into it


@pytest.fixture(scope="module")
def reader(app: Flask, database: str) -> Iterator[Person]:
    """Somebody with a little work among 100,000 tasks, entries and events of others."""
    person = sign_up(app, "Reader")
    fill(database, person)
    yield person
    rows(database, REMIND_NOBODY)


@pytest.fixture(scope="module")
def project_id(reader: Person) -> str:
    return ids(reader.get("/projects"))[0]


@pytest.fixture(scope="module")
def task(reader: Person) -> Record:
    first: Record = done(reader.get("/tasks?limit=1"))[0]
    return first


@pytest.fixture(scope="module")
def agent(reader: Person) -> Person:
    """An agent of the reader's, in all of their projects."""
    made = done(reader.post("/agents", {"name": "Builder", "kind": "script"}))
    agent = as_agent(reader, made["id"])
    for project in done(reader.get("/projects")):
        add_member(reader, project, agent, "editor")
    done(agent.get("/users/me"))  # looks it up, in a table of tokens that other tests made
    return agent


@pytest.fixture(scope="module")
def explainer(database: str) -> Explainer:
    return Explainer(database)


def pages(person: Person, path: str) -> list[str]:
    """Return the paths of the first page and of one behind a cursor in the middle of the list."""
    for offset in (OWN_TASKS // 2, OWN_TASKS // 20):
        link = person.get(f"{path}&limit=1&offset={offset}").headers.get("Link")
        if link is not None:
            behind = link.partition("/api/v1")[2].partition(">")[0]
            return [path, behind.replace("limit=1", "limit=50")]
    return [path]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("question", FILTERS)
def test_a_list_of_tasks_reads_at_most_what_its_reader_may_see(
    explainer: Explainer, reader: Person, question: str, sort: str
) -> None:
    for path in pages(reader, f"/tasks?sort={sort}&{question}"):
        assert not wasteful(explainer.plans(reader, path), BOTH * (OWN_TASKS + OWN_SCOPES))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("question", FILTERS)
def test_a_list_of_a_projects_tasks_reads_at_most_those(
    explainer: Explainer, reader: Person, project_id: str, question: str, sort: str
) -> None:
    for path in pages(reader, f"/tasks?sort={sort}&project_id={project_id}&{question}"):
        assert not wasteful(explainer.plans(reader, path), BOTH * OWN_TASKS_OF_A_PROJECT + 1)


@pytest.mark.parametrize(
    ("question", "sort"),
    [("", sort) for sort in SORTS] + [("due_before=2026-03-01T00:00:00Z", "due_at")],
)
def test_an_index_gives_a_page_of_each_scope_in_order(
    explainer: Explainer, reader: Person, question: str, sort: str
) -> None:
    for path in pages(reader, f"/tasks?sort={sort}&{question}"):
        assert not wasteful(explainer.plans_in_order(reader, path), OWN_SCOPES * (PAGE + 1))


def test_a_page_of_tasks_is_planned_once(explainer: Explainer, reader: Person) -> None:
    for path in pages(reader, "/tasks?limit=20"):
        assert not explainer.planned_anew(reader, path)


@pytest.mark.parametrize("sort", ENTRY_SORTS)
@pytest.mark.parametrize("question", [*ENTRY_FILTERS, "task_id={task}"])
@pytest.mark.parametrize("scope", ["", "&project_id={project}"])
def test_a_list_of_time_reads_at_most_that_of_the_person_or_project(
    explainer: Explainer,
    reader: Person,
    project_id: str,
    task: Record,
    scope: str,
    question: str,
    sort: str,
) -> None:
    template = f"/time-entries?sort={sort}{scope}&{question}"
    for path in pages(reader, template.format(project=project_id, task=task["id"])):
        assert not wasteful(explainer.plans(reader, path), BOTH * OWN_ENTRIES)


@pytest.mark.parametrize("sort", ENTRY_SORTS)
@pytest.mark.parametrize("question", ENTRY_FILTERS)
@pytest.mark.parametrize("scope", ["", "&project_id={project}"])
def test_an_index_gives_a_page_of_time_in_order(
    explainer: Explainer, reader: Person, project_id: str, scope: str, question: str, sort: str
) -> None:
    template = f"/time-entries?sort={sort}{scope}&{question}"
    for path in pages(reader, template.format(project=project_id)):
        assert not wasteful(explainer.plans_in_order(reader, path), PAGE + 1)


def test_the_time_of_one_person_in_a_project_is_read_from_either(
    explainer: Explainer, reader: Person, project_id: str
) -> None:
    path = f"/time-entries?project_id={project_id}&user_id={reader.id}"
    most_rows = BOTH * (OWN_ENTRIES + ENTRIES_OF_A_PROJECT)
    assert not wasteful(explainer.plans(reader, path), most_rows)


@pytest.mark.parametrize("template", OF_TASKS)
def test_an_index_gives_a_page_of_items_or_comments_in_order(
    explainer: Explainer, reader: Person, task: Record, template: str
) -> None:
    for path in pages(reader, template.format(task=task["id"])):
        plans = explainer.plans_in_order(reader, path)
        assert not wasteful(plans, PAGE + BOTH)


@pytest.mark.parametrize("template", [*OF_TASKS, *OF_TASKS_FILTERED])
def test_a_list_of_items_or_comments_reads_at_most_those(
    explainer: Explainer, reader: Person, task: Record, template: str
) -> None:
    for path in pages(reader, template.format(task=task["id"])):
        assert not wasteful(explainer.plans(reader, path), OF_ONE_LIST + BOTH)


@pytest.mark.parametrize("template", ["/items?", "/items?task_id={task}"])
def test_moving_an_item_reads_those_around_it(
    explainer: Explainer, reader: Person, task: Record, template: str
) -> None:
    found = ids(reader.get(f"{template.format(task=task['id'])}&limit=200"))
    move = {"after_id": found[100]}
    plans = explainer.plans_of_patch(reader, f"/items/{found[0]}", move)
    assert any("(items.position, items.id) >" in plan.statement for plan in plans)
    assert not wasteful(plans, OF_THE_SESSION)


def test_moving_a_task_reads_those_around_it(
    explainer: Explainer, reader: Person, project_id: str
) -> None:
    found = ids(reader.get(f"/tasks?project_id={project_id}&sort=position&limit=3"))
    plans = explainer.plans_of_post(reader, f"/tasks/{found[0]}/move", {"after_id": found[1]})
    assert any("(tasks.position, tasks.id) >" in plan.statement for plan in plans)
    assert not wasteful(plans, 1 + BOTH * OWN_SCOPES)


@pytest.mark.parametrize("field", ["parent_id", "blocked_by"])
def test_a_change_of_the_graph_reads_what_hangs_together(
    explainer: Explainer, reader: Person, project_id: str, field: str
) -> None:
    one, other = ids(reader.get(f"/tasks?project_id={project_id}&limit=2"))
    value = other if field == "parent_id" else [other]
    plans = explainer.plans_of_patch(reader, f"/tasks/{one}", {field: value})
    assert any("WITH RECURSIVE" in plan.statement for plan in plans)
    assert not wasteful(plans, 1 + BOTH * OWN_SCOPES)
    for path in pages(reader, f"/tasks?{field}={other}"):
        assert not wasteful(explainer.plans(reader, path), BOTH * (OWN_TASKS + OWN_SCOPES))


def test_an_index_gives_a_page_of_the_history_of_a_task(
    explainer: Explainer, reader: Person, task: Record
) -> None:
    for path in pages(reader, f"/tasks/{task['id']}/history?"):
        assert not wasteful(explainer.plans(reader, path), BOTH * PAGE + BOTH * OWN_SCOPES)


def test_who_waits_for_a_task_is_found_by_an_index(explainer: Explainer, task: Record) -> None:
    assert not wasteful(explainer.plans_of(db.prepare(WAITING), ids=[task["id"]]), BOTH)


@pytest.mark.parametrize("labels", [[], ["often"], ["sometimes"], ["seldom"], ["never"]])
@pytest.mark.parametrize("in_project", [{}, {"project_id": "{project}"}])
def test_a_claim_reads_the_best_of_each_project(
    explainer: Explainer,
    agent: Person,
    project_id: str,
    labels: list[str],
    in_project: dict[str, str],
) -> None:
    body = {name: value.format(project=project_id) for name, value in in_project.items()}
    plans = explainer.plans_of_post(agent, "/agents/me/claim", body | {"labels": labels})
    assert any("SKIP LOCKED" in plan.statement for plan in plans)
    assert not wasteful(plans, BY_LABEL * OWN_SCOPES * (WINDOWS[0] + BOTH))
    for lease_id in ids(agent.get("/leases?agent=me&status=active")):
        done(agent.post(f"/leases/{lease_id}/release"))


@pytest.mark.parametrize("question", ["", "project_id={project}"])
def test_the_trash_reads_at_most_what_its_reader_may_see(
    explainer: Explainer, reader: Person, project_id: str, question: str
) -> None:
    for path in pages(reader, f"/trash?{question.format(project=project_id)}"):
        assert not wasteful(explainer.plans(reader, path), OWN_OPERATIONS + BOTH * OWN_SCOPES)


@pytest.mark.parametrize("question", ["", "project_id={project}"])
def test_an_index_gives_a_page_of_the_trash_of_each_scope_in_order(
    explainer: Explainer, reader: Person, project_id: str, question: str
) -> None:
    for path in pages(reader, f"/trash?{question.format(project=project_id)}"):
        most_rows = (OWN_SCOPES + 1) * (PAGE + 1)
        assert not wasteful(explainer.plans_in_order(reader, path), most_rows)


@pytest.mark.parametrize("question", NAMING_A_TASK)
def test_what_names_a_task_that_is_deleted_for_good_is_found_by_index(
    database: str, task: Record, question: LiteralString
) -> None:
    plan = [row["QUERY PLAN"] for row in rows(database, f"EXPLAIN {question}", task)]
    assert not [line for line in plan if "Seq Scan" in line]


@pytest.mark.parametrize("grouping", [*GROUPINGS, *SPLIT])
@pytest.mark.parametrize(
    "scope", ["", "&project_id={project}", "&project_id={project}&include=agents"]
)
def test_a_report_reads_the_entries_of_its_range(
    explainer: Explainer, reader: Person, project_id: str, grouping: str, scope: str
) -> None:
    path = f"/reports/time?from=2026-02-01&to=2026-03-01&group_by={grouping}{scope}"
    plans = explainer.plans(reader, path.format(project=project_id))
    with_names = 2 * ENTRIES_OF_A_MONTH
    assert not wasteful(plans, BOTH * with_names)


@pytest.mark.parametrize(
    ("path", "most_rows"),
    [
        ("/tasks/{task}", 1 + BOTH * OWN_SCOPES),
        ("/items/{item}", 2 + BOTH * OWN_SCOPES),
        ("/comments/{comment}", 2 + BOTH * OWN_SCOPES),
        ("/timer", OF_THE_SESSION),
        ("/users/me", OF_THE_SESSION),
        ("/agents?limit=50", BOTH * (BOTH + 1) * MEMBERS * OWN_SCOPES),
        ("/agents?owner=me", BOTH * (BOTH + 1) * MEMBERS * OWN_SCOPES),
        ("/agents?project_id={project}&search=builder", BOTH * (BOTH + 1) * MEMBERS),
        ("/projects?limit=50", (BOTH + 1) * OWN_SCOPES),
        ("/projects?search=project", (BOTH + 1) * OWN_SCOPES),
        ("/projects/{project}", 2),
        ("/projects/{project}/members", (BOTH + 1) * MEMBERS),
        ("/rooms/project:{project}/events?since=900&limit=50", 50),
    ],
)
@pytest.mark.usefixtures("busy_room")  # who is present is in a table of many rows, too
def test_everything_else_reads_what_it_shows(
    explainer: Explainer, reader: Person, project_id: str, task: Record, path: str, most_rows: int
) -> None:
    known = {"project": project_id, "task": task["id"]}
    (known["item"],) = ids(reader.get(f"/items?task_id={task['id']}&limit=1"))
    (known["comment"],) = ids(reader.get(f"/tasks/{task['id']}/comments?limit=1"))
    assert not wasteful(explainer.plans(reader, path.format(**known)), most_rows)


def test_who_sends_a_request_is_found_by_keys(explainer: Explainer, reader: Person) -> None:
    log_in(reader)
    plans = explainer.plans(reader, "/users/me")
    assert any("sessions" in plan.statement for plan in plans)
    assert not wasteful(plans, OF_THE_SESSION)


def test_overlaps_are_looked_for_in_the_index_that_forbids_them(
    explainer: Explainer, reader: Person
) -> None:
    body = {"started_at": "2030-01-01T09:00:00Z", "ended_at": "2030-01-01T10:00:00Z"}
    plans = explainer.plans_of_post(reader, "/time-entries", body)
    assert any("numrange" in plan.statement for plan in plans)
    assert not wasteful(plans, OF_THE_SESSION)


@pytest.mark.parametrize("look", [DUE_SOON, OVERDUE, LONG_TIMERS])
@pytest.mark.usefixtures("reader")
def test_a_look_for_what_is_due_reads_what_is_to_be_told(explainer: Explainer, look: str) -> None:
    plans = explainer.plans_of(db.prepare(text(look)), portion=50)
    assert not wasteful(plans, 10 * 50)


@pytest.fixture(scope="module")
def busy_room(reader: Person, database: str) -> Record:
    """A project in which agents are at work, and how many are there."""
    assert reader.id  # everything else is there already
    put_agents_to_work(database)
    query = """
        SELECT project_id::text AS id, array_agg(agent_id::text) AS agents,
               array_agg(id::text) AS leases
        FROM leases
        WHERE ended_at IS NULL AND 'project:' || project_id IN (SELECT room FROM presences)
        GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
    """
    (room,) = rows(database, query)
    assert len(room["agents"]) >= AT_WORK_IN_A_ROOM
    return room


def test_presence_reads_who_is_there(explainer: Explainer, busy_room: Record) -> None:
    room = f"project:{busy_room['id']}"
    read = db.prepare(WHO_IS_PRESENT)
    plans = explainer.plans_of(read, rooms=[room], project_ids=[busy_room["id"]])
    assert not wasteful(plans, ROWS_OF_SOMEBODY_PRESENT * len(busy_room["agents"]))


def test_the_states_of_agents_are_read_from_what_each_does(
    explainer: Explainer, busy_room: Record
) -> None:
    agents, leases = busy_room["agents"], busy_room["leases"]
    plans = explainer.plans_of(db.prepare(OF_AGENTS), ids=agents)
    assert not wasteful(plans, ROWS_OF_A_STATE * len(agents))
    plans = explainer.plans_of(db.prepare(BY_ID), agent_ids=agents, lease_ids=leases)
    assert not wasteful(plans, ROWS_OF_A_STATE * (len(agents) + len(leases)))


def test_what_an_agent_holds_is_read_without_what_it_has_held(
    explainer: Explainer, reader: Person, busy_room: Record
) -> None:
    plans = explainer.plans_of(db.prepare(HELD), agent_id=busy_room["agents"][0], me=reader.id)
    assert not wasteful(plans, ROWS_OF_A_STATE)


@pytest.mark.usefixtures("app")
def test_no_statement_is_compiled_before_it_runs() -> None:
    assert db.reading(lambda: run(db, "SHOW jit")) == "off"


@pytest.fixture(scope="module")
def much_done(project_id: str, task: Record, busy_room: Record, database: str) -> Record:
    """A project in which one agent has done very much and another nothing."""
    agent, other, *_ = busy_room["agents"]
    rows(database, MUCH_DONE, {"agent": agent, "project": project_id})
    rows(database, "VACUUM ANALYZE leases")
    return {"project": project_id, "agent": agent, "other": other, "task": task["id"]}


@pytest.mark.parametrize("question", LEASE_FILTERS)
@pytest.mark.parametrize("scope", ["project_id={project}", ""])
def test_a_list_of_leases_reads_a_page_of_each_project(
    explainer: Explainer, reader: Person, much_done: Record, scope: str, question: str
) -> None:
    path = f"/leases?{scope}{question}".format(**much_done)
    plans = explainer.plans_in_order(reader, path)
    if question:  # such lists are planned for what is asked
        plans = [plan for plan in plans if plan.mode == "force_custom_plan"]
    assert any("leases" in plan.statement for plan in plans)
    assert not wasteful(plans, 2 * PAGE + OWN_SCOPES)
