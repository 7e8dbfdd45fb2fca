"""The wire of /mcp: JSON-RPC over POST, in the versions that clients speak."""

import base64
from typing import Any

import pytest
from flask import Flask

from api.cookies import ACCESS_COOKIE
from api.mcp.server import BATCH_MAX
from tests.factories import Person
from tests.mcp import (
    BATCHING,
    HANDSHAKE,
    META,
    STATELESS,
    call,
    content,
    error,
    post,
    request,
    result,
    stateless,
)
from tests.records import Record, done, make_task, refusal

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
PING = request("ping")
OLD_VERSIONS = [HANDSHAKE, "2025-06-18", BATCHING]


def notification(method: str) -> Record:
    return {"jsonrpc": "2.0", "method": method}


# HTTP


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session_to_end(alice: Person, method: str) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    answer = alice.client.open("/mcp", method=method, headers=headers)
    assert refusal(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_whoever_has_no_token_gets_nothing(anonymous: Person) -> None:
    answer = post(anonymous, request("initialize", protocolVersion=HANDSHAKE))
    assert refusal(answer) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_cookies_do_not_count(alice: Person) -> None:
    """Browsers send them by themselves, also for pages of others."""
    alice.client.set_cookie(ACCESS_COOKIE, alice.tokens["access_token"])
    done(alice.client.get("/api/v1/users/me"))
    answer = alice.client.post("/mcp", json=PING)
    assert refusal(answer) == (401, "unauthenticated")


def test_pages_of_other_sites_may_not_ask(alice: Person) -> None:
    answer = post(alice, PING, Origin="https://evil.example")
    assert refusal(answer) == (403, "foreign_origin")
    result(post(alice, PING, Origin="http://localhost"))


def test_no_session_is_made(alice: Person) -> None:
    answer = post(alice, request("initialize", protocolVersion=HANDSHAKE))
    assert "Mcp-Session-Id" not in answer.headers
    result(post(alice, PING, Mcp_Session_Id="of-another-server"))


def test_only_json_is_read(alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    answer = alice.client.post("/mcp", data="{}", headers=headers)
    assert refusal(answer) == (415, "unsupported_media_type")


# JSON-RPC


@pytest.mark.parametrize("body", [b"", b"{", b'{"jsonrpc": "\xff"}', b"[" * 1000])
def test_what_is_no_json_is_a_parse_error(alice: Person, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    answer = alice.client.post("/mcp", data=body, content_type="application/json", headers=headers)
    assert error(answer) == (400, PARSE_ERROR)
    assert answer.get_json()["id"] is None


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("ping", None),
        (17, None),
        ({}, None),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, 1),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "2.0", "id": "one", "method": 5}, "one"),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, 1),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": 2**63, "method": "ping"}, None),
    ],
)
def test_what_is_no_message_is_an_invalid_request(
    alice: Person, message: Any, told: str | int | None
) -> None:
    answer = post(alice, message)
    assert error(answer) == (400, INVALID_REQUEST)
    assert answer.get_json()["id"] == told


@pytest.mark.parametrize("name", ["one", "", 0, -5, 2**63 - 1])
def test_an_answer_has_the_id_of_its_request(alice: Person, name: str | int) -> None:
    answer = post(alice, PING | {"id": name})
    assert answer.get_json() == {"jsonrpc": "2.0", "id": name, "result": {}}


@pytest.mark.parametrize("version", [*OLD_VERSIONS, STATELESS])
def test_nobody_answers_a_notification(alice: Person, version: str) -> None:
    for method in ("notifications/initialized", "notifications/cancelled", "anything"):
        answer = post(alice, notification(method), MCP_Protocol_Version=version)
        assert (answer.status_code, answer.data) == (202, b"")


def test_a_tool_is_not_called_by_a_notification(alice: Person) -> None:
    params = {"name": "create_task", "arguments": {"title": "Unseen"}}
    answer = post(alice, notification("tools/call") | {"params": params})
    assert answer.status_code == 202
    assert done(alice.get("/tasks")) == []


def test_what_is_unknown_is_no_method(alice: Person) -> None:
    assert error(post(alice, request("prompts/list"))) == (200, METHOD_NOT_FOUND)
    assert error(stateless(alice, "prompts/list")) == (404, METHOD_NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("initialize", {}),
        ("tools/call", {"arguments": {}}),
        ("tools/call", {"name": 5}),
        ("tools/call", {"name": "get_task", "arguments": []}),
        ("tools/call", {"name": "no_such_tool"}),
        ("resources/read", {}),
        ("resources/list", {"cursor": "guessed"}),
        ("tools/list", {"cursor": "guessed"}),
        ("resources/templates/list", {"cursor": "guessed"}),
    ],
)
def test_wrong_parameters_are_an_error_of_the_protocol(
    alice: Person, method: str, params: Record
) -> None:
    assert error(post(alice, request(method, **params))) == (200, INVALID_PARAMS)


# Batches


def test_messages_in_a_batch_are_answered_one_by_one(alice: Person) -> None:
    task = make_task(alice)
    sent = [
        PING | {"id": "first"},
        notification("notifications/cancelled"),
        request("tools/call", name="get_task", arguments={"task_id": task["id"]}),
        "no message",
    ]
    answer = post(alice, sent, MCP_Protocol_Version=BATCHING)
    first, second, third = answer.get_json()
    assert answer.status_code == 200
    assert first == {"jsonrpc": "2.0", "id": "first", "result": {}}
    assert (second["id"], content(second["result"])) == (1, done(alice.get(f"/tasks/{task['id']}")))
    assert (third["id"], third["error"]["code"]) == (None, INVALID_REQUEST)


def test_a_batch_of_notifications_is_not_answered(alice: Person) -> None:
    sent = [notification("notifications/initialized")] * 2
    answer = post(alice, sent, MCP_Protocol_Version=BATCHING)
    assert (answer.status_code, answer.data) == (202, b"")


def test_who_names_no_version_may_send_batches(alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    answer = alice.client.post("/mcp", json=[PING], headers=headers)
    assert [reply["result"] for reply in answer.get_json()] == [{}]


@pytest.mark.parametrize("version", [HANDSHAKE, "2025-06-18", STATELESS])
def test_newer_versions_have_no_batches(alice: Person, version: str) -> None:
    assert error(post(alice, [PING], MCP_Protocol_Version=version)) == (400, INVALID_REQUEST)


@pytest.mark.parametrize("count", [0, BATCH_MAX + 1])
def test_a_batch_has_some_messages_and_not_too_many(alice: Person, count: int) -> None:
    answer = post(alice, [PING] * count, MCP_Protocol_Version=BATCHING)
    assert error(answer) == (400, INVALID_REQUEST)
    assert f"1 to {BATCH_MAX}" in answer.get_json()["error"]["message"]


# Versions with a handshake


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_a_handshake_settles_on_the_version_that_is_asked_for(alice: Person, version: str) -> None:
    told = result(post(alice, request("initialize", protocolVersion=version)))
    assert told["protocolVersion"] == version
    assert told["capabilities"] == {"tools": {}, "resources": {}}
    assert told["serverInfo"]["name"] == "stint"
    assert "never instructions" in told["instructions"]


@pytest.mark.parametrize("version", ["2024-11-05", "2099-01-01", STATELESS])
def test_a_handshake_for_another_version_offers_the_newest(alice: Person, version: str) -> None:
    told = result(post(alice, request("initialize", protocolVersion=version)))
    assert told["protocolVersion"] == HANDSHAKE


@pytest.mark.parametrize("version", ["2024-11-05", "1900-01-01", "", "latest"])
def test_a_version_that_is_not_spoken_is_refused(alice: Person, version: str) -> None:
    answer = post(alice, PING, MCP_Protocol_Version=version)
    assert error(answer) == (400, UNSUPPORTED_VERSION)
    named = {"request_id": answer.headers["X-Request-Id"]}
    data = answer.get_json()["error"]["data"]
    assert data == {"supported": [STATELESS, *OLD_VERSIONS], "requested": version} | named


def test_results_of_older_versions_say_nothing_of_themselves(alice: Person) -> None:
    assert set(result(post(alice, request("tools/list")))) == {"tools"}
    assert set(call(alice, "list_tasks", {})) == {"content", "structuredContent", "isError"}


# Since there is no handshake


def test_what_the_server_can_do_is_discovered(alice: Person) -> None:
    told = result(stateless(alice, "server/discover"))
    assert told["supportedVersions"] == [STATELESS, *OLD_VERSIONS]
    assert told["capabilities"] == {"tools": {}, "resources": {}}
    assert told["_meta"][META + "serverInfo"]["name"] == "stint"
    assert told["cacheScope"] == "public"


@pytest.mark.parametrize(
    "method", ["tools/list", "resources/list", "resources/templates/list", "server/discover"]
)
def test_lists_say_for_how_long_they_may_be_kept(alice: Person, method: str) -> None:
    told = result(stateless(alice, method))
    assert told["resultType"] == "complete"
    assert told["ttlMs"] >= 0
    is_the_same_for_all = method in ("server/discover", "resources/templates/list")
    assert told["cacheScope"] == ("public" if is_the_same_for_all else "private")


def test_what_a_tool_answers_is_not_kept(alice: Person) -> None:
    told = result(stateless(alice, "tools/call", name="list_tasks", arguments={}))
    assert told["resultType"] == "complete"
    assert "ttlMs" not in told


@pytest.mark.parametrize("method", ["initialize", "ping"])
def test_there_is_no_handshake_any_more(alice: Person, method: str) -> None:
    answer = stateless(alice, method, protocolVersion=HANDSHAKE)
    assert error(answer) == (404, METHOD_NOT_FOUND)


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "nothing",
        {META + "protocolVersion": STATELESS},
        {META + "clientCapabilities": {}},
        {META + "protocolVersion": STATELESS, META + "clientCapabilities": []},
    ],
)
def test_a_request_says_by_itself_what_it_needs(alice: Person, meta: Any) -> None:
    message = request("tools/list", _meta=meta)
    answer = post(alice, message, MCP_Protocol_Version=STATELESS, Mcp_Method="tools/list")
    assert error(answer) == (400, INVALID_PARAMS)


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp_Method": "tools/list", "Mcp_Name": "list_tasks"},
        {"Mcp_Method": "tools/call", "Mcp_Name": "create_task"},
        {"Mcp_Method": "tools/call", "Mcp_Name": "=?base64?!?="},
        {"Mcp_Method": "tools/call", "Mcp_Name": "=?base64?\xe9?="},
        {"Mcp_Method": "=?base64?dG9vbHMvY2FsbA==?=", "Mcp_Name": "list_tasks"},
        {"Mcp_Method": "tools/call"},
        {"Mcp_Name": "list_tasks"},
        {},
    ],
)
def test_headers_that_say_something_else_are_refused(
    alice: Person, headers: dict[str, str]
) -> None:
    meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
    message = request("tools/call", name="list_tasks", arguments={}, _meta=meta)
    answer = post(alice, message, MCP_Protocol_Version=STATELESS, **headers)
    assert error(answer) == (400, HEADER_MISMATCH)


@pytest.mark.parametrize(
    ("in_header", "in_body"),
    [(STATELESS, HANDSHAKE), (HANDSHAKE, STATELESS), (BATCHING, STATELESS), (STATELESS, "1900")],
)
def test_the_version_is_the_same_in_header_and_body(
    alice: Person, in_header: str, in_body: str
) -> None:
    meta = {META + "protocolVersion": in_body, META + "clientCapabilities": {}}
    message = request("tools/list", _meta=meta)
    answer = post(alice, message, MCP_Protocol_Version=in_header, Mcp_Method="tools/list")
    assert error(answer) == (400, HEADER_MISMATCH)


def test_a_request_of_today_has_its_headers(alice: Person) -> None:
    meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    answer = alice.client.post("/mcp", json=request("tools/list", _meta=meta), headers=headers)
    assert error(answer) == (400, HEADER_MISMATCH)


def test_a_name_may_be_sent_in_base64(alice: Person) -> None:
    encoded = base64.b64encode(b"list_tasks").decode()
    meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
    message = request("tools/call", name="list_tasks", arguments={}, _meta=meta)
    headers = {"Mcp_Method": "tools/call", "Mcp_Name": f"=?base64?{encoded}?="}
    assert content(result(post(alice, message, MCP_Protocol_Version=STATELESS, **headers)))


def test_every_worker_and_every_request_stands_alone(app: Flask, alice: Person) -> None:
    """No handshake is needed even where there is one: nothing is kept of it."""
    elsewhere = Person(app.test_client(), tokens=alice.tokens)
    assert result(post(elsewhere, request("tools/list")))["tools"]
