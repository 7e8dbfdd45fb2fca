"""What agents are doing, as it follows from what happened last."""

from collections.abc import Callable
from typing import Any, LiteralString

import pytest
from flask import Flask

from services.presence_service import LEASE_SECONDS
from tests.agents import claim, make_agent
from tests.factories import Person, add_member, make_admin, make_token, sign_up
from tests.records import Record, done, make_comment, make_project, make_task, moment, refusal
from tests.sql import rows
from utils.helpers import new_id

Silence = Callable[..., None]

QUESTION = "Shall I drop the old table?"

UNHEARD: tuple[LiteralString, ...] = (
    """
    UPDATE api_tokens SET last_used_at = last_used_at - %(time)s::interval
    WHERE user_id = %(agent)s
    """,
    """
    UPDATE leases SET updated_at = updated_at - %(time)s::interval
    WHERE agent_id = %(agent)s AND ended_at IS NULL
    """,
)
CONNECT: tuple[LiteralString, ...] = (
    """
    INSERT INTO processes (id, expires_at)
    VALUES (%(process)s, now() + make_interval(secs => %(seconds)s))
    """,
    """
    INSERT INTO presences (room, connection_id, process_id, user_id, client_id, state, since)
    VALUES (%(room)s, %(process)s, %(process)s, %(agent)s, '', 'active', now())
    """,
)
RUN_OUT = "UPDATE leases SET expires_at = now() WHERE id = %(id)s"


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


@pytest.fixture
def silence(database: str, agent: Person) -> Silence:
    """Lets time pass in which nothing is heard of the agent."""

    def pass_by(time: str) -> None:
        for statement in UNHEARD:
            rows(database, statement, {"agent": agent.id, "time": time})

    return pass_by


def state(reader: Person, agent: Person) -> str:
    """Return what an agent is doing; its list and its session say the same."""
    session = done(reader.get(f"/agents/{agent.id}/session"))
    (listed,) = [each for each in done(reader.get("/agents")) if each["id"] == agent.id]
    seen = {name: listed[name] for name in ("state", "last_seen_at")}
    assert seen == {name: session[name] for name in seen}
    found: str = listed["state"]
    return found


def hold(owner: Person, agent: Person, project: Record, **wishes: Any) -> Record:
    """Let an agent claim a task that is made for it; return the task and its lease."""
    task = make_task(owner, project_id=project["id"], delegate_id=agent.id)
    (claimed,) = claim(agent, **wishes)
    assert claimed["task"]["id"] == task["id"]
    return claimed


def end(agent: Person, lease: Record, how: str, **body: Any) -> None:
    done(agent.post(f"/leases/{lease['id']}/{how}", body or None))


# Without a task


def test_who_was_never_heard_of_is_offline(alice: Person, agent: Person) -> None:
    assert state(alice, agent) == "offline"
    assert done(alice.get(f"/agents/{agent.id}/session"))["last_seen_at"] is None


def test_who_was_heard_of_lately_is_idle(alice: Person, agent: Person, silence: Silence) -> None:
    assert claim(agent) == []
    assert state(alice, agent) == "idle"
    silence("9 minutes 30 seconds")
    assert state(alice, agent) == "idle"


def test_after_ten_minutes_of_silence_one_is_offline(
    alice: Person, agent: Person, silence: Silence
) -> None:
    claim(agent)
    silence("10 minutes")
    assert state(alice, agent) == "offline"


@pytest.mark.parametrize(("seconds", "expected"), [(LEASE_SECONDS, "idle"), (0, "offline")])
def test_an_open_socket_is_a_sign_of_life_while_its_process_lives(
    alice: Person, agent: Person, database: str, seconds: int, expected: str
) -> None:
    room = f"user:{agent.id}"
    connection = {"room": room, "agent": agent.id, "process": new_id(), "seconds": seconds}
    for statement in CONNECT:
        rows(database, statement, connection)
    assert state(alice, agent) == expected


# With one


def test_who_holds_a_task_works(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    hold(alice, agent, project)
    assert state(alice, agent) == "working"
    silence("4 minutes 30 seconds")
    assert state(alice, agent) == "working"


def test_who_is_silent_for_half_of_a_lease_is_stale(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    hold(alice, agent, project, lease_seconds=600)
    silence("5 minutes")
    assert state(alice, agent) == "stale"


def test_how_long_is_too_long_follows_from_the_lease(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    hold(alice, agent, project, lease_seconds=3_600)
    silence("29 minutes")
    assert state(alice, agent) == "working"


def test_whose_requests_are_noted_once_in_a_minute_is_not_stale_in_between(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    claimed = hold(alice, agent, project, lease_seconds=60)
    silence("50 seconds")
    done(agent.get(f"/tasks/{claimed['task']['id']}"))
    assert state(alice, agent) == "working"


def test_a_heartbeat_brings_back_to_work(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    claimed = hold(alice, agent, project)
    silence("5 minutes")
    end(agent, claimed["lease"], "heartbeat", progress=10)
    assert state(alice, agent) == "working"


def test_any_request_is_a_sign_of_life(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    claimed = hold(alice, agent, project)
    silence("5 minutes")
    agent.tokens = {"access_token": make_token(alice, agent_id=agent.id)["token"]}
    done(agent.get(f"/tasks/{claimed['task']['id']}"))
    assert state(alice, agent) == "working"


def test_a_lease_that_ran_out_is_stale_until_its_task_is_put_back(
    alice: Person, agent: Person, project: Record, database: str
) -> None:
    claimed = hold(alice, agent, project)
    rows(database, RUN_OUT, claimed["lease"])
    assert state(alice, agent) == "stale"
    assert claim(make_agent(alice, project)) == []  # looks for what ran out, too
    assert state(alice, agent) == "idle"


@pytest.mark.parametrize(
    ("how", "body"), [("complete", {}), ("fail", {"reason": "No secret"}), ("release", {})]
)
def test_whose_task_has_ended_is_idle(
    alice: Person, agent: Person, project: Record, how: str, body: Record
) -> None:
    end(agent, hold(alice, agent, project)["lease"], how, **body)
    assert state(alice, agent) == "idle"


def test_who_lost_a_task_to_a_person_is_idle(alice: Person, agent: Person, project: Record) -> None:
    claimed = hold(alice, agent, project)
    taken = {"delegate_id": None, "assignee_id": alice.id}
    done(alice.patch(f"/tasks/{claimed['task']['id']}", taken))
    assert state(alice, agent) == "idle"


def test_who_held_a_task_of_a_project_that_was_deleted_is_idle(
    alice: Person, agent: Person, project: Record
) -> None:
    hold(alice, agent, project)
    done(alice.delete(f"/projects/{project['id']}"))
    assert state(alice, agent) == "idle"


# Questions


@pytest.mark.parametrize(
    "body",
    [
        QUESTION,
        "Is it this one (or *that?*) I go on with this.",
        '"Which?", said the build.',
        "可以吗\uff1f我等着",
        "Over to you, @Alice",
    ],
)
def test_who_asked_waits(alice: Person, agent: Person, project: Record, body: str) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(agent, task, body)
    assert state(alice, agent) == "waiting"


@pytest.mark.parametrize(
    "body", ["The old table is gone.", "See https://ci.example/log?run=7", "Thanks, @Fixer"]
)
def test_who_only_tells_works(alice: Person, agent: Person, project: Record, body: str) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(agent, task, body)
    assert state(alice, agent) == "working"


def test_an_answer_ends_the_wait(alice: Person, agent: Person, project: Record) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(agent, task, QUESTION)
    answer = make_comment(alice, task, "Why do you ask?")
    assert state(alice, agent) == "working"
    done(alice.delete(f"/comments/{answer['id']}"))
    assert state(alice, agent) == "waiting"


def test_what_other_agents_say_is_no_answer(alice: Person, agent: Person, project: Record) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(agent, task, QUESTION)
    make_comment(make_agent(alice, project), task, "I would.")
    assert state(alice, agent) == "waiting"


def test_who_goes_on_alone_waits_no_more(alice: Person, agent: Person, project: Record) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(agent, task, QUESTION)
    make_comment(agent, task, "I found out myself.")
    assert state(alice, agent) == "working"


def test_a_question_that_is_taken_back_is_none(
    alice: Person, agent: Person, project: Record
) -> None:
    task = hold(alice, agent, project)["task"]
    comment = make_comment(agent, task, QUESTION)
    done(agent.delete(f"/comments/{comment['id']}", If_Match='"v1"'))
    assert state(alice, agent) == "working"


def test_a_question_of_somebody_else_is_none(alice: Person, agent: Person, project: Record) -> None:
    task = hold(alice, agent, project)["task"]
    make_comment(alice, task, QUESTION)
    make_comment(make_agent(alice, project), task, QUESTION)
    assert state(alice, agent) == "working"


def test_a_question_on_another_task_keeps_nobody_waiting(
    alice: Person, agent: Person, project: Record
) -> None:
    hold(alice, agent, project)
    make_comment(agent, make_task(alice, project_id=project["id"]), QUESTION)
    assert state(alice, agent) == "working"


def test_who_claims_again_what_it_asked_about_works(
    alice: Person, agent: Person, project: Record
) -> None:
    claimed = hold(alice, agent, project)
    make_comment(agent, claimed["task"], QUESTION)
    end(agent, claimed["lease"], "release")
    assert state(alice, agent) == "idle"
    claim(agent)
    assert state(alice, agent) == "working"


def test_a_heartbeat_is_no_answer_and_silence_is_stale(
    alice: Person, agent: Person, project: Record, silence: Silence
) -> None:
    claimed = hold(alice, agent, project)
    make_comment(agent, claimed["task"], QUESTION)
    end(agent, claimed["lease"], "heartbeat")
    assert state(alice, agent) == "waiting"
    silence("5 minutes")
    assert state(alice, agent) == "stale"


# Several tasks


def test_of_several_tasks_the_liveliest_tells(
    alice: Person, agent: Person, project: Record, database: str
) -> None:
    first, second, third = (hold(alice, agent, project) for _ in range(3))
    make_comment(agent, first["task"], QUESTION)
    rows(database, RUN_OUT, second["lease"])
    session = done(alice.get(f"/agents/{agent.id}/session"))
    assert [lease["state"] for lease in session["leases"]] == ["waiting", "stale", "working"]
    assert state(alice, agent) == "working"
    end(agent, third["lease"], "complete")
    assert state(alice, agent) == "waiting"
    end(agent, first["lease"], "release")
    assert state(alice, agent) == "stale"


# Switched off


def test_who_is_switched_off_is_offline(alice: Person, agent: Person, project: Record) -> None:
    hold(alice, agent, project)
    done(alice.patch(f"/agents/{agent.id}", {"is_active": False}))
    assert state(alice, agent) == "offline"


def test_whose_owner_is_disabled_is_offline(
    app: Flask, alice: Person, agent: Person, project: Record
) -> None:
    bob = sign_up(app, "Bob")
    add_member(alice, project, bob, "viewer")
    hold(alice, agent, project)
    assert state(bob, agent) == "working"
    done(make_admin(app, "Root").patch(f"/users/{alice.id}", {"is_active": False}))
    assert state(bob, agent) == "offline"


# Who sees what of it


def test_a_session_shows_what_is_held_and_when_the_agent_was_heard_of(
    alice: Person, agent: Person, project: Record
) -> None:
    claimed = hold(alice, agent, project)
    session = done(alice.get(f"/agents/{agent.id}/session"))
    assert session["agent_id"] == agent.id
    assert session["leases"] == [claimed["lease"] | {"state": "working"}]
    assert moment(session["last_seen_at"]) >= moment(claimed["lease"]["created_at"])


def test_of_what_is_held_elsewhere_only_the_state_is_told(
    app: Flask, alice: Person, agent: Person, project: Record
) -> None:
    bob, elsewhere = sign_up(app, "Bob"), make_project(alice)
    add_member(alice, project, bob, "viewer")
    add_member(alice, elsewhere, agent, "editor")
    hold(alice, agent, elsewhere)
    session = done(bob.get(f"/agents/{agent.id}/session"))
    assert (session["state"], session["leases"]) == ("working", [])
    for reader in (alice, agent):
        assert len(done(reader.get(f"/agents/{agent.id}/session"))["leases"]) == 1


def test_the_session_of_a_stranger_does_not_exist(bob: Person, agent: Person) -> None:
    assert refusal(bob.get(f"/agents/{agent.id}/session")) == (404, "not_found")


def test_the_state_is_no_part_of_what_has_a_version(
    alice: Person, agent: Person, project: Record
) -> None:
    before = alice.get(f"/agents/{agent.id}")
    hold(alice, agent, project)
    after = alice.get(f"/agents/{agent.id}", If_None_Match=before.headers["ETag"])
    assert (after.status_code, "state" in before.get_json()) == (304, False)
    assert "ETag" not in alice.get(f"/agents/{agent.id}/session").headers


def test_nobody_sets_a_state(alice: Person, agent: Person) -> None:
    answer = alice.patch(f"/agents/{agent.id}", {"state": "idle"})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "body.state"


def test_each_agent_of_a_list_has_its_own_state(
    alice: Person, agent: Person, project: Record
) -> None:
    idle, new = make_agent(alice, project), make_agent(alice, project)
    hold(alice, agent, project)
    claim(idle)
    listed = done(alice.get(f"/agents?project_id={project['id']}"))
    assert {each["id"]: each["state"] for each in listed} == {
        agent.id: "working",
        idle.id: "idle",
        new.id: "offline",
    }
