"""People named in an import: who is matched, who waits, and how time is handed over."""

import pytest
from flask import Flask

from tests.clockify import bring_in, export, line, verify
from tests.factories import PASSWORD, Person, add_member, email_of, log_in, sign_up
from tests.records import (
    Record,
    done,
    make_comment,
    make_entry,
    make_project,
    make_task,
    refusal,
)


@pytest.fixture
def carol() -> str:
    """The address of somebody without an account."""
    return email_of("Carol")


def members_of(person: Person, project: Record) -> dict[str, Record]:
    """Return the members of a project by their addresses, or else their names."""
    members = done(person.get(f"/projects/{project['id']}/members"))
    return {member["email"] or member["name"]: member for member in members}


def entries_of(person: Person, project: Record) -> list[Record]:
    path = f"/time-entries?project_id={project['id']}&sort=started_at"
    found: list[Record] = done(person.get(path))
    return found


def account_of(app: Flask, email: str) -> Person:
    """Sign up with this address, which is not verified yet."""
    person = Person(app.test_client(), email=email)
    account = {"email": email, "password": PASSWORD, "name": "Carol"}
    person.id = done(person.post("/users", account))["id"]
    log_in(person)
    return person


def test_somebody_unknown_becomes_a_placeholder_member(
    alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol, User="Carol C.")), project_id=project["id"])
    member = members_of(alice, project)[carol]
    assert (member["name"], member["role"], member["placeholder"]) == ("Carol C.", "editor", True)
    (entry,) = entries_of(alice, project)
    assert entry["user_id"] == member["user_id"]


def test_an_address_means_the_same_placeholder_in_every_import(
    alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    other = make_project(alice)
    later = export(line(carol.upper(), "10:00:00 AM", "11:00:00 AM"))
    for each in (project, other):
        assert bring_in(alice, later, project_id=each["id"])["people_created"] == 0
    same = {members_of(alice, each)[carol]["user_id"] for each in (project, other)}
    assert len(same) == 1


def test_without_an_address_a_name_means_somebody_in_this_project(
    alice: Person, project: Record
) -> None:
    def nobody(start: str, end: str) -> bytes:
        return export(line("", start, end, User="Carol"))

    made = bring_in(alice, nobody("09:00:00 AM", "10:00:00 AM"), project_id=project["id"])
    again = bring_in(alice, nobody("10:00:00 AM", "11:00:00 AM"), project_id=project["id"])
    assert (made["people_created"], again["people_created"]) == (1, 0)
    other = make_project(alice)
    elsewhere = bring_in(alice, nobody("09:00:00 AM", "10:00:00 AM"), project_id=other["id"])
    assert elsewhere["people_created"] == 1
    assert members_of(alice, project)["Carol"] != members_of(alice, other)["Carol"]


def test_a_line_needs_somebody(alice: Person, project: Record) -> None:
    result = bring_in(alice, export(line("", User="")), project_id=project["id"])
    assert (result["created"], result["skipped"]) == (0, 1)


def test_a_placeholder_can_be_assigned_and_promoted(
    alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    placeholder = members_of(alice, project)[carol]["user_id"]
    task = make_task(alice, project_id=project["id"], assignee_id=placeholder)
    assert task["assignee_id"] == placeholder
    path = f"/projects/{project['id']}/members/{placeholder}"
    assert done(alice.patch(path, {"role": "viewer"}))["role"] == "viewer"


def test_a_placeholder_is_no_account_that_could_be_added(
    alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    other = make_project(alice)
    for named in ({"user_id": members_of(alice, project)[carol]["user_id"]}, {"email": carol}):
        answer = alice.post(f"/projects/{other['id']}/members", named)
        assert refusal(answer) == (400, "account_not_found")


# Accounts


def test_a_verified_account_gets_its_time_at_once(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    verify(app, bob)
    result = bring_in(alice, export(line(bob.email)), project_id=project["id"])
    assert result["people_created"] == 0
    assert done(bob.get(f"/projects/{project['id']}"))["role"] == "editor"
    assert entries_of(bob, project) == done(bob.get("/time-entries"))


def test_what_others_import_for_somebody_blocks_no_time_of_theirs(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    verify(app, bob)
    result = bring_in(alice, export(line(bob.email)), project_id=project["id"])
    assert result["overlapping"] == 0
    own = make_entry(bob, "2026-03-02T09:30:00Z", "2026-03-02T09:45:00Z")
    assert own["allow_overlap"] is False


def test_an_import_does_not_tell_when_others_worked(
    app: Flask, alice: Person, bob: Person, project: Record
) -> None:
    verify(app, bob)
    make_entry(bob, "2026-03-02T09:30:00Z", "2026-03-02T09:45:00Z")
    result = bring_in(alice, export(line(bob.email)), project_id=project["id"], dry_run="true")
    assert (result["created"], result["overlapping"]) == (1, 0)


def test_an_unverified_account_is_given_nothing(
    alice: Person, bob: Person, project: Record
) -> None:
    result = bring_in(alice, export(line(bob.email)), project_id=project["id"])
    assert result["people_created"] == 1
    assert bob.get(f"/projects/{project['id']}").status_code == 404
    assert done(bob.get("/time-entries")) == []
    assert members_of(alice, project)[bob.email]["placeholder"] is True


def test_the_importers_own_time_is_theirs(alice: Person, project: Record) -> None:
    result = bring_in(alice, export(line(alice.email)), project_id=project["id"])
    assert (result["created"], result["people_created"]) == (1, 0)
    assert entries_of(alice, project) == done(alice.get("/time-entries"))


@pytest.mark.parametrize("role", ["viewer", "editor", "owner"])
def test_a_members_time_is_theirs_and_their_role_stays(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, role)
    result = bring_in(alice, export(line(bob.email)), project_id=project["id"])
    assert (result["created"], result["people_created"]) == (1, 0)
    assert entries_of(bob, project) == done(bob.get("/time-entries"))
    assert done(bob.get(f"/projects/{project['id']}"))["role"] == role


# Handing over


def test_signing_up_alone_hands_nothing_over(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    person = account_of(app, carol)
    assert done(person.get("/time-entries")) == done(person.get("/projects")) == []
    assert members_of(alice, project)[carol]["user_id"] != person.id


def test_who_proves_their_address_takes_over_what_waited(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    waiting = members_of(alice, project)[carol]["user_id"]
    task = make_task(alice, project_id=project["id"], assignee_id=waiting)
    (entry,) = entries_of(alice, project)
    person = account_of(app, carol)
    verify(app, person)
    member = members_of(alice, project)[carol]
    assert (member["user_id"], member["role"], member["placeholder"]) == (
        person.id,
        "editor",
        False,
    )
    assert [(each["id"], each["user_id"]) for each in done(person.get("/time-entries"))] == [
        (entry["id"], person.id)
    ]
    assert done(person.get(f"/tasks/{task['id']}"))["assignee_id"] == person.id
    assert done(person.get("/users/me"))["verified"] is True


def test_time_of_all_projects_is_handed_over(app: Flask, alice: Person, carol: str) -> None:
    afternoon = line(carol, "01:00:00 PM", "02:00:00 PM", Project="Shop")
    bring_in(alice, export(line(carol), afternoon))
    person = account_of(app, carol)
    verify(app, person)
    assert len(done(person.get("/time-entries"))) == len(done(person.get("/projects"))) == 2


def test_what_is_taken_over_raises_its_version(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    task = make_task(
        alice, project_id=project["id"], assignee_id=members_of(alice, project)[carol]["user_id"]
    )
    verify(app, account_of(app, carol))
    assert entries_of(alice, project)[0]["version"] == 2
    assert members_of(alice, project)[carol]["version"] == 2
    assert done(alice.get(f"/tasks/{task['id']}"))["version"] == 2


def test_time_taken_over_that_overlaps_ones_own_is_marked(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    later = line(carol, "11:00:00 AM", "12:00:00 PM")
    bring_in(alice, export(line(carol), later), project_id=project["id"])
    person = account_of(app, carol)
    own = make_entry(person, "2026-03-02T09:30:00Z", "2026-03-02T11:00:00Z")
    verify(app, person)
    assert [entry["allow_overlap"] for entry in entries_of(person, project)] == [True, False]
    assert done(person.get(f"/time-entries/{own['id']}")) == own


def test_after_time_was_handed_over_the_same_file_creates_nothing(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    content = export(line(carol), line(carol, "10:00:00 AM", "11:00:00 AM"))
    bring_in(alice, content, project_id=project["id"])
    verify(app, account_of(app, carol))
    again = bring_in(alice, content, project_id=project["id"])
    assert (again["created"], again["matched"], again["people_created"]) == (0, 2, 0)


@pytest.mark.parametrize(
    ("waiting", "own", "role"),
    [("viewer", "editor", "editor"), ("owner", "viewer", "owner"), ("editor", "editor", "editor")],
)
def test_who_is_a_member_already_keeps_the_higher_role(
    app: Flask, alice: Person, project: Record, carol: str, waiting: str, own: str, role: str
) -> None:
    bring_in(alice, export(line(carol)), project_id=project["id"])
    place = f"/projects/{project['id']}/members/{members_of(alice, project)[carol]['user_id']}"
    done(alice.patch(place, {"role": waiting}))
    person = account_of(app, carol)
    add_member(alice, project, person, own)
    verify(app, person)
    assert done(person.get(f"/projects/{project['id']}"))["role"] == role
    assert len(done(alice.get(f"/projects/{project['id']}/members"))) == 2


def test_an_address_can_be_verified_again(app: Flask) -> None:
    person = sign_up(app, "Carol")
    verify(app, person)
    verify(app, person)
    assert done(person.get("/users/me"))["verified"] is True


def test_who_was_mentioned_beside_their_placeholder_is_mentioned_once(
    app: Flask, alice: Person, project: Record, carol: str
) -> None:
    bring_in(alice, export(line(carol, User="Placeholder")), project_id=project["id"])
    account = account_of(app, carol)
    add_member(alice, project, account, "editor")
    task = make_task(alice, project_id=project["id"])
    comment = make_comment(alice, task, "@Carol or @Placeholder?")
    assert len(comment["mentions"]) == 2
    verify(app, account)
    assert done(alice.get(f"/comments/{comment['id']}"))["mentions"] == [account.id]
