"""Taking everything with one: what is in the archive, what is not, and how it is sent."""

import csv
import io
import json
import re
import tracemalloc
import zipfile
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import pytest
from flask import Flask

import services.export_service
from config import settings
from models.archive import RECORDS, file_of
from services.archives.file import ArchiveFile
from services.db_client import db
from services.user_service import user_service
from tests.archives import (
    EXPORT,
    KINDS,
    Account,
    Records,
    archive_of,
    export,
    link_tasks,
    make_agent,
    make_comment,
    make_item,
    records_of,
    unpack,
)
from tests.factories import Person, add_member, sign_up
from tests.records import Record, done, make_entry, make_project, make_task, refusal
from tests.server import Server
from tests.sql import connect, rows

CLAIM = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

MANY = 20_000
MEMORY_MAX = 8_000_000


@pytest.fixture(scope="module")
def account(app: Flask, database: str) -> Account:
    return Account.full(app, database)


@pytest.fixture(scope="module")
def content(account: Account) -> bytes:
    return export(account.alice)


@pytest.fixture
def shared(alice: Person, bob: Person) -> Record:
    """A project of Bob's in which Alice is an editor."""
    project = make_project(bob, name="Bob's")
    add_member(bob, project, alice, "editor")
    return project


def named(records: Records, kind: str, name: str) -> list[Any]:
    return [record[name] for record in records[kind]]


# The file


def test_an_export_is_a_zip_with_a_name(alice: Person) -> None:
    answer = alice.get(EXPORT)
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    assert re.fullmatch(
        r'attachment; filename="stint-\d{4}-\d\d-\d\d\.zip"', answer.headers["Content-Disposition"]
    )
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert "ETag" not in answer.headers
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None


def test_head_tells_the_same_and_sends_nothing(alice: Person) -> None:
    answer = alice.send("HEAD", EXPORT, headers={})
    assert (answer.status_code, answer.content_type, answer.data) == (200, "application/zip", b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_an_export_takes_no_parameters(alice: Person) -> None:
    assert alice.get(f"{EXPORT}?kind=tasks").status_code == 422


def test_an_export_comes_in_pieces_from_the_real_server(account: Account, server: Server) -> None:
    with server.client(account.alice.tokens["access_token"]) as client:
        answer = client.get(EXPORT, stream=True)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
        pieces = list(answer.iter_content(1_000))
    assert len(pieces) > 1
    assert len(b"".join(pieces)) == int(answer.headers["Content-Length"])
    records_of(b"".join(pieces))


def record_the_file(monkeypatch: pytest.MonkeyPatch) -> BinaryIO:
    """Return the file that the next export will write."""
    file = TemporaryFile()  # noqa: SIM115 - whether it is closed is the question
    monkeypatch.setattr(services.export_service, "TemporaryFile", lambda: file)
    return file


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_file_is_gone_when_nobody_waits_for_it_any_more(
    alice: Person, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    file = record_the_file(monkeypatch)
    headers = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    with alice.client.open(settings.api_prefix + EXPORT, method=method, headers=headers):
        assert not file.closed  # and nothing was read
    assert file.closed


def test_a_fault_on_the_way_leaves_no_file(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    file = record_the_file(monkeypatch)
    monkeypatch.setattr(ArchiveFile, "finish", lambda *_: 1 / 0)
    assert alice.get(EXPORT).status_code == 500
    assert file.closed


def test_a_second_export_of_ones_own_at_the_same_time_is_refused(
    database: str, alice: Person, bob: Person
) -> None:
    with connect(database) as other, other.transaction():
        other.execute(CLAIM, [f"export {alice.id}"])
        answer = alice.get(EXPORT)
        assert refusal(answer) == (409, "export_running")
        assert int(answer.headers["Retry-After"]) > 0
        assert bob.get(EXPORT).status_code == 200
    assert [alice.get(EXPORT).status_code for _ in range(2)] == [200, 200]


def test_the_manifest_tells_of_every_kind(content: bytes) -> None:
    manifest, records = json.loads(unpack(content)["manifest.json"]), records_of(content)
    assert (manifest["format"], manifest["version"]) == ("stint", 1)
    assert manifest["counts"] == {kind: len(records[kind]) for kind in RECORDS}
    assert manifest["sha256"].keys() == RECORDS.keys()


def test_every_record_is_as_the_format_says(content: bytes) -> None:
    for kind, model in RECORDS.items():
        for line in unpack(content)[file_of(kind)].splitlines():
            assert set(json.loads(line)) == set(model.model_fields)
            model.model_validate_json(line)


def test_there_is_a_table_of_every_kind(content: bytes) -> None:
    files = unpack(content)
    for kind in KINDS:
        table = list(csv.DictReader(io.StringIO(files[f"{kind}.csv"].decode())))
        assert len(table) == len(records_of(content)[kind]), kind
    entries = csv.DictReader(io.StringIO(files["time_entries.csv"].decode()))
    (draft,) = [line for line in entries if line["note"] == "Draft"]
    assert (draft["person"], draft["project"], draft["task"]) == ("Alice", "Website", "Launch")
    assert (draft["seconds"], draft["labels"], draft["billable"]) == ("3600", "deep", "true")


def test_what_one_was_told_is_a_table(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        message = {"user_id": person.id, "subject": "Milk", "message": "=1+1"}
        assert person.post("/notify", message).status_code == 202
    (line,) = csv.DictReader(io.StringIO(unpack(export(alice))["notifications.csv"].decode()))
    assert (line["kind"], line["actor"], line["title"]) == ("message", "Alice", "Milk")
    assert line["message"] == "'=1+1"


def test_no_cell_is_a_formula(content: bytes) -> None:
    table = csv.DictReader(io.StringIO(unpack(content)["tasks.csv"].decode()))
    assert "'=SUM(1)" in [line["description"] for line in table]


# What is in it


def test_an_empty_account_has_an_archive_too(alice: Person) -> None:
    records = archive_of(alice)
    assert named(records, "user", "email") == [alice.email]
    assert [kind for kind in KINDS if records[kind]] == []


def test_everything_of_a_project_that_one_owns_is_in_it(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    place = {"project_id": project["id"]}
    task = make_task(bob, title="Bob's", **place)
    make_entry(bob, note="Bob's", task_id=task["id"])
    records = archive_of(alice)
    assert named(records, "tasks", "title") == named(records, "time_entries", "note") == ["Bob's"]
    assert named(records, "people", "email") == [bob.email]
    assert {each["user_id"]: each["role"] for each in records["members"]} == {
        alice.id: "owner",
        bob.id: "editor",
    }


def test_of_other_projects_only_ones_own_is_in_it(
    alice: Person, bob: Person, shared: Record, database: str
) -> None:
    place = {"project_id": shared["id"]}
    theirs = make_task(bob, title="Bob's", **place)
    mine = make_task(alice, title="Mine", **place)
    given = make_task(bob, title="For me", assignee_id=alice.id, **place)
    link_tasks(database, mine, parent=theirs, blockers=(theirs, given))
    for author in (alice, bob):
        make_comment(database, author.id, theirs, f"{author.id} on Bob's")
        make_comment(database, author.id, given, f"{author.id} on mine")
        make_item(database, author, f"Step of {author.id}", task_id=given["id"])
        make_item(database, author, "Of Bob's", task_id=theirs["id"])
        make_entry(author, note=author.id, task_id=theirs["id"])
    records = archive_of(alice)
    assert named(records, "projects", "role") == ["editor"]
    assert named(records, "tasks", "title") == ["Mine", "For me"]
    assert (records["tasks"][0]["parent_id"], records["tasks"][0]["blocked_by"]) == (
        None,
        [given["id"]],
    )
    assert named(records, "comments", "body") == [f"{alice.id} on mine"]
    assert set(named(records, "items", "name")) == {f"Step of {alice.id}", f"Step of {bob.id}"}
    assert named(records, "time_entries", "note") == [alice.id]
    assert named(records, "time_entries", "task_id") == [None]
    assert named(records, "members", "user_id") == [alice.id]


def test_addresses_are_only_those_of_ones_own_projects(
    alice: Person, bob: Person, shared: Record
) -> None:
    make_task(bob, title="For me", assignee_id=alice.id, project_id=shared["id"])
    content = export(alice)
    assert records_of(content)["people"] == [
        {"id": bob.id, "kind": "person", "name": "Bob", "email": None}
    ]
    assert bob.email.encode() not in b"".join(unpack(content).values())


def test_what_is_private_to_others_is_not_in_it(
    alice: Person, bob: Person, project: Record, database: str
) -> None:
    add_member(alice, project, bob, "owner")
    make_task(bob, title="Secret")
    make_entry(bob, note="Secret")
    make_item(database, bob, "Secret")
    make_agent(database, bob, "Secret")
    other = make_project(bob, name="Secret")
    make_task(bob, title="Secret", project_id=other["id"])
    assert b"Secret" not in b"".join(unpack(export(alice)).values())


def test_what_is_in_the_trash_is_not_in_it(alice: Person, database: str) -> None:
    gone, kept = make_project(alice, name="Trash"), make_project(alice, name="Kept")
    make_task(alice, title="Trash", project_id=gone["id"])
    task = make_task(alice, title="Trash", project_id=kept["id"])
    child = make_task(alice, title="Child", project_id=kept["id"])
    link_tasks(database, child, blockers=(task,))
    make_comment(database, alice.id, task, "Trash")
    make_item(database, alice, "Trash", task_id=task["id"])
    make_item(database, alice, "Trash", deleted_at="2026-01-01T00:00:00Z")
    make_item(database, alice, "Promoted", promoted_task_id=task["id"])
    make_entry(alice, note="Kept", task_id=task["id"])
    done(alice.delete(f"/time-entries/{make_entry(alice, note='Trash', allow_overlap=True)['id']}"))
    done(alice.delete(f"/tasks/{task['id']}"))
    done(alice.delete(f"/projects/{gone['id']}"))
    content = export(alice)
    assert b"Trash" not in b"".join(unpack(content).values())
    records = records_of(content)
    assert named(records, "tasks", "blocked_by") == [[]]
    assert named(records, "items", "promoted_task_id") == [None]
    assert named(records, "time_entries", "task_id") == [None]


def test_of_a_project_that_one_left_the_time_is_ones_own_and_nothing_else(
    alice: Person, bob: Person, shared: Record
) -> None:
    make_task(alice, title="Left", project_id=shared["id"])
    make_entry(alice, note="Mine", project_id=shared["id"])
    done(bob.delete(f"/projects/{shared['id']}/members/{alice.id}"))
    records = archive_of(alice)
    assert {kind for kind in KINDS if records[kind]} == {"time_entries"}
    assert named(records, "time_entries", "project_id") == [None]


def test_no_secret_is_in_it(account: Account, content: bytes, database: str) -> None:
    query = """
        SELECT password_hash AS secret FROM users WHERE id = %(me)s
        UNION ALL SELECT id::text FROM sessions WHERE user_id = %(me)s
        UNION ALL SELECT refresh_id::text FROM sessions WHERE user_id = %(me)s
    """
    secrets = [row["secret"] for row in rows(database, query, {"me": account.alice.id})]
    everything = b"".join(unpack(content).values())
    assert len(secrets) >= 3
    assert [secret for secret in secrets if secret.encode() in everything] == []


def test_what_the_records_refer_to_is_in_it(content: bytes) -> None:
    records = records_of(content)
    ids = {each["id"] for kind in RECORDS if kind != "members" for each in records[kind]}
    for kind in KINDS:
        for record in records[kind]:
            for name, value in record.items():
                if name.endswith("_id") or name in ("created_by", "mentions", "blocked_by"):
                    referred = value if isinstance(value, list) else [value]
                    assert ids.issuperset(filter(None, referred)), (kind, name)


def test_a_life_long_entry_goes_into_its_table(alice: Person) -> None:
    make_entry(alice, "1900-01-02T00:00:00Z", "2199-01-02T00:00:00Z")
    (line,) = csv.DictReader(io.StringIO(unpack(export(alice))["time_entries.csv"].decode()))
    assert int(line["seconds"]) > 2**31


# Much of it


def fill(database: str, person: Person, count: int) -> None:
    """Record so many entries of a minute."""
    with connect(database) as connection:
        connection.execute(
            """
            INSERT INTO time_entries
                (id, user_id, user_number, started_at, ended_at, timezone, source, note)
            SELECT gen_random_uuid(), id, number,
                '2020-01-01'::timestamptz + minute * interval '1 minute',
                '2020-01-01'::timestamptz + (minute + 1) * interval '1 minute',
                'UTC', 'manual', 'Minute ' || minute
            FROM users, generate_series(1, %s) AS minute WHERE id = %s
            """,
            [count, person.id],
        )


def test_a_large_account_takes_little_memory(app: Flask, database: str) -> None:
    person = sign_up(app, "Alice")
    fill(database, person, MANY)
    principal = db.reading(lambda: user_service.principal_of(person.email))
    tracemalloc.start()
    try:
        download = services.export_service.export_service.export(principal)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with download.file:
        download.file.seek(0)
        assert len(records_of(download.file.read())["time_entries"]) == MANY
    assert peak < MEMORY_MAX, peak
