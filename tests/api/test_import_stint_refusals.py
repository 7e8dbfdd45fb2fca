"""Archives of Stint that are damaged, hostile or of somebody else's making are refused whole."""

import io
import json
import random
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask

from services.archives import reader
from tests.api.access_world import make_agent
from tests.archives import (
    Account,
    Files,
    Records,
    archive_of,
    export,
    pack,
    rewritten,
    send_archive,
    unpack,
)
from tests.factories import Person, sign_up
from tests.records import refusal
from utils.helpers import new_id

FLIPS = 150
HUGE = 50_000_000


@pytest.fixture(scope="module")
def content(app: Flask, database: str) -> bytes:
    return export(Account.full(app, database).alice)


@pytest.fixture(scope="module")
def carol(app: Flask) -> Person:
    """Somebody whose account stays empty."""
    return sign_up(app, "Carol")


@pytest.fixture(scope="module", autouse=True)
def nothing(carol: Person) -> Records:
    """Her archive before all that is refused."""
    return archive_of(carol)


def refused(person: Person, content: bytes) -> str:
    """Return why an archive is refused."""
    answer = send_archive(person, content)
    assert refusal(answer) == (422, "unreadable_file"), answer.text
    detail: str = answer.get_json()["detail"]
    return detail


def manifest_with(**changes: Any) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        manifest = json.loads(files["manifest.json"]) | changes
        return files | {"manifest.json": json.dumps(manifest).encode()}

    return change


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {each: files[each] for each in files if each != name}


def with_file(name: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {name: content}


DAMAGED: dict[str, tuple[Callable[[Files], Files], str]] = {
    "no manifest": (without("manifest.json"), "has no manifest.json"),
    "a manifest that is no JSON": (with_file("manifest.json", b"{"), "manifest.json: Invalid JSON"),
    "a manifest that is huge": (
        lambda files: manifest_with(format="x" * 20_000)(files),
        "too large",
    ),
    "another format": (manifest_with(format="sundial"), "manifest.json: format"),
    "a newer version": (manifest_with(version=2), "update this service first"),
    "a manifest without counts": (manifest_with(counts={}), "does not tell of every kind"),
    "a manifest with other counts": (
        lambda files: manifest_with(
            counts=json.loads(files["manifest.json"])["counts"] | {"tasks": 7}
        )(files),
        "tasks.jsonl has 6 lines; the manifest says 7",
    ),
    "a manifest with huge counts": (
        lambda files: manifest_with(
            counts=json.loads(files["manifest.json"])["counts"] | {"tasks": 10**9}
        )(files),
        "more than 200,000 records",
    ),
    "a manifest with counts below nothing": (
        lambda files: manifest_with(
            counts=json.loads(files["manifest.json"])["counts"] | {"tasks": -1}
        )(files),
        "manifest.json: counts.tasks",
    ),
    "a kind missing": (without("items.jsonl"), "lacks items.jsonl"),
    "a changed file": (with_file("tasks.jsonl", b""), "tasks.jsonl was changed or damaged"),
    "a file too many": (with_file("readme.txt", b"Hello"), "'readme.txt'"),
    "a path that climbs": (with_file("../../etc/passwd", b"root"), "'../../etc/passwd'"),
    "an absolute path": (with_file("/etc/passwd", b"root"), "'/etc/passwd'"),
    "a folder": (with_file("tasks.jsonl/", b""), "'tasks.jsonl/'"),
    "a bomb": (with_file("tasks.csv", b"0" * 50_000_000), "200 times its size"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_is_refused_with_the_reason(
    carol: Person, content: bytes, name: str
) -> None:
    change, reason = DAMAGED[name]
    assert reason in refused(carol, pack(change(unpack(content))))


def zipped(method: int, **files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.json", content)
    return out.getvalue()


def test_an_archive_packed_in_another_way_is_refused(carol: Person) -> None:
    content = zipped(zipfile.ZIP_LZMA, manifest=b"{}")
    assert "packed in another way" in refused(carol, content)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")  # that is the point
def test_two_files_of_one_name_are_refused(carol: Person) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for content in (b"{}", b"[]"):
            archive.writestr("manifest.json", content)
    assert "two files of one name" in refused(carol, out.getvalue())


def test_an_archive_that_is_too_much_when_unpacked_is_refused(
    carol: Person, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(map(len, unpack(content).values()))
    monkeypatch.setattr(reader, "UNPACKED_BYTES_MAX", size - 1)
    assert "bytes when unpacked" in refused(carol, content)


def test_a_size_that_lies_is_found_out(carol: Person, content: bytes) -> None:
    """The directory says that a file is small; unpacked it would not be."""
    honest = pack(unpack(content) | {"tasks.jsonl": b"0" * 1_000_000})
    lying = honest.replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying.count((1_000_000).to_bytes(4, "little")) == 0
    assert "damaged" in refused(carol, lying)


def test_a_size_that_lies_takes_no_memory(carol: Person) -> None:
    honest = zipped(zipfile.ZIP_DEFLATED, manifest=bytes(HUGE))
    lying = honest.replace(HUGE.to_bytes(4, "little"), (9_000).to_bytes(4, "little"))
    with memory_limited(HUGE // 10):
        assert "damaged" in refused(carol, lying)


def test_lines_that_nobody_announced_take_no_memory(carol: Person, content: bytes) -> None:
    lines = random.Random(1).randbytes(HUGE // 200) + b"\n" * HUGE
    files = with_file("user.json", lines)(unpack(content))
    digests = json.loads(files["manifest.json"])["sha256"] | {"user": sha256(lines).hexdigest()}
    with memory_limited(HUGE * 4):
        assert "the manifest says 1" in refused(carol, pack(manifest_with(sha256=digests)(files)))


@contextmanager
def memory_limited(size: int) -> Iterator[None]:
    """Fail when more bytes than this are in use at any moment inside, beyond those of before."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"PK\x03\x04\x14\x00", id="the beginning"),
        pytest.param(b'{"tasks": []}', id="JSON"),
        pytest.param(b"PK\x05\x06" + bytes(18), id="an empty archive"),
    ],
)
def test_what_is_no_archive_is_refused(carol: Person, content: bytes) -> None:
    assert "archive" in refused(carol, content)


def test_no_damage_is_ever_a_defect(carol: Person, content: bytes) -> None:
    chance = random.Random(1)
    for _ in range(FLIPS):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 1, 4])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(damaged)) :]
        answer = send_archive(carol, bytes(damaged), dry_run="true")
        assert answer.status_code in (200, 422), answer.text


# Records


def record(of_kind: str, number: int = 0, **changes: Any) -> Callable[[Records], None]:
    """Change a record, whose line is then to be named."""
    return lambda records: records[of_kind][number].update(changes)


def circle(records: Records) -> None:
    first, second = [task for task in records["tasks"] if task["project_id"] is None]
    first["parent_id"], second["parent_id"] = second["id"], first["id"]


def blocked_circle(records: Records) -> None:
    first, second = [task for task in records["tasks"] if task["project_id"] is None]
    first["blocked_by"], second["blocked_by"] = [second["id"]], [first["id"]]


def staircase(records: Records) -> None:
    """Make six tasks, each a part of the one before."""
    top = next(task for task in records["tasks"] if task["project_id"] is None)
    steps = [top, *(top | {"id": new_id()} for _ in range(5))]
    for above, below in pairwise(steps):
        below["parent_id"] = above["id"]
    records["tasks"] += steps[1:]


def agent_as_owner(records: Records) -> None:
    agents = {agent["id"] for agent in records["agents"]}
    member = next(each for each in records["members"] if each["user_id"] in agents)
    member["role"] = "owner"


def across_projects(records: Records) -> None:
    personal = next(task for task in records["tasks"] if task["project_id"] is None)
    shared = next(task for task in records["tasks"] if task["project_id"] is not None)
    personal["parent_id"] = shared["id"]


def doubled(kind: str) -> Callable[[Records], None]:
    return lambda records: records[kind].append(records[kind][0])


UNSOUND: dict[str, tuple[Callable[[Records], object], str]] = {
    "a title that is empty": (record("tasks", title=""), "tasks.jsonl, line 1: title"),
    "a field too many": (record("tasks", colour="red"), "tasks.jsonl, line 1: colour"),
    "a status of another world": (record("tasks", 1, status="lost"), "tasks.jsonl, line 2: status"),
    "an id that is none": (record("items", id="1"), "items.jsonl, line 1: id"),
    "an instant without offset": (
        record("comments", created_at="2026-03-02T09:00:00"),
        "comments.jsonl, line 1: created_at",
    ),
    "a position that others cannot follow": (
        record("tasks", position="i0"),
        "tasks.jsonl, line 1: position",
    ),
    "settings that do not exist": (
        record("projects", settings={"free": True}),
        "projects.jsonl, line 1: settings.free",
    ),
    "an agent's metadata that are no object": (
        record("agents", agent_metadata=[]),
        "agents.jsonl, line 1: agent_metadata",
    ),
    "an agent with an address": (
        record("people", kind="agent"),
        "people.jsonl, line 1: must be null for agents",
    ),
    "time that ends before it starts": (
        record("time_entries", ended_at="2020-01-01T00:00:00Z"),
        "time_entries.jsonl, line 1: must end after it starts",
    ),
    "a rate below nothing": (
        record("time_entries", rate_minor=-1),
        "time_entries.jsonl, line 1: rate_minor",
    ),
    "an author who is not there": (
        record("comments", created_by=new_id()),
        "comments.jsonl, line 1: names a user",
    ),
    "somebody mentioned who is not there": (
        record("comments", mentions=[new_id()]),
        "comments.jsonl, line 1: names a user",
    ),
    "a project that is not there": (
        record("tasks", project_id=new_id()),
        "tasks.jsonl, line 1: names a project",
    ),
    "a member of nothing": (
        record("members", project_id=new_id()),
        "members.jsonl, line 1: names a project",
    ),
    "a checklist of nothing": (record("items", task_id=new_id()), "items.jsonl, line 1: names a"),
    "a comment on nothing": (record("comments", task_id=new_id()), "comments.jsonl, line 1: names"),
    "time on nothing": (record("time_entries", task_id=new_id()), "time_entries.jsonl, line 1"),
    "a parent elsewhere": (across_projects, "is not in the same project"),
    "a parent that is its child's child": (circle, "parent_id goes in a circle"),
    "subtasks of subtasks of subtasks": (staircase, "more than 5 levels deep"),
    "an agent that owns a project": (agent_as_owner, "makes an agent an owner"),
    "a task that waits for itself": (blocked_circle, "blocked_by goes in a circle"),
    "a task twice": (doubled("tasks"), "tasks.jsonl has two lines with one id"),
    "a member twice": (doubled("members"), "somebody twice"),
    "nobody whose it is": (lambda records: records["user"].clear(), "must tell of one person"),
    "two people whose it is": (doubled("user"), "must tell of one person"),
    "an agent who is the person": (
        lambda records: records["agents"][0].update(id=records["user"][0]["id"]),
        "in two of user, agents and people",
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_an_archive_whose_records_are_unsound_is_refused(
    carol: Person, content: bytes, name: str
) -> None:
    change, reason = UNSOUND[name]
    assert reason in refused(carol, rewritten(content, change))


def test_nothing_of_what_was_refused_came_in(carol: Person, nothing: Records) -> None:
    assert archive_of(carol) == nothing


# The form


@pytest.mark.parametrize("form", [{"project_id": new_id()}, {"timezone": "Europe/Berlin"}])
def test_an_archive_goes_into_no_project_and_no_zone(
    carol: Person, content: bytes, form: dict[str, str]
) -> None:
    assert refusal(send_archive(carol, content, **form)) == (400, "not_for_archives")


def test_agents_import_no_archive(carol: Person, content: bytes) -> None:
    agent = make_agent(carol)
    assert refusal(send_archive(agent, content)) == (403, "forbidden")
