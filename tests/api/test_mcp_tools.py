"""What tools say of themselves, and how they do once what REST does once."""

import json
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from api.contract import Access, ContractError, View
from api.endpoint import endpoint
from api.mcp.procedure import Procedure
from api.mcp.tools import TABLE
from models.principal import Principal
from models.scope import Scope
from models.task import Task, TaskCreate, TaskUpdate
from tests.api.access_world import make_agent
from tests.api.conftest import Limiting
from tests.api.tool_calls import ARGUMENTS, READING, ROUTES
from tests.factories import Person, add_member, with_token
from tests.mcp import BATCHING, call, content, error, post, problem, request, result, stateless
from tests.records import Record, done, make_project, make_task, refusal

KEY = "stint/idempotency-key"
PING = request("ping")


@pytest.fixture
def tools(alice: Person) -> dict[str, Record]:
    """All tools as they are listed."""
    listed = result(post(alice, request("tools/list")))["tools"]
    return {tool["name"]: tool for tool in listed}


# Descriptions


@pytest.mark.parametrize("kind", ["inputSchema", "outputSchema"])
def test_schemas_are_of_objects(tools: dict[str, Record], kind: str) -> None:
    for tool in tools.values():
        jsonschema_rs.meta.validate(tool[kind])
        assert tool[kind]["type"] == "object"


def test_what_a_tool_is_called_with_fits_its_schema(tools: dict[str, Record]) -> None:
    some_id = "01890a5d-ac96-774b-bcce-b302099a8057"
    ids = dict.fromkeys(("project_id", "task_id", "lease_id"), some_id)
    for name, arguments in ARGUMENTS.items():
        validator = jsonschema_rs.Draft202012Validator(tools[name]["inputSchema"])
        validator.validate(arguments(ids))
        assert not validator.is_valid(arguments(ids) | {"unknown": 1})


def test_arguments_are_those_of_path_query_and_body(tools: dict[str, Record]) -> None:
    changeable = set(TaskUpdate.model_fields)
    expected = {
        "get_task": ({"task_id"}, {"task_id"}),
        "comment": ({"task_id", "body"}, {"task_id", "body"}),
        "heartbeat": ({"lease_id", "progress", "message"}, {"lease_id"}),
        "fail_task": ({"lease_id", "reason", "then"}, {"lease_id", "reason"}),
        "release_task": ({"lease_id"}, {"lease_id"}),
        "create_task": (set(TaskCreate.model_fields), {"title"}),
        "update_task": (changeable | {"task_id", "version"}, {"task_id", "version"}),
    }
    for name, (all_of_them, required) in expected.items():
        schema = tools[name]["inputSchema"]
        assert (set(schema["properties"]), set(schema["required"])) == (all_of_them, required)


def test_search_is_the_list_of_tasks_for_who_looks_for_words(tools: dict[str, Record]) -> None:
    search, listing = tools["search"]["inputSchema"], tools["list_tasks"]["inputSchema"]
    assert set(search["properties"]) == set(listing["properties"])
    assert (search["required"], listing["required"]) == (["search"], [])


def test_a_list_is_an_object_with_its_cursor(tools: dict[str, Record]) -> None:
    schema = tools["list_tasks"]["outputSchema"]
    assert set(schema["properties"]) == {"items", "next_cursor"}
    assert schema["properties"]["items"]["type"] == "array"


def test_people_are_told_what_a_tool_may_do(tools: dict[str, Record]) -> None:
    hints = {name: tool["annotations"] for name, tool in tools.items()}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == READING
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == {"update_task"}
    again = {"create_task", "comment", "log_time", "claim_next_task"}
    assert {name for name, hint in hints.items() if not hint["idempotentHint"]} == again
    assert not any(hint["openWorldHint"] for hint in hints.values())


def test_what_only_reads_is_a_get_and_nothing_else_is(tools: dict[str, Record]) -> None:
    reads = {name for name, tool in tools.items() if tool["annotations"]["readOnlyHint"]}
    assert {name for name, route in ROUTES.items() if route.method == "GET"} == reads


def test_tools_are_listed_in_the_same_order_each_time(app: Flask, alice: Person) -> None:
    listed = [result(post(alice, request("tools/list"))) for _ in range(2)]
    assert listed[0] == listed[1]
    assert [tool["name"] for tool in listed[0]["tools"]] == list(TABLE)


# Answers


def test_a_tool_answers_what_rest_answers(alice: Person) -> None:
    task = make_task(alice, metadata={"order": None, "nested": {"n": 1.5}})
    told = call(alice, "get_task", {"task_id": task["id"]})
    assert told["content"] == [{"type": "text", "text": alice.get(f"/tasks/{task['id']}").text}]
    assert content(told) == task


def test_what_is_null_stays_null(alice: Person) -> None:
    told = content(call(alice, "create_task", {"title": "A", "metadata": {"a": None}}))
    assert (told["metadata"], told["due_at"]) == ({"a": None}, None)


def test_a_change_takes_the_version_that_was_read(alice: Person) -> None:
    task = make_task(alice)
    arguments = {"task_id": task["id"], "title": "New"}
    assert problem(call(alice, "update_task", arguments))["errors"][0]["field"] == (
        "arguments.version"
    )
    assert content(call(alice, "update_task", arguments | {"version": 1}))["version"] == 2
    assert problem(call(alice, "update_task", arguments | {"version": 1}))["status"] == 412


@pytest.mark.parametrize("value", [None, "1", 1.5, True])
def test_a_version_is_a_number(alice: Person, value: Any) -> None:
    arguments = {"task_id": make_task(alice)["id"], "title": "New", "version": value}
    (wrong,) = problem(call(alice, "update_task", arguments))["errors"]
    assert wrong["field"] == "arguments.version"


def test_all_that_is_wrong_is_told_at_once(alice: Person) -> None:
    arguments = {"task_id": "mine", "version": 1, "title": None, "color": 1, "labels": "red"}
    wrong = problem(call(alice, "update_task", arguments))["errors"]
    assert {each["field"].removeprefix("arguments.") for each in wrong} == {
        "task_id",
        "title",
        "color",
        "labels",
    }


def test_rules_among_arguments_hold(alice: Person) -> None:
    told = problem(call(alice, "list_tasks", {"sort": "relevance"}))
    assert "sort=relevance takes a search" in told["errors"][0]["message"]


def test_the_log_tells_who_did_it(alice: Person, project: Record) -> None:
    """As for any client that names itself."""
    params = {"name": "create_task", "arguments": {"title": "A", "project_id": project["id"]}}
    content(result(post(alice, request("tools/call", **params), X_Client_Id="laptop")))
    *_, event = done(alice.get(f"/rooms/project:{project['id']}/events"))
    assert (event["type"], event["client_id"]) == ("task.created", "laptop")


# Once


def test_a_call_with_a_key_is_made_once(alice: Person) -> None:
    meta = {KEY: f"key-{alice.id}"}
    first = call(alice, "create_task", {"title": "A"}, **meta)
    assert call(alice, "create_task", {"title": "A"}, **meta) == first
    assert [task["id"] for task in done(alice.get("/tasks"))] == [content(first)["id"]]


def test_a_key_is_of_one_call_alone(alice: Person) -> None:
    meta = {KEY: f"key-{alice.id}"}
    task = content(call(alice, "create_task", {"title": "A"}, **meta))
    others = [
        call(alice, "create_task", {"title": "B"}, **meta),
        call(alice, "comment", {"task_id": task["id"], "body": "A"}, **meta),
    ]
    assert {problem(told)["status"] for told in others} == {422}
    answer = alice.post("/tasks", {"title": "A"}, Idempotency_Key=meta[KEY])
    assert refusal(answer)[0] == 422
    assert len(done(alice.get("/tasks"))) == 1


def test_a_key_is_of_one_tool_alone(alice: Person, project: Record) -> None:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    make_task(alice, project_id=project["id"])
    (claimed,) = content(call(agent, "claim_next_task", {}))["claimed"]
    arguments, meta = {"lease_id": claimed["lease"]["id"]}, {KEY: f"key-{alice.id}"}
    content(call(agent, "heartbeat", arguments, **meta))
    assert problem(call(agent, "release_task", arguments, **meta))["status"] == 422
    assert content(call(agent, "heartbeat", arguments))["status"] == "active"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", 5, None, {"a": 1}])
def test_a_key_is_a_line_of_text(alice: Person, key: Any) -> None:
    told = problem(call(alice, "create_task", {"title": "A"}, **{KEY: key}))
    assert (told["status"], told["code"]) == (422, "invalid_idempotency_key")


def test_no_answer_about_what_has_left_a_project_is_replayed(
    alice: Person, project: Record
) -> None:
    robot = with_token(alice, project_id=project["id"])
    task = make_task(alice, project_id=project["id"])
    arguments = {"task_id": task["id"], "body": "Soon"}
    meta = {KEY: f"key-{alice.id}"}
    content(call(robot, "comment", arguments, **meta))
    done(alice.post(f"/tasks/{task['id']}/move", {"project_id": make_project(alice)["id"]}))
    assert problem(call(robot, "comment", arguments, **meta))["status"] == 404


# How often


def create(title: str = "A") -> Record:
    return request("tools/call", name="create_task", arguments={"title": title})


def test_tools_and_routes_share_their_limits(limiting: Limiting, alice: Person) -> None:
    limiting(reads=3, writes=2)
    done(alice.post("/tasks", {"title": "A"}))
    content(result(post(alice, create())))
    answer = post(alice, create())
    assert error(answer) == (200, 429)
    data = answer.get_json()["error"]["data"]
    assert data["code"] == "rate_limited"
    assert 0 < data["retry_after"] <= 86_400
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert refusal(alice.post("/tasks", {"title": "A"})) == (429, "rate_limited")
    assert len(done(alice.get("/tasks"))) == 2
    content(call(alice, "list_tasks", {}))
    assert stateless(alice, "tools/list").get_json()["result"]["tools"]
    assert error(stateless(alice, "tools/call", name="get_task", arguments={})) == (200, 429)


def test_a_batch_counts_as_many(limiting: Limiting, alice: Person) -> None:
    limiting(writes=2)
    answer = post(
        alice, [create() | {"id": number} for number in range(3)], MCP_Protocol_Version=BATCHING
    )
    first, second, third = answer.get_json()
    assert [content(reply["result"])["title"] for reply in (first, second)] == ["A", "A"]
    assert (third["id"], third["error"]["code"]) == (2, 429)


def test_what_is_no_message_counts_too(limiting: Limiting, alice: Person) -> None:
    limiting(reads=2)
    assert error(post(alice, {}))[1] == -32600
    assert error(post(alice, [PING], MCP_Protocol_Version="2025-11-25"))[1] == -32600
    assert error(post(alice, request("ping")))[1] == 429


def test_strangers_are_counted_by_their_address(limiting: Limiting, anonymous: Person) -> None:
    limiting(reads=1)
    assert refusal(post(anonymous, PING))[0] == 401
    assert refusal(post(anonymous, PING))[0] == 429


# What is no tool


def procedure_of(view: View, **promises: Any) -> Procedure:
    promises = {"access": Scope.TASKS_READ} | promises
    return Procedure(endpoint(**promises)(view).operation)  # type: ignore[attr-defined]  # set by @endpoint


def nothing(principal: Principal) -> None:
    """A view."""


def a_task(principal: Principal) -> Task:
    """A view."""
    raise NotImplementedError


def two_titles(principal: Principal, title: str, body: TaskCreate) -> Task:
    """A view."""
    raise NotImplementedError


@pytest.mark.parametrize(
    ("view", "promises", "reason"),
    [
        (nothing, {"status": 204}, "no JSON"),
        (a_task, {"recorded": False}, "or a secret"),
        (a_task, {"access": Access.SESSION}, "needs no scope"),
        (two_titles, {}, "title would be two arguments"),
    ],
)
def test_a_view_that_is_no_tool_is_refused(view: View, promises: Record, reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        procedure_of(view, **promises)
    assert procedure_of(a_task).reads


def test_a_text_of_a_refusal_is_the_problem(alice: Person) -> None:
    told = call(alice, "get_task", {"task_id": make_project(alice)["id"]})
    assert set(told) == {"content", "isError"}
    found = json.loads(told["content"][0]["text"])
    assert set(found) == {"type", "title", "status", "code", "detail", "request_id"}
