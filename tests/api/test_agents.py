"""Agents over the API: whose they are, who sees them, and when they may act."""

from typing import Any

import pytest
from flask import Flask

from tests.api.access_world import make_agent
from tests.archives import export, send_archive
from tests.factories import Person, add_member, as_agent, sign_up
from tests.records import Record, done, event_types, ids, make_project, make_task, refusal
from tests.sql import rows
from tests.waiting import wait_until

BUILDER = {"name": "Builder", "kind": "ci"}


def new_agent(owner: Person, **fields: Any) -> Record:
    agent: Record = done(owner.post("/agents", BUILDER | fields))
    return agent


def change(owner: Person, agent: Record, **fields: Any) -> Record:
    changed: Record = done(owner.patch(f"/agents/{agent['id']}", fields))
    return changed


def join(owner: Person, project: Record, agent: Record, role: str = "editor") -> Record:
    """Let an agent's owner add it to a project of theirs."""
    body = {"user_id": agent["id"], "role": role}
    member: Record = done(owner.post(f"/projects/{project['id']}/members", body))
    return member


def place(project: Record, agent: Record) -> str:
    """Return the path of an agent's membership."""
    return f"/projects/{project['id']}/members/{agent['id']}"


def signed_in(owner: Person, agent: Record) -> Person:
    """Return the agent as somebody who sends requests."""
    return as_agent(owner, agent["id"])


@pytest.fixture
def agent(alice: Person) -> Record:
    return new_agent(alice)


# Making one


def test_a_new_agent_belongs_to_who_made_it(alice: Person) -> None:
    made = done(alice.post("/agents", BUILDER))
    given = {name: made[name] for name in ("id", "created_at", "updated_at")}
    assert made == given | BUILDER | {
        "owner_id": alice.id,
        "description": "",
        "capabilities": [],
        "agent_metadata": {},
        "is_active": True,
        "version": 1,
    }
    assert done(alice.get(f"/agents/{made['id']}")) == made


def test_an_agent_keeps_what_it_is_made_with(alice: Person) -> None:
    fields = {
        "name": "Reviewer",
        "kind": "llm",
        "description": "Reads what others wrote.",
        "capabilities": ["reviews"],
        "agent_metadata": {"model": {"size": 7, "tags": ["a", "b"]}},
    }
    made = new_agent(alice, **fields)
    assert {name: made[name] for name in fields} == fields


def test_an_agent_is_a_user_without_address_or_password(app: Flask, database: str) -> None:
    berliner = sign_up(app, "Carol", "Europe/Berlin")
    made = new_agent(berliner)
    query = "SELECT kind, role, timezone, email, password_hash FROM users WHERE id = %(id)s"
    assert rows(database, query, {"id": made["id"]}) == [
        {
            "kind": "agent",
            "role": "member",
            "timezone": "Europe/Berlin",
            "email": None,
            "password_hash": None,
        }
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("kind", ""),
        ("kind", "x" * 51),
        ("kind", None),
        ("description", "x" * 20_001),
        ("agent_metadata", []),
        ("agent_metadata", {"a": "\0"}),
        ("owner_id", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("is_active", False),
    ],
)
def test_an_agent_that_does_not_fit_is_refused_and_says_where(
    alice: Person, field: str, value: Any
) -> None:
    answer = alice.post("/agents", BUILDER | {field: value})
    assert refusal(answer) == (422, "invalid_input")
    assert answer.get_json()["errors"][0]["field"].startswith(f"body.{field}")


def test_an_agent_makes_no_agents_and_is_told_who_can(alice: Person) -> None:
    answer = make_agent(alice).post("/agents", BUILDER)
    assert refusal(answer) == (403, "people_only")
    assert "person" in answer.get_json()["detail"]


# Who sees it


def test_people_see_their_own_agents_and_those_in_their_projects_newest_first(
    alice: Person, bob: Person, project: Record
) -> None:
    first, of_bob, unseen, last = (
        new_agent(alice), new_agent(bob), new_agent(bob), new_agent(alice)
    )  # fmt: skip
    add_member(alice, project, bob, "owner")
    join(bob, project, of_bob)
    assert ids(alice.get("/agents")) == [last["id"], of_bob["id"], first["id"]]
    assert ids(bob.get("/agents")) == [unseen["id"], of_bob["id"]]


def test_the_list_of_agents_is_filtered(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "owner")
    of_bob = new_agent(bob, name="Deployer")
    join(bob, project, of_bob)
    inside, outside = new_agent(alice, name="Builder One"), new_agent(alice, name="Builder Two")
    join(alice, project, inside)
    own, here = "owner=me", f"project_id={project['id']}"
    found = {
        question: ids(alice.get(f"/agents?{question}"))
        for question in (own, here, f"{own}&{here}", "search=BUILD", f"{here}&search=deploy")
    }
    assert found == {
        own: [outside["id"], inside["id"]],
        here: [inside["id"], of_bob["id"]],
        f"{own}&{here}": [inside["id"]],
        "search=BUILD": [outside["id"], inside["id"]],
        f"{here}&search=deploy": [of_bob["id"]],
    }


@pytest.mark.parametrize("question", ["owner=you", "owner=", "project_id=1", "search=", "kind=ci"])
def test_a_filter_that_is_not_offered_is_refused(alice: Person, question: str) -> None:
    assert refusal(alice.get(f"/agents?{question}")) == (422, "invalid_input")


def test_the_agents_of_a_project_of_others_are_not_listed(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    join(alice, project, agent)
    answer = bob.get(f"/agents?project_id={project['id']}")
    assert refusal(answer) == (404, "not_found")


def test_people_are_no_agents(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    assert done(alice.get("/agents")) == []
    answers = [
        alice.get(f"/agents/{bob.id}"),
        alice.patch(f"/agents/{bob.id}", {"name": "x"}),
        alice.delete(f"/agents/{alice.id}"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3


def test_who_leaves_the_project_sees_its_agents_no_more(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    join(alice, project, agent)
    assert done(bob.get(f"/agents/{agent['id']}")) == agent
    done(bob.delete(place(project, {"id": bob.id})))
    assert bob.get(f"/agents/{agent['id']}").status_code == 404
    assert done(bob.get("/agents")) == []


# Changing it


def test_an_owner_changes_an_agent(alice: Person, agent: Record) -> None:
    fields = {"name": "Deployer", "kind": "script", "description": "Ships.", "is_active": False}
    changed = change(alice, agent, **fields)
    assert changed == agent | fields | {"version": 2, "updated_at": changed["updated_at"]}
    assert done(alice.get(f"/agents/{agent['id']}")) == changed


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}, {"a": {"c": 2, "d": 3}}),
        ({"a": {"b": {"c": {"d": 1, "e": 2}}}}, {"a": {"b": {"c": {"d": 3}}}},
         {"a": {"b": {"c": {"d": 3, "e": 2}}}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": None, "c": 2}}, {"a": {"c": 2}}),
    ],
)  # fmt: skip
def test_metadata_is_merged_and_stays_so(
    alice: Person, before: Any, patch: Any, after: Any
) -> None:
    agent = new_agent(alice, agent_metadata=before)
    changed = change(alice, agent, agent_metadata=patch)
    assert (changed["agent_metadata"], changed["version"]) == (after, 2)
    assert done(alice.get(f"/agents/{agent['id']}")) == changed


@pytest.mark.parametrize("patch", [{}, {"a": {"b": 1}}, {"a": {"c": None}}])
def test_metadata_that_are_patched_to_what_they_are_make_no_new_version(
    alice: Person, patch: Record
) -> None:
    agent = new_agent(alice, agent_metadata={"a": {"b": 1}})
    assert change(alice, agent, agent_metadata=patch) == agent
    assert event_types(alice, f"user:{alice.id}")[-1] == "agent.created"


def test_metadata_does_not_grow_beyond_its_bound(alice: Person) -> None:
    agent = new_agent(alice, agent_metadata={"a": "x" * 40_000})
    answer = alice.patch(f"/agents/{agent['id']}", {"agent_metadata": {"b": "x" * 40_000}})
    assert refusal(answer) == (400, "json_too_large")
    assert done(alice.get(f"/agents/{agent['id']}")) == agent


def test_a_change_to_another_version_is_refused_and_shows_the_current_one(
    alice: Person, agent: Record
) -> None:
    current = change(alice, agent, description="Newer")
    path = f"/agents/{agent['id']}"
    answers = [
        alice.patch(path, {"name": "Older"}, If_Match='"v1"'),
        alice.delete(path, If_Match='"v1"'),
    ]
    assert [refusal(answer) for answer in answers] == [(412, "version_mismatch")] * 2
    assert [answer.get_json()["current"] for answer in answers] == [current] * 2


def test_only_its_owner_changes_an_agent_even_among_owners_of_a_project(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "owner")
    join(alice, project, agent)
    path = f"/agents/{agent['id']}"
    answers = [bob.patch(path, {"is_active": False}), bob.delete(path)]
    assert [refusal(answer) for answer in answers] == [(403, "forbidden")] * 2
    assert done(alice.get(path)) == agent


def test_a_new_name_is_told_to_everyone_who_shares_a_project(
    alice: Person, project: Record, agent: Record
) -> None:
    join(alice, project, agent)
    room = f"project:{project['id']}"
    change(alice, agent, description="Builds")
    assert event_types(alice, room)[-1] == "member.added"
    change(alice, agent, name="Deployer")
    assert event_types(alice, room)[-1] == "member.updated"
    member = done(alice.get(place(project, agent)))
    assert (member["name"], member["version"]) == ("Deployer", 2)


def test_an_owner_hears_of_what_an_agent_changes_about_itself(alice: Person, agent: Record) -> None:
    itself = signed_in(alice, agent)
    done(itself.patch("/users/me", {"name": "Deployer"}, If_Match='"v1"'))
    last = done(alice.get(f"/rooms/user:{alice.id}/events"))[-1]
    assert last["type"] == "agent.updated"
    assert last["data"] == done(alice.get(f"/agents/{agent['id']}"))
    assert last["data"]["name"] == "Deployer"


# When it may act


def is_over(agent: Person) -> bool:
    """True when the agent's token does not work any more; False when it does."""
    answer = agent.get("/users/me")
    if answer.status_code == 200:
        return False
    assert refusal(answer) == (401, "token_invalid")
    return True


def test_an_agent_acts_as_itself(alice: Person, agent: Record) -> None:
    itself = signed_in(alice, agent)
    me = done(itself.get("/users/me"))
    assert (me["id"], me["kind"]) == (agent["id"], "agent")


def test_switching_an_agent_off_ends_its_tokens_for_good(alice: Person, agent: Record) -> None:
    itself = signed_in(alice, agent)
    assert not is_over(itself)
    change(alice, agent, is_active=False)
    wait_until(lambda: is_over(itself), seconds=2)
    change(alice, agent, is_active=True)
    assert is_over(itself)
    assert not is_over(signed_in(alice, agent))


def test_an_agent_that_is_switched_off_cannot_act_with_a_token_made_since(
    alice: Person, agent: Record
) -> None:
    change(alice, agent, is_active=False)
    assert is_over(signed_in(alice, agent))


@pytest.mark.parametrize("is_known", [True, False])
def test_an_agent_needs_an_active_owner(
    database: str, alice: Person, agent: Record, *, is_known: bool
) -> None:
    itself = signed_in(alice, agent)
    assert not (is_known and is_over(itself))
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": alice.id})
    wait_until(lambda: is_over(itself), seconds=2)


# Deleting it


def test_a_deleted_agent_is_gone_for_everybody(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "editor")
    join(alice, project, agent)
    path = f"/agents/{agent['id']}"
    assert alice.delete(path).status_code == 204
    answers = [alice.get(path), bob.get(path), alice.delete(path), alice.patch(path, {"kind": "x"})]
    answers.append(alice.get(place(project, agent)))
    assert [answer.status_code for answer in answers] == [404] * 5
    lists = [alice.get("/agents"), alice.get(f"/agents?project_id={project['id']}")]
    assert [done(answer) for answer in lists] == [[], []]


def test_a_deleted_agent_cannot_act_nor_come_back(
    alice: Person, project: Record, agent: Record
) -> None:
    itself = signed_in(alice, agent)
    assert not is_over(itself)
    done(alice.delete(f"/agents/{agent['id']}"))
    wait_until(lambda: is_over(itself), seconds=2)
    issued = alice.post(f"/agents/{agent['id']}/tokens", {"name": "A", "scopes": ["tasks:read"]})
    assert refusal(issued) == (404, "not_found")
    answer = alice.post(f"/projects/{project['id']}/members", {"user_id": agent["id"]})
    assert refusal(answer) == (400, "account_not_found")


def test_what_a_deleted_agent_did_stays(alice: Person, project: Record, agent: Record) -> None:
    join(alice, project, agent)
    itself = signed_in(alice, agent)
    task = make_task(itself, project_id=project["id"], assignee_id=agent["id"])
    done(alice.delete(f"/agents/{agent['id']}"))
    assert done(alice.get(f"/tasks/{task['id']}")) == task


def test_a_deleted_agent_leaves_all_its_projects_those_in_the_trash_too(
    database: str, alice: Person, agent: Record
) -> None:
    kept, deleted = make_project(alice), make_project(alice)
    for project in (kept, deleted):
        join(alice, project, agent)
    done(alice.delete(f"/projects/{deleted['id']}"))
    done(alice.delete(f"/agents/{agent['id']}"))
    left = "SELECT FROM memberships WHERE user_id = %(id)s"
    assert rows(database, left, {"id": agent["id"]}) == []
    assert event_types(alice, f"project:{kept['id']}")[-1] == "member.removed"


def test_the_owner_is_told_the_last_version_of_a_deleted_agent(
    alice: Person, agent: Record
) -> None:
    done(alice.delete(f"/agents/{agent['id']}"))
    last = done(alice.get(f"/rooms/user:{alice.id}/events"))[-1]
    assert (last["type"], last["version"]) == ("agent.deleted", 2)
    assert last["data"] == agent | {
        "is_active": False,
        "version": 2,
        "updated_at": last["data"]["updated_at"],
    }


# In projects


def test_an_owner_adds_their_agent_to_their_project(
    alice: Person, project: Record, agent: Record
) -> None:
    member = join(alice, project, agent, "viewer")
    assert (member["name"], member["email"], member["placeholder"]) == ("Builder", None, False)
    itself = signed_in(alice, agent)
    assert done(itself.get(f"/projects/{project['id']}"))["role"] == "viewer"


def test_somebody_elses_agent_is_refused_like_one_that_does_not_exist(
    alice: Person, bob: Person, agent: Record
) -> None:
    of_bob = make_project(bob)
    strangers = (agent["id"], "01890a5d-ac96-774b-bcce-b302099a8057")
    answers = [
        bob.post(f"/projects/{of_bob['id']}/members", {"user_id": each}) for each in strangers
    ]
    assert [refusal(answer) for answer in answers] == [(400, "account_not_found")] * 2
    assert answers[0].get_json()["detail"] == answers[1].get_json()["detail"]
    assert alice.get(place(of_bob, agent)).status_code == 404


def test_even_a_mate_cannot_take_an_agent_elsewhere(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "owner")
    join(alice, project, agent)
    elsewhere = make_project(bob)
    answer = bob.post(f"/projects/{elsewhere['id']}/members", {"user_id": agent["id"]})
    assert refusal(answer) == (400, "account_not_found")


def test_an_agent_never_owns_a_project(alice: Person, project: Record, agent: Record) -> None:
    body = {"user_id": agent["id"], "role": "owner"}
    added = alice.post(f"/projects/{project['id']}/members", body)
    assert refusal(added) == (400, "agent_cannot_own")
    assert alice.get(place(project, agent)).status_code == 404
    join(alice, project, agent)
    raised = alice.patch(place(project, agent), {"role": "owner"})
    assert refusal(raised) == (400, "agent_cannot_own")
    assert done(alice.get(place(project, agent)))["role"] == "editor"
    made = signed_in(alice, agent).post("/projects", {"name": "Mine"})
    assert refusal(made) == (403, "people_only")


def test_other_members_may_change_an_agents_role_and_remove_it(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "owner")
    join(alice, project, agent)
    assert done(bob.patch(place(project, agent), {"role": "viewer"}))["role"] == "viewer"
    assert bob.delete(place(project, agent)).status_code == 204
    assert bob.get(f"/agents/{agent['id']}").status_code == 404


def test_who_is_removed_takes_their_agents_along_and_only_theirs(
    alice: Person, bob: Person, project: Record, agent: Record
) -> None:
    add_member(alice, project, bob, "owner")
    of_bob = new_agent(bob)
    join(bob, project, of_bob)
    join(alice, project, agent)
    done(alice.delete(place(project, {"id": bob.id})))
    assert ids(alice.get(f"/agents?project_id={project['id']}")) == [agent["id"]]
    assert alice.get(place(project, of_bob)).status_code == 404
    assert done(bob.get(f"/agents/{of_bob['id']}")) == of_bob


def test_one_has_at_most_so_many_agents_also_by_an_import(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them may ask as often as a person."""
    monkeypatch.setattr("services.agent_service.AGENTS_MAX", 1)
    agent = new_agent(alice)
    assert refusal(alice.post("/agents", BUILDER)) == (409, "too_many_agents")
    archive = export(alice)
    new_agent(bob)
    assert refusal(send_archive(bob, archive)) == (409, "too_many_agents")
    done(alice.delete(f"/agents/{agent['id']}"))
    new_agent(alice)
