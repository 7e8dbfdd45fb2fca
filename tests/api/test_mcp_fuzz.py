"""Whatever is sent to /mcp: it is answered by JSON-RPC or by a problem, and breaks nothing."""

import base64
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.mcp.tools import TABLE
from api.mcp.versions import VERSIONS
from tests.factories import Person, sign_up
from tests.mcp import BATCHING, META, STATELESS, call
from tests.records import Record, make_project, make_task
from tests.server import Client, Server

# Any number may be tried.
EXAMPLES = 50 * int(os.environ.get("FUZZ_EXAMPLES", "3"))
METHODS = [
    "initialize",
    "notifications/initialized",
    "ping",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "server/discover",
    "tools/call",
    "tools/list",
]
NAMES = [
    "body", "cursor", "due_before", "ended_at", "label", "labels", "lease_id", "limit", "max",
    "metadata", "offset", "priority", "progress", "project_id", "recurrence", "search", "sort",
    "started_at", "status", "task_id", "then", "timezone", "title", "version",
]  # fmt: skip

fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**300, 10**400])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "me", "2026-03-02T09:00:00Z", "urgent", "FREQ=DAILY", "x" * 5000])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def known(app: Any, database: str) -> Record:
    """Somebody, and the ids of things of theirs."""
    alice = sign_up(app, "Alice")
    project = make_project(alice)
    task = make_task(alice, project_id=project["id"])
    return {"person": alice, "project_id": project["id"], "task_id": task["id"], "version": 1}


@pytest.fixture(scope="module")
def client(server: Server, known: Record) -> Client:
    return Client(server.url, known["person"].tokens["access_token"])


def messages(known: Record) -> st.SearchStrategy[Any]:
    """Requests that might be understood, and some that cannot be."""
    ids = st.sampled_from([known["project_id"], known["task_id"]])
    uris = st.sampled_from(["projects", "tasks", "x"]).flatmap(
        lambda kind: ids.map(lambda found: f"stint://{kind}/{found}")
    )
    arguments = st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(NAMES, values)
        | {name: st.just(known[name]) for name in ("project_id", "task_id", "version")},
    )
    meta = st.fixed_dictionaries(
        {},
        optional={
            META + "protocolVersion": st.sampled_from(VERSIONS),
            META + "clientCapabilities": st.just({}),
            "stint/idempotency-key": values,
        },
    )
    params = st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from([*TABLE, "nothing"]) | values,
            "arguments": arguments | values,
            "uri": uris | values,
            "cursor": values,
            "protocolVersion": st.sampled_from(VERSIONS) | values,
            "_meta": meta | values,
        },
    )
    return st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0") | values, "method": st.sampled_from(METHODS) | values},
        optional={
            "id": st.integers(0, 9) | st.text(max_size=5) | values,
            "params": params | values,
        },
    )


def assert_answered(client: Client, body: bytes, **headers: str) -> None:
    """Send anything; what comes back has to be an answer of this protocol."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post("/mcp", data=body, headers={"Content-Type": "application/json"} | named)
    assert answer.status_code < 500, answer.text
    if answer.headers.get("Content-Type") == "application/problem+json":
        assert {"status", "code", "detail", "request_id"} <= set(answer.json())
    elif answer.status_code == 202:
        assert answer.content == b""
    else:
        told = answer.json()
        for reply in told if isinstance(told, list) else [told]:
            assert reply["jsonrpc"] == "2.0"
            assert set(reply) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})


def written(value: Any) -> bytes:
    """Return JSON; also what JSON does not have, like NaN and half of a character."""
    return json.dumps(value).encode()


def test_any_json_is_answered(client: Client) -> None:
    @fuzzed
    @given(value=values, version=st.sampled_from(VERSIONS))
    def ask(value: Any, version: str) -> None:
        assert_answered(client, written(value), MCP_Protocol_Version=version)

    ask()


def test_any_bytes_are_answered(client: Client) -> None:
    @fuzzed
    @given(body=st.binary(max_size=200))
    def ask(body: bytes) -> None:
        assert_answered(client, body)

    ask()


def test_any_message_is_answered(client: Client, known: Record) -> None:
    @fuzzed
    @given(message=messages(known), version=st.sampled_from(VERSIONS))
    def ask(message: Any, version: str) -> None:
        assert_answered(client, written(message), MCP_Protocol_Version=version)

    ask()


def test_any_message_of_today_is_answered(client: Client, known: Record) -> None:
    """With all that a message needs to be looked into."""

    @fuzzed
    @given(message=messages(known), method=st.sampled_from(METHODS))
    def ask(message: Record, method: str) -> None:
        params = message["params"] if isinstance(message.get("params"), dict) else {}
        meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
        named = params.get("uri" if method == "resources/read" else "name")
        name = base64.b64encode(str(named).encode()).decode()
        sent = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}
        headers = {"Mcp_Method": method, "Mcp_Name": f"=?base64?{name}?="}
        assert_answered(client, written(sent), MCP_Protocol_Version=STATELESS, **headers)

    ask()


def test_any_batch_is_answered(client: Client, known: Record) -> None:
    @fuzzed
    @given(sent=st.lists(messages(known) | values, max_size=5))
    def ask(sent: Any) -> None:
        assert_answered(client, written(sent), MCP_Protocol_Version=BATCHING)

    ask()


@pytest.mark.parametrize("tool", TABLE)
def test_any_arguments_get_an_answer_or_a_problem(known: Record, tool: str) -> None:
    person: Person = known["person"]
    arguments = st.fixed_dictionaries(
        {}, optional={name: values | st.just(known.get(name)) for name in NAMES}
    )

    @fuzzed
    @given(given_arguments=arguments)
    def ask(given_arguments: Record) -> None:
        told = call(person, tool, given_arguments)
        if told["isError"]:
            problem = json.loads(told["content"][0]["text"])
            assert 400 <= problem["status"] < 500
        else:
            assert json.loads(told["content"][0]["text"]) == told["structuredContent"]

    ask()
