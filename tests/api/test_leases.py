"""Leases: an agent says that it is at work, and how that ends."""

from dataclasses import replace
from typing import Any

import pytest

from services.worker import worker
from tests.agents import claim, claim_one, make_agent, put_back
from tests.factories import Person, add_member, make_token
from tests.records import Record, done, make_project, make_task, refusal
from tests.sql import rows


@pytest.fixture
def agent(alice: Person, project: Record) -> Person:
    return make_agent(alice, project)


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    return make_task(alice, project_id=project["id"])


@pytest.fixture
def lease(agent: Person, task: Record) -> Record:
    return claim_one(agent)


def read(person: Person, task: Record) -> Record:
    found: Record = done(person.get(f"/tasks/{task['id']}"))
    return found


def end(agent: Person, lease: Record, how: str, **body: Any) -> Record:
    ended: Record = done(agent.post(f"/leases/{lease['id']}/{how}", body or None))
    return ended


def entry_of(agent: Person, lease: Record) -> Record:
    entries = done(agent.get("/time-entries"))
    (found,) = (entry for entry in entries if entry["lease_id"] == lease["id"])
    return dict(found)


def run_out(database: str, lease: Record) -> None:
    """Let a lease run out, and put its task back."""
    statement = "UPDATE leases SET expires_at = now() WHERE id = %(id)s"
    rows(database, statement, {"id": lease["id"]})
    put_back()


def told(person: Person) -> list[tuple[str, str]]:
    """What somebody was told of by now, newest first: kind and subject."""
    worker.run_once()
    found = done(person.get("/notifications"))
    return [(each["kind"], each["subject_id"]) for each in found]


def test_a_heartbeat_renews_the_lease_and_reports(agent: Person, lease: Record) -> None:
    body = {"progress": 40, "message": "Running the tests"}
    renewed = end(agent, lease, "heartbeat", **body)
    assert renewed["expires_at"] > lease["expires_at"]
    assert (renewed["progress"], renewed["message"]) == (40, "Running the tests")
    assert renewed["version"] == lease["version"] + 1


def test_a_heartbeat_without_words_keeps_the_last(agent: Person, lease: Record) -> None:
    end(agent, lease, "heartbeat", progress=40, message="Running the tests")
    renewed = end(agent, lease, "heartbeat")
    assert (renewed["progress"], renewed["message"]) == (40, "Running the tests")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"progress": 101}, "body.progress"),
        ({"progress": -1}, "body.progress"),
        ({"message": "two\nlines"}, "body.message"),
        ({"message": "x" * 301}, "body.message"),
        ({"state": "working"}, "body.state"),
    ],
)
def test_a_report_that_does_not_fit_is_refused(
    agent: Person, lease: Record, body: dict[str, Any], field: str
) -> None:
    answer = agent.post(f"/leases/{lease['id']}/heartbeat", body)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == field


@pytest.mark.parametrize("how", ["heartbeat", "complete", "release", "fail"])
def test_a_lease_carries_its_version_as_etag(agent: Person, lease: Record, how: str) -> None:
    answer = agent.post(f"/leases/{lease['id']}/{how}", {"reason": "No"} if how == "fail" else {})
    assert answer.headers["ETag"] == f'"v{done(answer)["version"]}"'


def test_completing_completes_the_task_and_stops_the_time(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    ended = end(agent, lease, "complete", message="All tests pass")
    assert (ended["status"], ended["progress"]) == ("completed", 100)
    assert ended["message"] == "All tests pass"
    assert ended["ended_at"] is not None
    done_task = read(alice, task)
    assert (done_task["status"], done_task["delegate_id"]) == ("completed", agent.id)
    assert entry_of(agent, lease)["ended_at"] is not None


def test_completing_by_the_task_itself_ends_the_lease(
    agent: Person, task: Record, lease: Record
) -> None:
    version = read(agent, task)["version"]
    path = f"/tasks/{task['id']}"
    done(agent.patch(path, {"status": "completed"}, If_Match=f'"v{version}"'))
    assert done(agent.get(f"/leases/{lease['id']}"))["status"] == "completed"
    assert entry_of(agent, lease)["ended_at"] is not None


def test_completing_goes_on_with_a_series(alice: Person, agent: Person, project: Record) -> None:
    due = "2030-01-07T09:00:00Z"
    fields = {"project_id": project["id"], "due_at": due, "recurrence": "FREQ=WEEKLY;BYDAY=MO"}
    task = make_task(alice, **fields)
    end(agent, claim_one(agent), "complete")
    following = done(alice.get(f"/tasks/{read(alice, task)['next_id']}"))
    assert (following["status"], following["delegate_id"]) == ("pending", None)


def test_the_next_of_a_series_is_given_to_whom_it_was_given(
    alice: Person, agent: Person, project: Record
) -> None:
    due = "2030-01-07T09:00:00Z"
    fields = {"project_id": project["id"], "due_at": due, "recurrence": "FREQ=WEEKLY;BYDAY=MO"}
    task = make_task(alice, delegate_id=agent.id, **fields)
    end(agent, claim_one(agent), "complete")
    following = done(alice.get(f"/tasks/{read(alice, task)['next_id']}"))
    assert following["delegate_id"] == agent.id
    done(alice.delete(f"/projects/{project['id']}/members/{agent.id}"))
    skipped = done(alice.post(f"/tasks/{following['id']}/skip"))
    assert skipped["next"]["delegate_id"] is None


def test_the_rules_of_the_project_hold_for_agents(
    alice: Person, agent: Person, project: Record, task: Record, lease: Record
) -> None:
    blocker = make_task(alice, project_id=project["id"])
    done(alice.patch(f"/tasks/{task['id']}", {"blocked_by": [blocker["id"]]}))
    answer = agent.post(f"/leases/{lease['id']}/complete")
    assert refusal(answer) == (409, "task_blocked")
    assert done(agent.get(f"/leases/{lease['id']}"))["status"] == "active"


@pytest.mark.parametrize("how", ["complete", "release"])
def test_ending_twice_tells_the_same(agent: Person, lease: Record, how: str) -> None:
    assert end(agent, lease, how) == end(agent, lease, how)


def test_failing_twice_tells_the_same(agent: Person, lease: Record) -> None:
    first, again = (end(agent, lease, "fail", reason="No network") for _ in range(2))
    assert first == again


@pytest.mark.parametrize("how", ["heartbeat", "complete", "release"])
def test_a_lease_that_ended_otherwise_is_lost(agent: Person, lease: Record, how: str) -> None:
    end(agent, lease, "fail", reason="No network")
    assert refusal(agent.post(f"/leases/{lease['id']}/{how}")) == (409, "lease_lost")


def test_released_tasks_are_as_they_were(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    end(agent, lease, "release")
    back = read(alice, task)
    assert (back["status"], back["delegate_id"], back["started_at"]) == ("pending", None, None)
    assert entry_of(agent, lease)["ended_at"] is not None
    assert len(claim(agent)) == 1


def test_what_was_delegated_stays_with_its_agent(
    alice: Person, agent: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"], delegate_id=agent.id)
    end(agent, claim_one(agent), "release")
    assert read(alice, task)["delegate_id"] == agent.id


def test_a_failed_task_is_handed_to_whose_the_agent_is(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    ended = end(agent, lease, "fail", reason="The build needs a secret that I lack")
    assert ended["reason"] == "The build needs a secret that I lack"
    back = read(alice, task)
    assert (back["status"], back["assignee_id"]) == ("pending", alice.id)
    assert back["delegate_id"] is None
    assert claim(agent) == []


def test_a_failed_task_is_handed_to_who_is_accountable(
    alice: Person, bob: Person, agent: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    fields = {"assignee_id": bob.id, "delegate_id": agent.id}
    task = make_task(alice, project_id=project["id"], **fields)
    end(agent, claim_one(agent), "fail", reason="No network")
    back = read(alice, task)
    assert (back["assignee_id"], back["delegate_id"]) == (bob.id, None)


def test_a_failed_task_goes_to_the_owner_where_the_agents_left(
    alice: Person, bob: Person, project: Record, database: str
) -> None:
    add_member(alice, project, bob, "editor")
    agent = make_agent(bob)
    add_member_of(alice, bob, project, agent)
    task = make_task(alice, project_id=project["id"])
    lease = claim_one(agent)
    rows(database, "UPDATE users SET is_active = false WHERE id = %(id)s", {"id": bob.id})
    end(agent, lease, "fail", reason="No network")
    assert read(alice, task)["assignee_id"] == alice.id


def add_member_of(alice: Person, bob: Person, project: Record, agent: Person) -> None:
    """Let Bob add his agent, for which he has to be an owner for a moment."""
    path = f"/projects/{project['id']}/members/{bob.id}"
    done(alice.patch(path, {"role": "owner"}))
    add_member(bob, project, agent, "editor")


def test_a_failed_task_may_be_tried_again(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    end(agent, lease, "fail", reason="No network", then="retry")
    back = read(alice, task)
    assert (back["status"], back["assignee_id"]) == ("pending", None)
    assert len(claim(agent)) == 1


@pytest.mark.parametrize("body", [{}, {"reason": "  "}, {"reason": "No", "then": "shrug"}])
def test_failing_takes_a_reason(agent: Person, lease: Record, body: dict[str, str]) -> None:
    assert agent.post(f"/leases/{lease['id']}/fail", body).status_code == 422


@pytest.mark.parametrize(
    ("how", "body", "kind"),
    [("complete", {}, "agent_finished"), ("fail", {"reason": "No"}, "agent_failed")],
)
def test_people_are_told_how_it_ended(
    alice: Person, bob: Person, agent: Person, project: Record, how: str, body: Any, kind: str
) -> None:
    add_member(alice, project, bob, "editor")
    fields = {"assignee_id": bob.id, "delegate_id": agent.id}
    task = make_task(alice, project_id=project["id"], **fields)
    end(agent, claim_one(agent), how, **body)
    assert (kind, task["id"]) in told(alice)
    assert (kind, task["id"]) in told(bob)


def test_a_lease_that_runs_out_puts_the_task_back(
    alice: Person, agent: Person, task: Record, lease: Record, database: str
) -> None:
    run_out(database, lease)
    back = read(alice, task)
    assert (back["status"], back["delegate_id"]) == ("pending", None)
    ended = done(alice.get(f"/leases/{lease['id']}"))
    assert ended["status"] == "expired"
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")


def test_time_runs_until_the_agent_was_heard_of_last(
    agent: Person, lease: Record, database: str
) -> None:
    heard = end(agent, lease, "heartbeat")
    run_out(database, lease)
    assert entry_of(agent, lease)["ended_at"] == heard["updated_at"]


def test_a_heartbeat_in_time_keeps_the_task(agent: Person, lease: Record, database: str) -> None:
    past = "UPDATE leases SET expires_at = now() - interval '1 minute' WHERE id = %(id)s"
    rows(database, past, {"id": lease["id"]})
    end(agent, lease, "heartbeat")
    put_back()
    assert done(agent.get(f"/leases/{lease['id']}"))["status"] == "active"


def test_a_claim_finds_what_ran_out_without_a_worker(
    alice: Person, agent: Person, project: Record, task: Record, lease: Record, database: str
) -> None:
    past = "UPDATE leases SET expires_at = now() - interval '1 minute' WHERE id = %(id)s"
    rows(database, past, {"id": lease["id"]})
    (claimed,) = claim(make_agent(alice, project))
    assert claimed["task"]["id"] == task["id"]


def test_the_owner_is_told_when_it_ran_out_three_times(
    alice: Person, agent: Person, task: Record, database: str
) -> None:
    for _ in range(2):
        run_out(database, claim_one(agent))
    assert ("agent_failed", task["id"]) not in told(alice)
    run_out(database, claim_one(agent))
    assert ("agent_failed", task["id"]) in told(alice)


def test_other_ends_begin_the_count_anew(
    alice: Person, agent: Person, task: Record, database: str
) -> None:
    for _ in range(2):
        run_out(database, claim_one(agent))
    end(agent, claim_one(agent), "release")
    run_out(database, claim_one(agent))
    assert ("agent_failed", task["id"]) not in told(alice)


@pytest.mark.parametrize(
    "change", [{"delegate_id": None}, {"status": "pending"}, {"status": "completed"}]
)
def test_a_person_takes_over_at_any_time(
    alice: Person, agent: Person, task: Record, lease: Record, change: dict[str, Any]
) -> None:
    changed = done(alice.patch(f"/tasks/{task['id']}", change))
    assert changed | change == changed
    answer = agent.post(f"/leases/{lease['id']}/heartbeat")
    assert refusal(answer) == (409, "lease_lost")
    assert done(alice.get(f"/leases/{lease['id']}"))["status"] == "taken_over"
    assert entry_of(agent, lease)["ended_at"] is not None


def test_giving_it_to_another_agent_takes_it_away(
    alice: Person, agent: Person, project: Record, task: Record, lease: Record
) -> None:
    other = make_agent(alice, project)
    done(alice.patch(f"/tasks/{task['id']}", {"delegate_id": other.id, "status": "pending"}))
    assert refusal(agent.post(f"/leases/{lease['id']}/complete")) == (409, "lease_lost")
    assert claim_one(other)["task_id"] == task["id"]


@pytest.mark.parametrize("change", [{"delegate_id": None}, {"status": "pending"}])
def test_agents_take_nothing_from_each_other(
    alice: Person, project: Record, task: Record, lease: Record, change: dict[str, Any]
) -> None:
    other = make_agent(alice, project)
    path, version = f"/tasks/{task['id']}", f'"v{read(alice, task)["version"]}"'
    assert refusal(other.patch(path, change, If_Match=version)) == (409, "task_held")
    assert refusal(other.delete(path, If_Match=version)) == (409, "task_held")
    assert done(alice.get(f"/leases/{lease['id']}"))["status"] == "active"


@pytest.mark.parametrize("change", [{"assignee_id": "alice"}, {"title": "Write more"}])
def test_other_changes_leave_the_agent_at_work(
    alice: Person, agent: Person, task: Record, lease: Record, change: dict[str, Any]
) -> None:
    if "assignee_id" in change:
        change = {"assignee_id": alice.id}
    done(alice.patch(f"/tasks/{task['id']}", change))
    assert end(agent, lease, "heartbeat")["status"] == "active"


def test_a_task_in_the_trash_is_lost_and_comes_back_to_be_claimed(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    done(alice.delete(f"/tasks/{task['id']}"))
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")
    operation = done(alice.get("/trash?limit=1"))[0]
    done(alice.post(f"/trash/{operation['id']}/restore"))
    assert claim_one(agent)["task_id"] == task["id"]


def test_a_task_that_moves_elsewhere_is_lost(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    there = make_project(alice)
    add_member(alice, there, agent, "editor")
    done(alice.post(f"/tasks/{task['id']}/move", {"project_id": there["id"]}))
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")
    assert entry_of(agent, lease)["project_id"] == there["id"]
    assert claim_one(agent)["task_id"] == task["id"]


def test_a_skipped_task_is_lost(alice: Person, agent: Person, project: Record) -> None:
    due = "2030-01-07T09:00:00Z"
    fields = {"project_id": project["id"], "due_at": due, "recurrence": "FREQ=WEEKLY;BYDAY=MO"}
    task = make_task(alice, **fields)
    lease = claim_one(agent)
    done(alice.post(f"/tasks/{task['id']}/skip"))
    assert refusal(agent.post(f"/leases/{lease['id']}/heartbeat")) == (409, "lease_lost")


def test_an_agent_that_left_the_project_holds_nothing_there(
    alice: Person, agent: Person, project: Record, lease: Record, database: str
) -> None:
    done(alice.delete(f"/projects/{project['id']}/members/{agent.id}"))
    for how in ("heartbeat", "complete", "release"):
        assert agent.post(f"/leases/{lease['id']}/{how}").status_code == 404
    run_out(database, lease)
    assert done(alice.get(f"/leases/{lease['id']}"))["status"] == "expired"


@pytest.mark.parametrize("switched", ["off", "deleted"])
def test_an_agent_that_is_switched_off_holds_nothing(
    alice: Person, agent: Person, task: Record, lease: Record, switched: str
) -> None:
    if switched == "off":
        done(alice.patch(f"/agents/{agent.id}", {"is_active": False}))
    else:
        done(alice.delete(f"/agents/{agent.id}"))
    assert done(alice.get(f"/leases/{lease['id']}"))["status"] == "taken_over"
    back = read(alice, task)
    assert (back["status"], back["delegate_id"]) == ("pending", None)


def test_what_is_taken_away_says_why(
    alice: Person, agent: Person, task: Record, lease: Record
) -> None:
    done(alice.patch(f"/agents/{agent.id}", {"is_active": False}))
    assert done(alice.get(f"/leases/{lease['id']}"))["reason"] == "The agent was switched off."


def test_people_are_told_how_to_take_over(alice: Person, lease: Record) -> None:
    answer = alice.post(f"/leases/{lease['id']}/release")
    assert refusal(answer) == (403, "not_your_lease")
    assert "delegate_id" in answer.get_json()["detail"]


def test_others_do_nothing_with_a_lease(
    alice: Person, bob: Person, project: Record, lease: Record
) -> None:
    other = make_agent(alice, project)
    for person, expected in ((alice, 403), (other, 403), (bob, 404)):
        for how in ("heartbeat", "complete", "release"):
            assert person.post(f"/leases/{lease['id']}/{how}").status_code == expected
        answer = person.post(f"/leases/{lease['id']}/fail", {"reason": "No"})
        assert answer.status_code == expected


def test_leases_are_listed_for_who_may_see_the_task(
    alice: Person, bob: Person, agent: Person, project: Record, task: Record, lease: Record
) -> None:
    end(agent, lease, "release")
    again = claim_one(agent)
    newest_first = [again["id"], lease["id"]]
    for path in (
        "/leases",
        f"/leases?project_id={project['id']}",
        f"/leases?task_id={task['id']}",
        f"/leases?agent={agent.id}",
    ):
        assert [each["id"] for each in done(alice.get(path))] == newest_first
        hidden = bob.get(path)
        assert hidden.status_code == 404 if "project_id" in path else done(hidden) == []
    assert [each["id"] for each in done(agent.get("/leases?agent=me&status=active"))] == [
        again["id"]
    ]


def test_tokens_of_a_project_reach_its_leases_only(alice: Person, project: Record) -> None:
    there = make_project(alice)
    agent = make_agent(alice, project, there)
    make_task(alice, project_id=there["id"])
    lease = claim_one(agent)
    token = make_token(alice, agent_id=agent.id, project_id=project["id"])["token"]
    limited = replace(agent, tokens={"access_token": token})
    assert limited.post(f"/leases/{lease['id']}/heartbeat").status_code == 404
    assert limited.get(f"/leases/{lease['id']}").status_code == 404
    assert refusal(limited.post("/agents/me/claim", {})) == (403, "project_limited")
    make_task(alice, project_id=project["id"])
    assert claim_one(limited, project_id=project["id"])["status"] == "active"
