"""Members of projects over the API."""

import pytest

from tests.api.access_world import import_form, make_agent
from tests.factories import Person, add_member
from tests.records import Record, done, event_types, make_task, refusal

ROLES = ["viewer", "editor", "owner"]


def place(project: Record, person: Person) -> str:
    """Return the path of somebody's membership."""
    return f"/projects/{project['id']}/members/{person.id}"


def test_who_makes_a_project_is_its_owner(alice: Person, project: Record) -> None:
    (member,) = done(alice.get(f"/projects/{project['id']}/members"))
    times = {name: member[name] for name in ("created_at", "updated_at")}
    assert member == times | {
        "project_id": project["id"],
        "user_id": alice.id,
        "name": "Alice",
        "email": alice.email,
        "role": "owner",
        "placeholder": False,
        "version": 1,
    }


@pytest.mark.parametrize("named_by", ["email", "user_id"])
def test_somebody_is_added_by_address_or_id_as_an_editor(
    alice: Person, bob: Person, project: Record, named_by: str
) -> None:
    named = {"email": bob.email.upper()} if named_by == "email" else {"user_id": bob.id}
    added = done(alice.post(f"/projects/{project['id']}/members", named))
    assert (added["user_id"], added["role"]) == (bob.id, "editor")
    assert done(bob.get(place(project, bob))) == added


@pytest.mark.parametrize("body", [{}, {"email": "bob@example.org", "user_id": "0" * 8}])
def test_one_person_must_be_named(alice: Person, project: Record, body: Record) -> None:
    answer = alice.post(f"/projects/{project['id']}/members", body)
    assert refusal(answer) == (422, "invalid_input")


def test_nobody_without_an_account_can_be_added(alice: Person, project: Record) -> None:
    answer = alice.post(f"/projects/{project['id']}/members", {"email": "nobody@example.org"})
    assert refusal(answer) == (400, "account_not_found")


def test_a_member_cannot_be_added_again(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "viewer")
    again = {"user_id": bob.id, "role": "owner"}
    answer = alice.post(f"/projects/{project['id']}/members", again)
    assert refusal(answer) == (409, "already_member")
    assert done(alice.get(place(project, bob)))["role"] == "viewer"


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_manage_members(alice: Person, bob: Person, project: Record, role: str) -> None:
    add_member(alice, project, bob, role)
    answers = [
        bob.post(f"/projects/{project['id']}/members", {"email": alice.email}),
        bob.patch(place(project, alice), {"role": "viewer"}),
        bob.patch(place(project, bob), {"role": "owner"}),
        bob.delete(place(project, alice)),
    ]
    assert [refusal(answer) for answer in answers] == [(403, "forbidden")] * 4


@pytest.mark.parametrize("role", ROLES)
def test_members_see_each_other(alice: Person, bob: Person, project: Record, role: str) -> None:
    add_member(alice, project, bob, role)
    members = done(bob.get(f"/projects/{project['id']}/members"))
    assert {member["user_id"] for member in members} == {alice.id, bob.id}


def test_members_of_a_project_of_others_do_not_exist(
    alice: Person, bob: Person, project: Record
) -> None:
    answers = [
        bob.get(f"/projects/{project['id']}/members"),
        bob.get(place(project, alice)),
        bob.post(f"/projects/{project['id']}/members", {"user_id": bob.id}),
        bob.patch(place(project, alice), {"role": "viewer"}),
        bob.delete(place(project, alice)),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


def test_who_is_no_member_has_no_place(alice: Person, bob: Person, project: Record) -> None:
    path = place(project, bob)
    answers = [alice.get(path), alice.patch(path, {"role": "viewer"}), alice.delete(path)]
    assert [answer.status_code for answer in answers] == [404] * 3


@pytest.mark.parametrize("role", ROLES)
def test_a_changed_role_counts_at_once(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, "editor")
    done(alice.patch(place(project, bob), {"role": role}))
    assert done(bob.get(f"/projects/{project['id']}"))["role"] == role


def test_each_change_raises_the_version_by_one(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    roles = ["viewer", "owner", "editor"]
    changed = [done(alice.patch(place(project, bob), {"role": role})) for role in roles]
    assert [member["version"] for member in changed] == [2, 3, 4]


def test_a_change_to_another_version_is_refused_and_shows_the_current_one(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    current = done(alice.patch(place(project, bob), {"role": "viewer"}))
    answers = [
        alice.patch(place(project, bob), {"role": "owner"}, If_Match='"v1"'),
        alice.delete(place(project, bob), If_Match='"v1"'),
    ]
    assert [refusal(answer) for answer in answers] == [(412, "version_mismatch")] * 2
    assert [answer.get_json()["current"] for answer in answers] == [current] * 2


# Agents


def test_when_somebodys_role_falls_those_of_their_agents_fall_along(
    alice: Person, bob: Person, project: Record
) -> None:
    agent = agent_of_an_owner(alice, bob, project)
    task = make_task(agent, project_id=project["id"])
    done(alice.patch(place(project, bob), {"role": "viewer"}))
    member = done(alice.get(place(project, agent)))
    assert (member["role"], member["version"]) == ("viewer", 2)
    answer = agent.patch(f"/tasks/{task['id']}", {"title": "Mine"}, If_Match='"v1"')
    assert refusal(answer) == (403, "forbidden")


def test_the_room_and_the_agent_hear_of_the_fall(
    alice: Person, bob: Person, project: Record
) -> None:
    agent = agent_of_an_owner(alice, bob, project)
    done(alice.patch(place(project, bob), {"role": "viewer"}))
    heard = done(alice.get(f"/rooms/project:{project['id']}/events"))[-2:]
    told = [(event["type"], event["subject"], event["data"]["role"]) for event in heard]
    assert told == [("member.updated", each.id, "viewer") for each in (bob, agent)]
    assert event_types(agent, f"user:{agent.id}")[-1] == "member.updated"


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_an_agent_that_does_not_exceed_the_new_role_stays_as_it_is(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    agent = agent_of_an_owner(alice, bob, project, role="viewer")
    before = done(alice.get(place(project, agent)))
    done(alice.patch(place(project, bob), {"role": role}))
    assert done(alice.get(place(project, agent))) == before


def test_agents_of_others_stay_as_they_are(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    done(alice.patch(place(project, bob), {"role": "viewer"}))
    assert done(alice.get(place(project, agent)))["role"] == "editor"


def test_nobody_raises_an_agent_above_its_owner(
    alice: Person, bob: Person, project: Record
) -> None:
    agent = agent_of_an_owner(alice, bob, project)
    done(alice.patch(place(project, bob), {"role": "viewer"}))
    answer = alice.patch(place(project, agent), {"role": "editor"})
    assert refusal(answer) == (400, "agent_above_owner")
    assert done(alice.get(place(project, agent)))["role"] == "viewer"


def agent_of_an_owner(alice: Person, bob: Person, project: Record, role: str = "editor") -> Person:
    """Return an agent of Bob's in a project that he owns together with Alice."""
    add_member(alice, project, bob, "owner")
    agent = make_agent(bob)
    add_member(bob, project, agent, role)
    return agent


# Leaving


def test_a_removed_member_sees_the_project_no_more(
    alice: Person, bob: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    add_member(alice, project, bob, "editor")
    assert alice.delete(place(project, bob)).status_code == 204
    paths = [f"/projects/{project['id']}", f"/tasks/{task['id']}", place(project, alice)]
    assert [bob.get(path).status_code for path in paths] == [404] * 3


@pytest.mark.parametrize("role", ROLES)
def test_everyone_may_leave(alice: Person, bob: Person, project: Record, role: str) -> None:
    add_member(alice, project, bob, role)
    assert bob.delete(place(project, bob)).status_code == 204
    assert bob.get(f"/projects/{project['id']}").status_code == 404
    assert alice.get(place(project, bob)).status_code == 404


def test_who_left_can_be_added_again(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    done(bob.delete(place(project, bob)))
    add_member(alice, project, bob, "viewer")
    assert done(bob.get(f"/projects/{project['id']}"))["role"] == "viewer"


def test_what_somebody_did_stays_when_they_leave(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    task = make_task(bob, project_id=project["id"], assignee_id=bob.id)
    done(bob.delete(place(project, bob)))
    assert done(alice.get(f"/tasks/{task['id']}")) == task


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_the_last_owner_cannot_step_down(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, "editor")
    answer = alice.patch(place(project, alice), {"role": role})
    assert refusal(answer) == (409, "last_owner")


def test_the_last_owner_cannot_leave(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    assert refusal(alice.delete(place(project, alice))) == (409, "last_owner")
    assert done(alice.get(f"/projects/{project['id']}"))["role"] == "owner"


def test_the_last_owner_may_stay_owner(alice: Person, project: Record) -> None:
    assert done(alice.patch(place(project, alice), {"role": "owner"}))["role"] == "owner"


def test_with_another_owner_one_may_step_down_or_leave(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "owner")
    assert done(alice.patch(place(project, alice), {"role": "editor"}))["role"] == "editor"
    assert refusal(bob.delete(place(project, bob))) == (409, "last_owner")
    done(bob.patch(place(project, alice), {"role": "owner"}))
    assert bob.delete(place(project, bob)).status_code == 204


def test_a_new_name_is_told_to_everyone_who_shares_a_project(
    alice: Person, project: Record
) -> None:
    path = f"/projects/{project['id']}/members/{alice.id}"
    seen = alice.get(path).headers["ETag"]
    alice.patch("/users/me", {"name": "Alice Liddell"})
    answer = alice.get(path, If_None_Match=seen)
    assert (answer.status_code, answer.get_json()["name"]) == (200, "Alice Liddell")
    events = alice.get(f"/rooms/project:{project['id']}/events").get_json()
    assert (events[-1]["type"], events[-1]["data"]["name"]) == ("member.updated", "Alice Liddell")


def test_a_change_of_role_is_a_change_of_the_project_as_its_member_sees_it(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    seen = bob.get(f"/projects/{project['id']}").headers["ETag"]
    alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "editor"})
    answer = bob.get(f"/projects/{project['id']}", If_None_Match=seen)
    assert (answer.status_code, answer.get_json()["role"]) == (200, "editor")


def test_a_project_has_only_so_many_members(
    alice: Person, bob: Person, project: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.membership_service.MEMBERS_MAX", 1)
    path = f"/projects/{project['id']}/members"
    assert refusal(alice.post(path, {"user_id": bob.id})) == (409, "too_many_members")
    monkeypatch.setattr("services.membership_service.MEMBERS_MAX", 2)
    done(alice.post(path, {"user_id": bob.id}))


def test_an_import_brings_no_more_members_than_that(
    alice: Person, project: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.membership_service.MEMBERS_MAX", 1)
    form = import_form({"project_id": project["id"]})
    answer = alice.send("POST", "/imports", headers={}, **form)
    assert refusal(answer) == (409, "too_many_members")
