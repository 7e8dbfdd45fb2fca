"""The examples in docs/mcp.rst run, and its table is that of the tools."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import requests

from api.mcp.versions import VERSIONS
from config import PROJECT_DIR
from models.scope import Scope
from tests.api.access_world import make_agent
from tests.api.rights import contracts
from tests.api.tool_calls import ROUTES
from tests.factories import Person, add_member
from tests.mcp import post, request, result
from tests.records import Record, done, make_task
from tests.server import Server

TEXT = (PROJECT_DIR / "docs" / "mcp.rst").read_text()
BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?:    .*)?\n)+)", re.MULTILINE)
BLOCKS = [
    (kind, re.sub("^    ", "", code, flags=re.MULTILINE)) for kind, code in BLOCK.findall(TEXT)
]
(PYTHON,) = [code for kind, code in BLOCKS if kind == "python"]
(CONSOLE,) = [code for kind, code in BLOCKS if kind == "console"]
CONFIGURATION, ANSWER = [json.loads(code) for kind, code in BLOCKS if kind == "json"]


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    return agent


def test_the_agent_in_python_does_a_task(
    server: Server, alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], title="Write")
    named = {"STINT_MCP_URL": f"{server.url}/mcp", "STINT_TOKEN": agent.tokens["access_token"]}
    command = [sys.executable, "-c", PYTHON]
    ran = subprocess.run(
        command, env=os.environ | named, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "Done: Write\n"), ran.stderr
    assert done(alice.get(f"/tasks/{task['id']}"))["status"] == "completed"


def test_a_refusal_looks_as_it_is_shown(server: Server, agent: Person) -> None:
    """As curl sends it, which need not be there."""
    url, token = f"{server.url}/mcp", agent.tokens["access_token"]
    written = CONSOLE.replace("\\\n", " ").replace("$STINT_MCP_URL", url)
    prompt, curl, silently, address, *options = shlex.split(written.replace("$STINT_TOKEN", token))
    assert (prompt, curl, silently) == ("$", "curl", "-s")
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in given if name == "-H")
    (body,) = [value for name, value in given if name == "-d"]
    answer = requests.post(address, headers=headers, data=body, timeout=30)
    assert without_id(answer.json()) == without_id(ANSWER)


def without_id(told: Record) -> Record:
    """Return a refusal without the id of its request."""
    problem = json.loads(told["result"]["content"][0]["text"])
    del problem["request_id"]
    return {"told": set(told["result"]), "id": told["id"], "problem": problem}


def test_the_configuration_says_what_a_client_needs(agent: Person) -> None:
    entry = CONFIGURATION["mcpServers"]["stint"]
    assert entry["url"].endswith("/mcp")
    scheme, token = entry["headers"]["Authorization"].split()
    assert agent.tokens["access_token"].startswith(token.removesuffix("..."))
    headers = {"Authorization": f"{scheme} {agent.tokens['access_token']}"}
    assert result(post(agent, request("tools/list"), **headers))["tools"]


def test_the_table_is_that_of_the_tools() -> None:
    rows = re.findall(r"^``(\w+)`` +``(\w+) (\S+?)``.* ``(\w+:\w+)``$", TEXT, re.MULTILINE)
    expected = []
    for tool, route in ROUTES.items():
        scope = contracts()[f"{route.method} {route.rule}"].access
        assert isinstance(scope, Scope)
        expected.append((tool, route.method, re.sub(r"<\w+:(\w+)>", r"{\1}", route.rule), scope))
    assert rows == expected


def test_the_versions_are_those_that_are_spoken() -> None:
    assert tuple(re.findall(r"\d{4}-\d{2}-\d{2}", TEXT)) == VERSIONS
