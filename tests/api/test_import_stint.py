"""Archives of Stint, brought back: into an empty account, twice, and damaged ones."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests import agents as at_work
from tests import clockify
from tests.api.access_world import make_agent
from tests.archives import (
    KINDS,
    Account,
    Records,
    archive_of,
    bring_back,
    export,
    hashes_of,
    link_tasks,
    made_at,
    make_item,
    records_of,
    resolved,
    rewritten,
)
from tests.clockify import bring_in, verify
from tests.factories import Person, add_member, sign_up
from tests.records import NINE, Record, done, event_types, make_entry, make_project, make_task
from tests.sql import rows
from utils.helpers import new_id

AGENT_TIME: dict[str, Record] = {
    "By hand": {"source": "manual"},
    "As it is now": {"source": "agent"},
    "Without a length": {"source": "import", "ended_at": NINE},
    "Nor here": {"source": "agent", "ended_at": NINE},
}


@pytest.fixture
def account(app: Flask, database: str) -> Account:
    return Account.full(app, database)


@pytest.fixture
def content(account: Account) -> bytes:
    return export(account.alice)


@pytest.fixture
def carol(app: Flask) -> Person:
    """Somebody whose account is empty."""
    return sign_up(app, "Carol")


def counts(records: Records) -> dict[str, int]:
    return {kind: len(records[kind]) for kind in KINDS}


def test_an_account_comes_back_with_equal_counts_and_hashes(content: bytes, carol: Person) -> None:
    before = records_of(content)
    result = bring_back(carol, content)
    assert (result["skipped"], result["errors"], result["overlapping"]) == (0, [], 0)
    assert result["counts"] == counts(before)
    assert min(result["counts"].values()) > 0
    after = export(carol)
    assert counts(records_of(after)) == counts(before)
    assert hashes_of(after) == hashes_of(content, made_at(content))


def test_every_hash_depends_on_every_field(content: bytes) -> None:
    before = records_of(content)
    for kind in KINDS:
        for name, value in before[kind][-1].items():
            changed = {**before, kind: [*before[kind][:-1], before[kind][-1] | {name: [value]}]}
            if name != "id":
                assert resolved(changed, "")[kind] != resolved(before, "")[kind], (kind, name)


def test_the_same_archive_again_makes_nothing(content: bytes, carol: Person) -> None:
    first = bring_back(carol, content)
    before, events = export(carol), everything_in_rooms(carol)
    second = bring_back(carol, content)
    assert sum(first["counts"].values()) == sum(counts(records_of(content)).values())
    assert set(second["counts"].values()) == {0}
    assert (second["created"], second["skipped"]) == (0, 0)
    assert second["matched"] == sum(first["counts"].values())
    assert records_of(export(carol)) == records_of(before)
    assert everything_in_rooms(carol) == events


def everything_in_rooms(person: Person) -> dict[str, list[Any]]:
    projects = done(person.get("/projects"))
    rooms = [f"user:{person.id}", *(f"project:{project['id']}" for project in projects)]
    return {room: done(person.get(f"/rooms/{room}/events")) for room in rooms}


def test_what_was_deleted_since_does_not_come_back(content: bytes, carol: Person) -> None:
    bring_back(carol, content)
    for task in done(carol.get("/tasks")):
        done(carol.delete(f"/tasks/{task['id']}"))
    for entry in done(carol.get("/time-entries")):
        done(carol.delete(f"/time-entries/{entry['id']}"))
    again = bring_back(carol, content)
    assert set(again["counts"].values()) == {0}
    assert done(carol.get("/tasks")) == done(carol.get("/time-entries")) == []


def test_two_people_each_get_a_copy_of_their_own(
    content: bytes, carol: Person, bob: Person
) -> None:
    bring_back(carol, content)
    bring_back(bob, content)
    theirs, others = archive_of(carol), archive_of(bob)
    for kind in ("projects", "tasks", "items", "comments", "time_entries", "agents"):
        assert len(theirs[kind]) == len(others[kind])
        assert {each["id"] for each in theirs[kind]} & {
            each["id"] for each in others[kind]
        } == set()


def test_the_order_and_the_age_of_things_stay(
    account: Account, content: bytes, carol: Person
) -> None:
    bring_back(carol, content)
    for path, name in (("/tasks", "title"), ("/time-entries", "note"), ("/projects", "name")):
        before, after = done(account.alice.get(path)), done(carol.get(path))
        assert [each[name] for each in after] == [each[name] for each in before]
        assert [each["created_at"] for each in after] == [each["created_at"] for each in before]
        assert {each["version"] for each in after} == {1}


def test_what_was_said_can_be_found(content: bytes, carol: Person) -> None:
    bring_back(carol, content)
    (task,) = done(carol.get("/tasks?search=unmistakable"))
    assert (task["title"], task["version"]) == ("Launch", 1)


def test_a_timer_that_ran_is_stopped_at_the_moment_of_the_export(
    content: bytes, carol: Person
) -> None:
    bring_back(carol, content)
    assert done(carol.get("/timer")) is None
    (entry,) = [each for each in done(carol.get("/time-entries")) if each["note"] == "Running"]
    assert entry["ended_at"] == made_at(content)


def test_agents_are_the_importers(content: bytes, carol: Person, database: str) -> None:
    bring_back(carol, content)
    query = "SELECT name, kind, is_active, password_hash, email FROM users WHERE owner_id = %(me)s"
    assert rows(database, query, {"me": carol.id}) == [
        {"name": "Scribe", "kind": "agent", "is_active": True, "password_hash": None, "email": None}
    ]


def test_time_of_agents_stays_theirs_also_from_before_it_was_told_apart(
    content: bytes, carol: Person
) -> None:
    def work(records: Records) -> None:
        first = records["time_entries"][0]
        agent_id = records["agents"][0]["id"]
        for note, fields in AGENT_TIME.items():
            whose = {"id": new_id(), "user_id": agent_id, "note": note, "allow_overlap": True}
            records["time_entries"].append(first | whose | fields)

    result = bring_back(carol, rewritten(content, work))
    assert (result["errors"], result["overlapping"]) == ([], 0)
    (agent,) = done(carol.get("/agents"))
    entries = archive_of(carol)["time_entries"]
    assert {
        entry["note"]: (entry["user_id"], entry["source"])
        for entry in entries
        if entry["note"] in AGENT_TIME
    } == dict.fromkeys(AGENT_TIME, (agent["id"], "agent"))
    assert "agent" not in {each["source"] for each in entries if each["user_id"] == carol.id}


def test_what_an_agent_takes_along_is_no_agents_time_for_a_person(
    alice: Person, carol: Person
) -> None:
    agent = make_agent(alice)
    make_entry(agent)
    bring_back(carol, export(agent))
    (entry,) = done(carol.get("/time-entries"))
    assert (entry["user_id"], entry["source"]) == (carol.id, "import")


# People


def members_of(person: Person) -> dict[str, Any]:
    (project,) = [
        each
        for each in done(person.get("/projects"))
        if (each["name"], each["created_by"]) == ("Website", person.id)
    ]
    members = done(person.get(f"/projects/{project['id']}/members"))
    return {member["name"]: member for member in members}


@pytest.fixture
def mate(app: Flask, account: Account, carol: Person) -> Person:
    """Bob, who has proven his address and shares a project with Carol."""
    verify(app, account.bob)
    add_member(carol, make_project(carol, name="Shared"), account.bob, "viewer")
    return account.bob


def test_a_mate_with_a_verified_address_is_a_member_again(
    content: bytes, carol: Person, mate: Person
) -> None:
    assert bring_back(carol, content)["people_created"] == 0
    assert members_of(carol)["Bob"]["user_id"] == mate.id
    copies = [
        project["role"]
        for project in done(mate.get("/projects"))
        if (project["name"], project["created_by"]) == ("Website", carol.id)
    ]
    assert copies == ["editor"]


def test_whom_one_shares_no_project_with_is_not_drawn_into_ones_own(
    app: Flask, account: Account, content: bytes, carol: Person
) -> None:
    bob = account.bob
    verify(app, bob)
    before = [done(bob.get(path)) for path in ("/projects", "/tasks", "/time-entries")]
    assert bring_back(carol, content)["people_created"] == 1
    member = members_of(carol)["Bob"]
    assert (member["placeholder"], member["email"]) == (True, bob.email)
    assert [done(bob.get(path)) for path in ("/projects", "/tasks", "/time-entries")] == before
    assert bob.id not in {comment["created_by"] for comment in archive_of(carol)["comments"]}
    assert set(bring_back(carol, content)["counts"].values()) == {0}


def test_a_mate_of_once_is_not_drawn_in_either(content: bytes, carol: Person, mate: Person) -> None:
    (shared,) = [each for each in done(carol.get("/projects")) if each["name"] == "Shared"]
    done(mate.delete(f"/projects/{shared['id']}/members/{mate.id}"))
    bring_back(carol, content)
    assert members_of(carol)["Bob"]["placeholder"] is True


def test_time_that_others_bring_along_blocks_nobodys_own(
    content: bytes, carol: Person, mate: Person
) -> None:
    bring_back(carol, content)
    copy = min(done(mate.get("/time-entries")), key=lambda each: each["allow_overlap"] is False)
    assert copy["allow_overlap"] is True


def test_time_that_others_bring_along_says_so(
    account: Account, content: bytes, carol: Person, mate: Person
) -> None:
    bring_back(carol, content)
    (copy,) = [
        each
        for each in done(mate.get("/time-entries"))
        if each["project_id"] != account.project["id"]
    ]
    assert copy["source"] == "import"


@pytest.mark.usefixtures("mate")
def test_an_archive_does_not_tell_when_others_worked(content: bytes, carol: Person) -> None:
    assert bring_back(carol, content, dry_run="true")["overlapping"] == 0


def test_anybody_else_is_a_placeholder_until_they_prove_their_address(
    app: Flask, account: Account, content: bytes, carol: Person
) -> None:
    assert bring_back(carol, content)["people_created"] == 1
    member = members_of(carol)["Bob"]
    assert (member["placeholder"], member["email"]) == (True, account.bob.email)
    verify(app, account.bob)
    assert members_of(carol)["Bob"]["user_id"] == account.bob.id
    records = archive_of(carol)
    assert account.bob.id in {comment["created_by"] for comment in records["comments"]}
    assert account.bob.id in {user for each in records["comments"] for user in each["mentions"]}
    assert account.bob.id in {task["assignee_id"] for task in records["tasks"]}
    assert set(bring_back(carol, content)["counts"].values()) == {0}


def test_an_account_and_a_placeholder_of_one_address_are_one_person(
    alice: Person, bob: Person, carol: Person
) -> None:
    project = make_project(alice)
    bring_in(alice, clockify.export(clockify.line(bob.email, User="Bob")), project_id=project["id"])
    add_member(alice, project, bob, "editor")
    make_entry(bob, project_id=project["id"])
    assert bring_back(carol, export(alice))["created"] == 2
    assert sorted(member["email"] for member in members_of(carol).values()) == sorted(
        [carol.email, bob.email]
    )


def test_the_importer_may_be_one_of_the_others(
    app: Flask, account: Account, content: bytes
) -> None:
    bob = account.bob
    result = bring_back(bob, content)
    assert (result["people_created"], result["overlapping"]) == (0, 2)
    (member,) = [each for each in members_of(bob).values() if each["name"] != "Scribe"]
    assert (member["user_id"], member["role"]) == (bob.id, "owner")
    assert set(bring_back(bob, content)["counts"].values()) == {0}


def test_a_project_of_others_becomes_ones_own(alice: Person, bob: Person, carol: Person) -> None:
    project = make_project(bob)
    add_member(bob, project, alice, "viewer")
    make_task(bob, title="For Alice", assignee_id=alice.id, project_id=project["id"])
    content = export(alice)
    result = bring_back(carol, content)
    assert counts(archive_of(carol)) == result["counts"] == counts(records_of(content))
    (copy,) = done(carol.get("/projects"))
    (task,) = done(carol.get("/tasks"))
    assert (copy["role"], task["assignee_id"]) == ("owner", carol.id)
    (author,) = archive_of(carol)["people"]
    assert (author["id"], author["name"], author["email"]) == (task["created_by"], "Bob", None)
    (member,) = done(carol.get(f"/projects/{copy['id']}/members"))
    assert member["user_id"] == carol.id
    assert set(bring_back(carol, content)["counts"].values()) == {0}


def test_a_deleted_agent_does_not_become_a_member_again(
    account: Account, content: bytes, carol: Person
) -> None:
    bring_back(carol, content)
    (agent,) = done(carol.get("/agents"))
    done(carol.delete(f"/agents/{agent['id']}"))
    place = {"project_id": make_project(account.alice, name="Second")["id"]}
    (original,) = done(account.alice.get("/agents"))
    role = {"user_id": original["id"], "role": "editor"}
    done(account.alice.post(f"/projects/{place['project_id']}/members", role))
    result = bring_back(carol, export(account.alice))
    assert (result["counts"]["projects"], result["counts"]["members"]) == (1, 1)
    assert [error["column"] for error in result["errors"]] == ["members.jsonl"]
    (second,) = [each for each in done(carol.get("/projects")) if each["name"] == "Second"]
    members = done(carol.get(f"/projects/{second['id']}/members"))
    assert [member["user_id"] for member in members] == [carol.id]


def test_what_an_agent_holds_is_to_be_claimed_by_its_copy(alice: Person, carol: Person) -> None:
    project = make_project(alice, settings={"agents_completing": "propose"})
    agent = at_work.make_agent(alice, project)
    place = {"project_id": project["id"], "delegate_id": agent.id}
    make_task(alice, title="Proposed", **place)
    done(agent.post(f"/leases/{at_work.claim_one(agent)['id']}/complete"))
    make_task(alice, title="Held", **place)
    at_work.claim_one(agent)
    bring_back(carol, export(alice))
    (copy,) = done(carol.get("/agents"))
    tasks = {task["title"]: task for task in done(carol.get("/tasks"))}
    assert {task["delegate_id"] for task in tasks.values()} == {copy["id"]}
    assert (tasks["Held"]["status"], tasks["Held"]["started_at"]) == ("pending", None)
    assert tasks["Proposed"]["status"] == "in_progress"


@pytest.mark.parametrize("who", ["a person", "an agent elsewhere"])
def test_tasks_are_given_to_agents_that_work_there_only(
    alice: Person, carol: Person, who: str
) -> None:
    project = make_project(alice)
    make_task(alice, project_id=project["id"])
    make_agent(alice)

    def give(records: Records) -> None:
        (agent,), (user,) = records["agents"], records["user"]
        delegate = user if who == "a person" else agent
        records["tasks"][0]["delegate_id"] = delegate["id"]

    bring_back(carol, rewritten(export(alice), give))
    (task,) = done(carol.get("/tasks"))
    assert task["delegate_id"] is None


# What is there already


def test_time_that_overlaps_is_kept_and_marked(content: bytes, carol: Person) -> None:
    own = make_entry(carol)
    assert bring_back(carol, content)["overlapping"] == 1
    entries = {each["note"]: each["allow_overlap"] for each in done(carol.get("/time-entries"))}
    assert (entries["Draft"], entries["Running"], entries[own["note"]]) == (True, False, False)


def test_a_later_archive_brings_what_is_new(
    account: Account, content: bytes, carol: Person
) -> None:
    bring_back(carol, content)
    task = make_task(account.alice, title="Later", project_id=account.project["id"])
    link_tasks(account.database, task, parent=account.tasks["Launch"])
    make_item(account.database, account.alice, "New", task_id=account.tasks["Launch"]["id"])
    result = bring_back(carol, export(account.alice))
    assert {kind: made for kind, made in result["counts"].items() if made} == {
        "tasks": 1,
        "items": 1,
    }
    later, launch = (done(carol.get(f"/tasks?search={word}"))[0] for word in ("later", "launch"))
    assert later["parent_id"] == launch["id"]


def test_what_is_new_in_a_deleted_project_is_left_out(
    account: Account, content: bytes, carol: Person
) -> None:
    bring_back(carol, content)
    (project,) = [each for each in done(carol.get("/projects")) if each["name"] == "Website"]
    done(carol.delete(f"/projects/{project['id']}"))
    place = {"project_id": account.project["id"]}
    make_task(account.alice, title="Later", **place)
    make_item(account.database, account.alice, "New", task_id=account.tasks["Launch"]["id"])
    make_entry(account.alice, "2026-03-05T09:00:00Z", "2026-03-05T10:00:00Z", **place)
    result = bring_back(carol, export(account.alice))
    assert (sum(result["counts"].values()), result["skipped"]) == (0, 3)
    places = {error["column"] for error in result["errors"]}
    assert places == {"tasks.jsonl", "items.jsonl", "time_entries.jsonl"}


def test_a_rehearsal_writes_nothing(content: bytes, carol: Person) -> None:
    before = archive_of(carol)
    result = bring_back(carol, content, dry_run="true")
    assert result["counts"] == counts(records_of(content))
    assert archive_of(carol) == before


# Events


def test_everything_is_announced_where_it_belongs(content: bytes, carol: Person) -> None:
    bring_back(carol, content)
    records = archive_of(carol)
    website = next(each["id"] for each in records["projects"] if each["name"] == "Website")
    assert Counter(event_types(carol, f"project:{website}")) == {
        "project.created": 1, "member.added": 3, "task.created": 4, "item.created": 2,
        "comment.created": 3, "time_entry.imported": 3,
    }  # fmt: skip
    assert Counter(event_types(carol, f"user:{carol.id}")) == {
        "user.created": 1, "agent.created": 1, "member.added": 2, "task.created": 2,
        "item.created": 2, "comment.created": 1, "time_entry.imported": 2,
    }  # fmt: skip


def test_an_event_tells_what_was_made(content: bytes, carol: Person) -> None:
    bring_back(carol, content)
    paths = {"task.created": "/tasks", "time_entry.imported": "/time-entries"}
    events = [each for room in everything_in_rooms(carol).values() for each in room]
    told = [each for each in events if each["type"] in paths]
    assert len(told) == 11
    for event in told:
        if event["data"].get("user_id", carol.id) == carol.id:
            path = f"{paths[event['type']]}/{event['subject']}"
            assert event["data"] == done(carol.get(path))


# The program


def test_the_command_takes_an_archive(
    app: Flask, content: bytes, carol: Person, tmp_path: Path
) -> None:
    file = tmp_path / "stint.zip"
    file.write_bytes(content)
    arguments = ["import-time", str(file), "--as", carol.email, "--format", "stint"]
    result = app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output
    assert "comments: 4" in result.stdout.splitlines()
    assert counts(archive_of(carol)) == counts(records_of(content))
