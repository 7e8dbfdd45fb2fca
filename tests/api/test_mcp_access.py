"""What a tool refuses: whatever REST refuses, to the same people and in the same words.

Every tool and every resource is asked for by everybody about things of other people, and so is the
route that it stands for.
"""

import json
from typing import Any

import pytest
from flask import Flask

from api.mcp.tools import TABLE
from models.scope import Scope, includes
from tests.api.access_world import Guests, Ids, agents, people
from tests.api.rights import contracts
from tests.api.tool_calls import ARGUMENTS, OF_LEASES, READING, ROUTES, TOOLS
from tests.factories import Person, make_token, with_token
from tests.mcp import call, post, problem, request, stateless
from tests.records import Record, done, make_task

FOREIGN = "01890a5d-ac96-774b-bcce-b302099a8057"  # of nobody


@pytest.fixture(scope="module")
def humans(app: Flask) -> Guests:
    return people(app)


@pytest.fixture(scope="module")
def robots(humans: Guests) -> Guests:
    """Agents in all roles."""
    return agents(humans)


@pytest.fixture(scope="module")
def things(robots: Guests) -> Ids:
    """A project with things of its owner, and a task in it that another agent holds."""
    return robots.project().complete()


def refusals(person: Person, tool: str, arguments: Record) -> tuple[int, str]:
    """Return status and code with which both a tool and its route refuse.

    They have to say the same to the last word, but for the id of the request.
    """
    told = problem(call(person, tool, arguments))
    by_rest = ROUTES[tool].ask(person, arguments)
    assert by_rest is not None
    assert without_id(told) == without_id(by_rest)
    return told["status"], told["code"]


def without_id(told: Record) -> Record:
    return {name: value for name, value in told.items() if name != "request_id"}


def lets_through(person: Person, tool: str, arguments: Record) -> bool:
    """Tell whether a tool answers; its route does, too."""
    assert ROUTES[tool].ask(person, arguments) is None
    return not call(person, tool, arguments)["isError"]


def test_every_tool_is_asked() -> None:
    assert set(ARGUMENTS) == set(TABLE)


@pytest.mark.parametrize("tool", TOOLS)
def test_without_a_token_there_is_nothing(anonymous: Person, things: Ids, tool: str) -> None:
    arguments = ARGUMENTS[tool](things)
    answer = post(anonymous, request("tools/call", name=tool, arguments=arguments))
    by_rest = ROUTES[tool].ask(anonymous, arguments)
    assert answer.status_code == 401
    assert by_rest is not None
    assert without_id(answer.get_json()) == without_id(by_rest)


@pytest.mark.parametrize("token", ["", "stint_agt_" + "x" * 43, "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_none_is_refused(anonymous: Person, token: str) -> None:
    answer = post(anonymous, request("tools/list"), Authorization=f"Bearer {token}")
    assert answer.status_code == 401


@pytest.fixture(scope="module")
def strangers(robots: Guests) -> dict[Scope, Person]:
    """An agent that belongs to no project, with a token of each scope."""
    stranger = robots.by_role["other"]
    return {scope: agent_with_token(robots, stranger, scope) for scope in Scope}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_takes_the_scope_of_its_route_and_no_other(
    strangers: dict[Scope, Person], things: Ids, tool: str
) -> None:
    wanted = contracts()[f"{ROUTES[tool].method} {ROUTES[tool].rule}"].access
    assert isinstance(wanted, Scope)
    for scope, stranger in strangers.items():
        refusal = refusals(stranger, tool, ARGUMENTS[tool](things))
        if includes(frozenset([scope]), wanted):
            assert refusal == (404, "not_found")  # it came as far as the service
            assert tool in shown_to(stranger)
        else:
            assert refusal == (403, "scope_missing")
            assert tool not in shown_to(stranger)


def agent_with_token(robots: Guests, agent: Person, *scopes: Scope, **fields: Any) -> Person:
    made = make_token(robots.host, *scopes, agent_id=agent.id, **fields)
    return Person(agent.client, agent.id, tokens={"access_token": made["token"]})


def shown_to(person: Person) -> set[str]:
    answer = post(person, request("tools/list"))
    return {tool["name"] for tool in answer.get_json()["result"]["tools"]}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_token_of_another_project_gets_nowhere(robots: Guests, things: Ids, tool: str) -> None:
    elsewhere = robots.project()["project_id"]
    editor = agent_with_token(robots, robots.by_role["editor"], project_id=elsewhere)
    assert refusals(editor, tool, ARGUMENTS[tool](things)) == (404, "not_found")


@pytest.mark.parametrize("tool", ["list_tasks", "search", "create_task", "claim_next_task"])
def test_a_token_of_one_project_has_to_say_which(robots: Guests, things: Ids, tool: str) -> None:
    editor = agent_with_token(robots, robots.by_role["editor"], project_id=things["project_id"])
    arguments = ARGUMENTS[tool](things)
    del arguments["project_id"]
    assert refusals(editor, tool, arguments) == (403, "project_limited")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_stranger_sees_nothing(robots: Guests, things: Ids, tool: str) -> None:
    stranger = robots.by_role["other"]
    assert refusals(stranger, tool, ARGUMENTS[tool](things)) == (404, "not_found")


@pytest.mark.parametrize("tool", TOOLS)
def test_what_there_is_not_is_not_found(robots: Guests, tool: str) -> None:
    nowhere = dict.fromkeys(("project_id", "task_id", "lease_id"), FOREIGN)
    owner = robots.by_role["owner"]
    assert refusals(owner, tool, ARGUMENTS[tool](nowhere)) == (404, "not_found")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_viewer_reads_and_does_no_more(robots: Guests, things: Ids, tool: str) -> None:
    viewer, arguments = robots.by_role["viewer"], ARGUMENTS[tool](things)
    if tool in READING:
        assert lets_through(viewer, tool, arguments)
    else:
        code = "not_your_lease" if tool in OF_LEASES else "forbidden"
        assert refusals(viewer, tool, arguments) == (403, code)


@pytest.mark.parametrize("tool", sorted(OF_LEASES))
def test_the_lease_of_another_agent_is_not_ones_own(robots: Guests, things: Ids, tool: str) -> None:
    for guest in (robots.host, robots.member):
        assert refusals(guest, tool, ARGUMENTS[tool](things)) == (403, "not_your_lease")


def test_people_claim_nothing(humans: Guests, things: Ids) -> None:
    editor = with_token(humans.by_role["editor"])
    arguments = ARGUMENTS["claim_next_task"](things)
    assert refusals(editor, "claim_next_task", arguments) == (403, "agents_only")


@pytest.mark.parametrize("tool", TOOLS)
def test_an_agent_that_is_switched_off_is_nobody(humans: Guests, things: Ids, tool: str) -> None:
    agent = agents(humans).by_role["editor"]
    done(humans.host.delete(f"/agents/{agent.id}"))
    arguments = ARGUMENTS[tool](things)
    answer = post(agent, request("tools/call", name=tool, arguments=arguments))
    assert answer.status_code == 401


def test_somebody_who_has_changed_it_since_is_not_overwritten(robots: Guests, things: Ids) -> None:
    host = robots.host
    task = make_task(host, project_id=things["project_id"])
    changed = done(host.patch(f"/tasks/{task['id']}", {"title": "Changed"}))
    arguments = {"task_id": task["id"], "version": 1, "title": "Mine"}
    editor = robots.by_role["editor"]
    assert refusals(editor, "update_task", arguments) == (412, "version_mismatch")
    told = problem(call(editor, "update_task", arguments))
    assert told["current"] == changed
    assert "in MCP as version" in told["detail"]


# Resources


def read(person: Person, uri: str) -> Record:
    """Read a resource; returns the problem or the resource."""
    answer = stateless(person, "resources/read", uri=uri).get_json()
    if "error" in answer:
        return dict(answer["error"]["data"])
    found: Record = json.loads(answer["result"]["contents"][0]["text"])
    return found


@pytest.mark.parametrize("kind", ["projects", "tasks"])
def test_a_resource_is_read_by_whom_rest_lets_read_it(
    robots: Guests, things: Ids, kind: str
) -> None:
    path = f"{kind}/{things[kind.removesuffix('s') + '_id']}"
    editor = robots.by_role["editor"]
    guests = [
        *(robots.by_role[role] for role in ("other", "viewer", "editor")),
        *(agent_with_token(robots, editor, scope) for scope in Scope),
        agent_with_token(robots, editor, project_id=things["project_id"]),
        agent_with_token(robots, editor, project_id=robots.project()["project_id"]),
    ]
    outcomes = set()
    for guest in guests:
        by_rest = guest.get(f"/{path}")
        assert without_id(read(guest, f"stint://{path}")) == without_id(by_rest.get_json())
        outcomes.add(by_rest.status_code)
    assert outcomes == {200, 403, 404}


def test_a_token_of_one_project_is_shown_that_one(robots: Guests, things: Ids) -> None:
    editor = agent_with_token(robots, robots.by_role["editor"], project_id=things["project_id"])
    listed = post(editor, request("resources/list")).get_json()["result"]["resources"]
    assert [each["uri"] for each in listed] == [f"stint://projects/{things['project_id']}"]
