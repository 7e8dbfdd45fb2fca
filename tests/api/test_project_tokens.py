"""API tokens that are limited to one project: nothing else exists for them.

The owner of two projects has one for the first of them. Every route is asked about both, and
about what is the owner's alone.
"""

import re
from collections.abc import Callable, Collection

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from models.principal import Principal
from models.scope import Scope
from services.project_limit_service import SCOPES, Named, project_limit_service
from tests.api.access_world import Guests, Ids, ask, people
from tests.api.rights import RIGHTS, contracts
from tests.factories import Person, with_token
from tests.records import (
    Record,
    done,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
)
from tests.sql import rows

SCOPED = [route for route, contract in contracts().items() if isinstance(contract.access, Scope)]
CONFINED = [route for route, contract in contracts().items() if contract.within]
PERSONAL = [route for route in SCOPED if RIGHTS[route].personal is not None]

REFUSALS = {(403, "project_limited"), (404, "not_found")}


@pytest.fixture(scope="module")
def humans(app: Flask) -> Guests:
    return people(app)


@pytest.fixture(scope="module")
def here(humans: Guests) -> Ids:
    """What is in the project of the token."""
    return humans.project()


@pytest.fixture(scope="module")
def elsewhere(humans: Guests) -> Ids:
    """What is in another project of the same owner."""
    return humans.project()


@pytest.fixture(scope="module")
def alone(humans: Guests) -> Ids:
    """What is the owner's alone."""
    return humans.personal()


@pytest.fixture(scope="module")
def owner(humans: Guests) -> Person:
    return humans.host


@pytest.fixture(scope="module")
def robot(owner: Person, here: Ids) -> Person:
    """The owner, with a token of all scopes for the one project."""
    return with_token(owner, project_id=here["project_id"])


# Every route


def let_in(robot: Person, ids: Ids, routes: list[str]) -> dict[str, str]:
    """Return what is not refused although it is about something outside."""
    answers = {route: ask(robot, route, ids, RIGHTS[route].parts) for route in routes}
    return {each: answer.text for each, answer in answers.items() if not is_refused(answer)}


def is_refused(answer: TestResponse) -> bool:
    return answer.status_code >= 400 and refusal(answer) in REFUSALS


def test_another_project_does_not_exist(robot: Person, elsewhere: Ids) -> None:
    assert let_in(robot, elsewhere, SCOPED) == {}


def test_what_is_the_owner_s_alone_does_not_exist(robot: Person, alone: Ids) -> None:
    assert let_in(robot, alone, PERSONAL) == {}


def test_who_names_no_project_gets_nothing(robot: Person) -> None:
    unfit = {(422, "invalid_input"), (415, "unsupported_media_type")}
    for route in (route for route in SCOPED if "<" not in route):
        answer = ask(robot, route, {}, lambda _: {})
        assert refusal(answer) in REFUSALS | unfit, route


@pytest.mark.parametrize("route", SCOPED)
def test_in_its_project_it_may_do_what_is_proven_to_stay_there(
    humans: Guests, owner: Person, robot: Person, here: Ids, route: str
) -> None:
    ids = here
    if route in CONFINED and not route.startswith("GET"):
        ids = humans.project()
        robot = with_token(owner, project_id=ids["project_id"])
    answer = ask(robot, route, ids, RIGHTS[route].parts)
    if route in CONFINED:
        assert answer.status_code == RIGHTS[route].in_project[4], answer.text
    else:
        assert refusal(answer) == (403, "project_limited")
        assert "use another token" in answer.get_json()["detail"]


def test_what_a_route_is_about_can_be_found_out() -> None:
    for route in CONFINED:
        contract = contracts()[route]
        models = [contract.parameters[kind] for kind in ("body", "query") if contract.takes(kind)]
        fields = {name for model in models for name in model.model_fields}
        for name in contract.within:
            assert name in SCOPES or name in ("project_id", "room"), route
            assert f":{name}>" in route or f"<{name}>" in route or name in fields, route


def test_a_route_is_about_everything_that_its_path_names() -> None:
    """But for members, who are nowhere apart from a project."""
    for route in CONFINED:
        named = set(re.findall(r"<(?:\w+:)?(\w+)>", route))
        assert named - {"user_id"} <= set(contracts()[route].within), route


# Requests about both


Crossing = Callable[[Ids, Ids], tuple[str, str, Record]]

CROSSINGS: dict[str, Crossing] = {
    "a task moves away": lambda here, there: (
        "POST", f"/tasks/{here['task_id']}/move", {"project_id": there["project_id"]}
    ),
    "a task becomes personal": lambda here, _: (
        "POST", f"/tasks/{here['task_id']}/move", {"project_id": None}
    ),
    "a task comes": lambda here, there: (
        "POST", f"/tasks/{there['task_id']}/move", {"project_id": here["project_id"]}
    ),
    "a task goes under one of elsewhere": lambda here, there: (
        "POST", f"/tasks/{here['task_id']}/move", {"parent_id": there["task_id"]}
    ),
    "a task goes before one of elsewhere": lambda here, there: (
        "POST", f"/tasks/{here['task_id']}/move", {"before_id": there["task_id"]}
    ),
    "a task waits for one of elsewhere": lambda here, there: (
        "PATCH", f"/tasks/{here['task_id']}", {"blocked_by": [there["task_id"]]}
    ),
    "a new task is a part of one of elsewhere": lambda here, there: (
        "POST",
        "/tasks",
        {"title": "A", "project_id": here["project_id"], "parent_id": there["task_id"]},
    ),
    "a line becomes a task of elsewhere": lambda here, there: (
        "POST", f"/items/{here['item_id']}/promote", {"project_id": there["project_id"]}
    ),
    "a line goes before one of elsewhere": lambda here, there: (
        "PATCH", f"/items/{here['item_id']}", {"before_id": there["item_id"]}
    ),
    "time moves to a task of elsewhere": lambda here, there: (
        "PATCH", f"/time-entries/{here['entry_id']}", {"task_id": there["task_id"]}
    ),
    "time moves to another project": lambda here, there: (
        "PATCH", f"/time-entries/{here['entry_id']}", {"project_id": there["project_id"]}
    ),
    "time becomes personal": lambda here, _: (
        "PATCH", f"/time-entries/{here['entry_id']}", {"project_id": None, "task_id": None}
    ),
}  # fmt: skip


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_nothing_is_brought_into_or_out_of_the_project(
    owner: Person, robot: Person, here: Ids, elsewhere: Ids, crossing: str
) -> None:
    paths = [
        f"/{kind}/{ids[name]}"
        for kind, name in (("tasks", "task_id"), ("items", "item_id"), ("time-entries", "entry_id"))
        for ids in (here, elsewhere)
    ]
    before = [done(owner.get(path)) for path in paths]
    method, path, body = CROSSINGS[crossing](here, elsewhere)
    answer = robot.send(method, path, json=body, headers={})
    assert answer.status_code in (400, 403, 404), answer.text
    assert [done(owner.get(path)) for path in paths] == before


@pytest.mark.parametrize(
    ("inside", "outside"), [("task_id", "project_id"), ("project_id", "task_id")]
)
def test_time_is_recorded_only_where_all_that_it_names_is_inside(
    robot: Person, here: Ids, elsewhere: Ids, inside: str, outside: str
) -> None:
    span = {"started_at": "2026-03-02T09:00:00Z", "ended_at": "2026-03-02T10:00:00Z"}
    body = span | {"allow_overlap": True, inside: here[inside], outside: elsewhere[outside]}
    assert refusal(robot.post("/time-entries", body)) == (404, "not_found")
    assert done(robot.post("/time-entries", body | {outside: None}))[inside] == here[inside]


def test_a_filter_on_elsewhere_finds_nothing(robot: Person, here: Ids, elsewhere: Ids) -> None:
    path = f"/tasks?project_id={here['project_id']}"
    assert done(robot.get(f"{path}&parent_id={elsewhere['task_id']}")) == []
    assert done(robot.get(f"{path}&blocked_by={elsewhere['task_id']}")) == []


def test_a_conflict_does_not_tell_of_time_spent_elsewhere(alice: Person) -> None:
    project = make_project(alice)
    entry = make_entry(alice)
    robot = with_token(alice, project_id=project["id"])
    body = {name: entry[name] for name in ("started_at", "ended_at")}
    answer = robot.post("/time-entries", body | {"project_id": project["id"]})
    assert refusal(answer) == (409, "time_overlap")
    assert entry["id"] not in answer.text


@pytest.mark.parametrize("is_personal", [True, False])
def test_no_answer_of_elsewhere_is_replayed(
    alice: Person, project: Record, *, is_personal: bool
) -> None:
    robot = with_token(alice, project_id=project["id"])
    place = {} if is_personal else {"project_id": make_project(alice)["id"]}
    key = f"replay-{alice.id}"
    done(alice.post("/tasks", {"title": "Secret"} | place, Idempotency_Key=key))
    answer = robot.post("/tasks", {"title": "Secret"} | place, Idempotency_Key=key)
    assert refusal(answer) in REFUSALS


def test_no_answer_about_what_has_left_is_replayed(alice: Person, project: Record) -> None:
    robot, task = with_token(alice, project_id=project["id"]), make_task(alice, **within(project))
    path, key = f"/tasks/{task['id']}", f"left-{alice.id}"
    done(robot.patch(path, {"title": "Draft"}, Idempotency_Key=key))
    done(robot.patch(path, {"title": "Draft"}, Idempotency_Key=key))
    done(alice.post(f"{path}/move", {"project_id": None}))
    assert refusal(robot.patch(path, {"title": "Draft"}, Idempotency_Key=key)) == (404, "not_found")


def within(project: Record) -> Record:
    return {"project_id": project["id"]}


# What changes its place


def test_what_moves_out_is_gone_and_what_moves_in_is_there(alice: Person, project: Record) -> None:
    robot, other = with_token(alice, project_id=project["id"]), make_project(alice)
    task = make_task(alice, **within(other))
    item = make_item(alice, task_id=task["id"])
    paths = [f"/tasks/{task['id']}", f"/items/{item['id']}"]
    assert [robot.get(path).status_code for path in paths] == [404, 404]
    done(alice.post(f"/tasks/{task['id']}/move", within(project)))
    assert [robot.get(path).status_code for path in paths] == [200, 200]
    done(alice.post(f"/tasks/{task['id']}/move", within(other)))
    assert [robot.get(path).status_code for path in paths] == [404, 404]


def test_who_stays_behind_is_not_told_what_became_of_what_left(
    alice: Person, bob: Person, project: Record
) -> None:
    """Nor where it is: its new note and rate are for those who are there."""
    done(alice.post(f"/projects/{project['id']}/members", {"user_id": bob.id, "role": "viewer"}))
    task, entry = make_task(alice, **within(project)), make_entry(alice, **within(project))
    rate = {"billable": True, "hourly_rate_minor": 9900, "currency": "EUR"}
    secret = make_project(alice, settings=rate)
    moved = done(alice.patch(f"/time-entries/{entry['id']}", within(secret) | {"note": "Layoffs"}))
    assert (moved["rate_minor"], moved["note"]) == (9900, "Layoffs")
    done(alice.post(f"/tasks/{task['id']}/move", within(secret)))
    for reader in (bob, with_token(alice, project_id=project["id"])):
        *_, first, second = done(reader.get(f"/rooms/project:{project['id']}/events"))
        assert [first["type"], second["type"]] == ["time_entry.moved", "task.moved"]
        assert first["data"] == {"id": entry["id"], "version": moved["version"]}
        assert second["data"] == {"id": task["id"], "version": 2}


def test_the_limit_gives_no_rights(alice: Person, bob: Person, project: Record) -> None:
    """It takes away from what the user may: who is no member any more sees nothing."""
    done(alice.post(f"/projects/{project['id']}/members", {"user_id": bob.id, "role": "viewer"}))
    robot = with_token(bob, project_id=project["id"])
    path = f"/projects/{project['id']}"
    assert done(robot.get(path))["role"] == "viewer"
    assert refusal(robot.patch(path, {"name": "Mine"})) == (403, "forbidden")
    done(alice.delete(f"{path}/members/{bob.id}"))
    assert refusal(robot.get(path)) == (404, "not_found")


@pytest.mark.parametrize("headers", [{}, {"If_Match": '"v7"'}])
def test_what_moved_out_while_it_was_changed_stays_as_it_was(
    alice: Person,
    project: Record,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    """The second look, behind the locks of the change, is the one that counts; also for a 412."""
    robot, other = with_token(alice, project_id=project["id"]), make_project(alice)
    task = make_task(alice, **within(project))
    check, looks = project_limit_service.check, []

    def look_and_move(principal: Principal, named: Collection[Named]) -> None:
        check(principal, named)
        looks.append(named)
        if len(looks) == 1:
            move = "UPDATE tasks SET project_id = %(project)s WHERE id = %(id)s"
            rows(database, move, {"project": other["id"], "id": task["id"]})

    monkeypatch.setattr(project_limit_service, "check", look_and_move)
    answer = robot.patch(f"/tasks/{task['id']}", {"title": "Changed"}, **headers)
    assert refusal(answer) == (404, "not_found")
    assert len(looks) == 1
    assert done(alice.get(f"/tasks/{task['id']}"))["title"] == task["title"]
