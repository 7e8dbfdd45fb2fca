"""HTTP as the API speaks it: problems, request ids, methods, versions and what is refused."""

from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api import create_app
from tests.api.access_world import Guests, Ids, Parts, ask, make_agent, people, promote
from tests.api.rights import RIGHTS, contracts
from tests.cases import for_each
from tests.factories import Person

READS = [
    route
    for route, rights in RIGHTS.items()
    if route.startswith("GET") and rights.in_project[-1] == 200
]
# What only the holder of a lease may do is in test_leases.py.
SINGLE = [
    route
    for route, contract in contracts().items()
    if contract.has_version and not route.startswith("POST /leases/")
]
SINGLE_READS = [route for route in SINGLE if route.startswith("GET")]
WITH_BODY = [route for route, contract in contracts().items() if contract.takes("body")]
CHANGES = [route for route, contract in contracts().items() if contract.takes("if_match")]
NOT_NULL = [
    (route, name)
    for route in CHANGES
    if contracts()[route].takes("body")
    for name, schema in contracts()[route]
    .parameters["body"]
    .model_json_schema()["properties"]
    .items()
    if {"type": "null"} not in schema.get("anyOf", [])
]


@pytest.fixture(scope="module")
def owner(humans: Guests) -> Person:
    return humans.by_role["owner"]


@pytest.fixture(scope="module")
def humans(app: Flask, database: str) -> Guests:
    """People, of whom the owner may ask for everything: is an administrator as well."""
    guests = people(app)
    promote(database, guests.by_role["owner"])
    return guests


@pytest.fixture(scope="module")
def ids(humans: Guests) -> Ids:
    """Things of the owner, which no test here changes."""
    return humans.project().complete()


def assert_problem(answer: TestResponse, status: int, code: str) -> None:
    """It is a problem of RFC 9457, with everything that ours have."""
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.mimetype == "application/problem+json"
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert len(problem["detail"]) > 20


def fields(answer: TestResponse) -> list[str]:
    """Which parts of the input a problem names."""
    return [error["field"] for error in answer.get_json()["errors"]]


def with_query(parts: Parts, question: str) -> Parts:
    """The same request with something added to its query."""
    return parts | {"query_string": f"{parts.get('query_string', '')}&{question}".lstrip("&")}


# Problems


@pytest.mark.parametrize("path", ["/nowhere", "/tasks/1", "/tasks/nowhere/else", "//tasks"])
def test_an_unknown_address_is_a_problem(alice: Person, path: str) -> None:
    assert_problem(alice.get(path), 404, "not_found")


def test_an_unknown_address_outside_the_api_is_a_problem(alice: Person) -> None:
    assert_problem(alice.client.get("/nowhere"), 404, "not_found")


def test_an_id_in_upper_case_leads_nowhere(owner: Person, ids: Ids) -> None:
    assert_problem(owner.get(f"/tasks/{ids['task_id'].upper()}"), 404, "not_found")


@pytest.mark.parametrize("path", ["/tasks/{task_id}%0A", "/rooms/{room}%0A/events"])
def test_an_id_followed_by_a_line_break_leads_nowhere(owner: Person, ids: Ids, path: str) -> None:
    assert_problem(owner.get(path.format(**ids)), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(alice: Person, method: str) -> None:
    answer = alice.send(method, "/tasks", headers={})
    assert_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_a_defect_is_a_problem_that_tells_nothing_of_it() -> None:
    def crash() -> str:
        raise RuntimeError("canary")

    app = create_app()
    app.add_url_rule("/crash", view_func=crash)
    answer = app.test_client().get("/crash")
    assert_problem(answer, 500, "internal_error")
    assert "canary" not in answer.text


# Request ids and clients


def test_every_answer_has_a_request_id_of_its_own(alice: Person) -> None:
    answers = [alice.get("/tasks"), alice.get("/users/me", If_None_Match="*")]
    answers += [alice.get("/nowhere"), alice.post("/auth/logout")]
    assert [answer.status_code for answer in answers] == [200, 304, 404, 204]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 4


@pytest.mark.parametrize("client_id", ["x" * 65, "caf\xe9", "a\tb"])
def test_a_client_id_that_does_not_fit_is_refused(alice: Person, client_id: str) -> None:
    answer = alice.get("/tasks", X_Client_Id=client_id)
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == ["header.X-Client-Id"]


@pytest.mark.parametrize(("client_id", "noted"), [("x" * 64, "x" * 64), ("", None)])
def test_a_change_is_noted_with_its_client(
    alice: Person, client_id: str, noted: str | None
) -> None:
    alice.post("/tasks", {"title": "Write"}, X_Client_Id=client_id)
    events = alice.get(f"/rooms/user:{alice.id}/events").get_json()
    assert events[-1]["client_id"] == noted


def test_a_client_is_forgotten_after_its_request(alice: Person) -> None:
    alice.post("/tasks", {"title": "Write"}, X_Client_Id="laptop")
    alice.post("/tasks", {"title": "Write"})
    events = alice.get(f"/rooms/user:{alice.id}/events").get_json()
    assert [event["client_id"] for event in events[-2:]] == ["laptop", None]


# HEAD


@for_each("route", READS)
def test_head_is_get_without_the_body(owner: Person, ids: Ids, route: str) -> None:
    read = ask(owner, route, ids, RIGHTS[route].parts)
    head = ask(owner, route.replace("GET", "HEAD"), ids, RIGHTS[route].parts)
    assert (head.status_code, head.data) == (200, b"")
    headers, expected = without_id(head), without_id(read)
    if contracts()[route].is_file:  # made anew for each, and seldom of one size
        assert headers.pop("Content-Length") > "0" < expected.pop("Content-Length")
    assert headers == expected


@pytest.mark.parametrize("path", ["/nowhere", "/users/me?unknown=1"])
def test_the_head_of_a_problem_is_that_of_get(alice: Person, path: str) -> None:
    read, head = alice.get(path), alice.send("HEAD", path, headers={})
    assert (head.status_code, head.data) == (read.status_code, b"")
    assert without_id(head) == without_id(read)


def without_id(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


# Versions


@pytest.fixture(scope="module")
def operators(app: Flask, database: str) -> Guests:
    """People, of whom the owner administers the installation."""
    guests = people(app)
    promote(database, guests.by_role["owner"])
    return guests


@for_each("route", SINGLE)
def test_a_single_resource_carries_its_version_as_etag(operators: Guests, route: str) -> None:
    answer = ask(operators.host, route, operators.project(), RIGHTS[route].parts)
    assert answer.status_code in (200, 201), answer.text
    assert answer.headers["ETag"] == f'"v{answer.get_json()["version"]}"'


@pytest.mark.parametrize("seen", ['"v1"', 'W/"v1"', '"v7", "v1"', "*"])
@for_each("route", SINGLE_READS)
def test_a_version_that_was_seen_is_not_sent_again(
    owner: Person, ids: Ids, route: str, seen: str
) -> None:
    answer = ask(owner, route, ids, RIGHTS[route].parts, If_None_Match=seen)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == '"v1"'


@pytest.mark.parametrize("seen", ['"v2"', '"v11"', "v1", ""])
@for_each("route", SINGLE_READS)
def test_a_version_that_was_not_seen_is_sent(
    owner: Person, ids: Ids, route: str, seen: str
) -> None:
    answer = ask(owner, route, ids, RIGHTS[route].parts, If_None_Match=seen)
    assert (answer.status_code, answer.get_json()["version"]) == (200, 1)


@for_each("route", CHANGES)
def test_a_change_of_another_version_is_refused_and_shows_the_current_one(
    owner: Person, ids: Ids, route: str
) -> None:
    answer = ask(owner, route, ids, RIGHTS[route].parts, If_Match='"v2"')
    assert_problem(answer, 412, "version_mismatch")
    assert answer.get_json()["current"]["version"] == 1


def test_an_agent_who_names_no_version_is_told_so(alice: Person) -> None:
    agent = make_agent(alice)
    assert_problem(agent.patch("/users/me", {"name": "R"}), 428, "if_match_required")


# Unknown, doubled and null input


# Providers send browsers back with what they please.
@for_each("route", [route for route in RIGHTS if "/callback" not in route])
def test_an_unknown_query_parameter_is_refused(owner: Person, ids: Ids, route: str) -> None:
    parts = with_query(RIGHTS[route].parts(ids), "stauts=pending")
    answer = ask(owner, route, ids, lambda _: parts)
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == ["query.stauts"]


@for_each("route", [route for route in READS if contracts()[route].takes("query")])
def test_a_doubled_query_parameter_is_refused(owner: Person, ids: Ids, route: str) -> None:
    parts = with_query(RIGHTS[route].parts(ids), "limit=1&limit=2")
    answer = ask(owner, route, ids, lambda _: parts)
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == ["query.limit"]


@for_each("route", WITH_BODY)
def test_an_unknown_member_of_a_body_is_refused(owner: Person, ids: Ids, route: str) -> None:
    body = RIGHTS[route].parts(ids)["json"] | {"unknown": 1}
    answer = ask(owner, route, ids, lambda _: {"json": body})
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == ["body.unknown"]


def test_an_unknown_part_of_a_form_is_refused(owner: Person, ids: Ids) -> None:
    parts = RIGHTS["POST /imports"].parts(ids)
    parts["data"]["unknown"] = "1"
    answer = ask(owner, "POST /imports", ids, lambda _: parts)
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == ["form.unknown"]


@for_each("route,name", NOT_NULL)
def test_null_is_no_value_for_what_cannot_be_absent(
    owner: Person, ids: Ids, route: str, name: str
) -> None:
    answer = ask(owner, route, ids, lambda _: {"json": {name: None}})
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer) == [f"body.{name}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("title", 1), ("labels", "a,b"), ("labels", [1]), ("due_at", 1_700_000_000), ("status", True)],
)
def test_a_value_of_another_type_is_not_converted(alice: Person, name: str, value: Any) -> None:
    answer = alice.post("/tasks", {"title": "Write", name: value})
    assert_problem(answer, 422, "invalid_input")
    assert fields(answer)[0].startswith(f"body.{name}")
