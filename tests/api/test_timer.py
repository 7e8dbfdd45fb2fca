"""The timer over the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.access_world import make_agent
from tests.factories import Person, add_member
from tests.records import (
    Record,
    ago,
    done,
    event_types,
    make_entry,
    make_project,
    make_task,
    moment,
    refusal,
    start_timer,
)
from tests.sql import rows

LATER = datetime(2100, 1, 1, 12, tzinfo=UTC)


def running(person: Person) -> Record | None:
    entry: Record | None = done(person.get("/timer"))
    return entry


def entries(person: Person) -> list[Record]:
    """Return somebody's entries, oldest first."""
    page: list[Record] = done(person.get("/time-entries?sort=started_at"))
    return page


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let the timer believe that it is `now`."""
    monkeypatch.setattr("services.timer_service.utc_now", lambda: now)


def test_at_first_no_timer_runs(alice: Person) -> None:
    assert running(alice) is None


def test_a_started_timer_runs_by_the_servers_clock(alice: Person) -> None:
    before = datetime.now(UTC)
    started = start_timer(alice, note="First draft")
    assert before <= moment(started["started_at"]) <= datetime.now(UTC)
    assert started["ended_at"] is started["seconds"] is None
    assert (started["source"], started["note"]) == ("timer", "First draft")
    assert running(alice) == started


def test_the_time_cannot_be_chosen(alice: Person) -> None:
    answer = alice.post("/timer/start", {"started_at": "2026-03-02T09:00:00Z"})
    assert refusal(answer) == (422, "invalid_input")


def test_starting_stops_what_runs_at_exactly_the_new_start(alice: Person) -> None:
    first = start_timer(alice)
    switched = done(alice.post("/timer/start", {"note": "Next"}))
    assert switched["stopped"]["id"] == first["id"]
    assert switched["stopped"]["ended_at"] == switched["started"]["started_at"]
    assert running(alice) == switched["started"]


def test_the_first_start_stops_nothing(alice: Person) -> None:
    assert done(alice.post("/timer/start", {}))["stopped"] is None


def test_only_one_timer_runs_however_often_it_is_started(alice: Person) -> None:
    for _ in range(3):
        start_timer(alice)
    assert [entry["ended_at"] is None for entry in entries(alice)] == [False, False, True]


def test_with_reject_a_running_timer_goes_on(alice: Person) -> None:
    first = start_timer(alice)
    answer = alice.post("/timer/start", {"on_running": "reject"})
    assert refusal(answer) == (409, "timer_running")
    assert answer.get_json()["conflicting_ids"] == [first["id"]]
    assert running(alice) == first


def test_with_reject_the_timer_starts_when_none_runs(alice: Person) -> None:
    assert start_timer(alice, on_running="reject") == running(alice)


def test_timers_of_different_people_run_side_by_side(alice: Person, bob: Person) -> None:
    hers, his = start_timer(alice), start_timer(bob)
    assert (running(alice), running(bob)) == (hers, his)


# Stopping


def test_stopping_ends_the_running_entry(alice: Person) -> None:
    started = start_timer(alice)
    stopped = done(alice.post("/timer/stop"))["stopped"]
    assert stopped["id"] == started["id"]
    assert moment(stopped["ended_at"]) > moment(started["started_at"])
    assert stopped["version"] == 2
    assert running(alice) is None


def test_stop_is_idempotent(alice: Person) -> None:
    start_timer(alice)
    stopped = done(alice.post("/timer/stop"))["stopped"]
    assert done(alice.post("/timer/stop")) == {"stopped": None}
    assert entries(alice) == [stopped]


def test_a_stopped_entry_lasts_from_start_to_stop(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, LATER)
    start_timer(alice)
    set_clock(monkeypatch, LATER + timedelta(hours=25, seconds=1))
    assert done(alice.post("/timer/stop"))["stopped"]["seconds"] == 25 * 3600 + 1


def test_a_clock_set_back_makes_no_entry_that_ends_before_it_starts(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, LATER)
    start_timer(alice)
    set_clock(monkeypatch, LATER - timedelta(hours=1))
    stopped = done(alice.post("/timer/stop"))["stopped"]
    assert moment(stopped["ended_at"]) == LATER + timedelta(microseconds=1)


def test_stopping_marks_an_entry_that_overlaps_time_recorded_meanwhile(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_timer(alice)
    make_entry(alice, str(LATER - timedelta(hours=2)), str(LATER - timedelta(hours=1)))
    set_clock(monkeypatch, LATER)
    stopped = done(alice.post("/timer/stop"))["stopped"]
    assert moment(stopped["ended_at"]) == LATER
    assert stopped["allow_overlap"] is True


def test_starting_marks_it_just_the_same(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    start_timer(alice)
    make_entry(alice, str(LATER - timedelta(hours=2)), str(LATER - timedelta(hours=1)))
    set_clock(monkeypatch, LATER)
    switched = done(alice.post("/timer/start", {}))
    assert switched["stopped"]["allow_overlap"] is True
    assert switched["started"]["allow_overlap"] is False


def test_stopping_marks_nothing_when_nothing_overlaps(alice: Person) -> None:
    make_entry(alice)
    start_timer(alice)
    assert done(alice.post("/timer/stop"))["stopped"]["allow_overlap"] is False


def test_within_recorded_time_no_timer_starts_and_none_is_stopped(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start_timer(alice)
    hour = make_entry(alice, str(LATER), str(LATER + timedelta(hours=1)))
    set_clock(monkeypatch, LATER + timedelta(minutes=30))
    answer = alice.post("/timer/start", {})
    assert refusal(answer) == (409, "time_overlap")
    assert answer.get_json()["conflicting_ids"] == [hour["id"]]
    assert running(alice) == first


# Where the time goes


def test_a_task_implies_its_project(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    started = start_timer(alice, task_id=task["id"])
    assert (started["task_id"], started["project_id"]) == (task["id"], project["id"])


def test_a_task_of_another_project_is_a_contradiction(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    elsewhere = make_project(alice)["id"]
    answer = alice.post("/timer/start", {"task_id": task["id"], "project_id": elsewhere})
    assert refusal(answer) == (400, "project_mismatch")


def test_on_things_of_others_no_timer_starts(alice: Person, bob: Person, project: Record) -> None:
    task = make_task(alice)
    places = [{"task_id": task["id"]}, {"project_id": project["id"]}]
    assert [bob.post("/timer/start", place).status_code for place in places] == [404, 404]


def test_a_viewer_does_not_work_in_a_project(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "viewer")
    answer = bob.post("/timer/start", {"project_id": project["id"]})
    assert refusal(answer) == (403, "forbidden")


def test_an_archived_project_takes_no_new_time(alice: Person, project: Record) -> None:
    first = start_timer(alice)
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.post("/timer/start", {"project_id": project["id"]})
    assert refusal(answer) == (409, "project_archived")
    assert running(alice) == first


def test_a_timer_can_be_stopped_after_its_project_was_archived(
    alice: Person, project: Record
) -> None:
    start_timer(alice, project_id=project["id"])
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    assert done(alice.post("/timer/stop"))["stopped"]["project_id"] == project["id"]


def test_a_timer_can_be_stopped_after_leaving_its_project(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    started = start_timer(bob, project_id=project["id"])
    done(bob.delete(f"/projects/{project['id']}/members/{bob.id}"))
    assert done(bob.post("/timer/stop"))["stopped"]["id"] == started["id"]


def test_everyone_in_the_project_hears_of_the_timer(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    start_timer(bob, project_id=project["id"])
    done(bob.post("/timer/stop"))
    heard = event_types(alice, f"project:{project['id']}")
    assert heard[-2:] == ["time_entry.started", "time_entry.stopped"]


# Of agents that end


def stop_by_deleting(owner: Person, agent: Person) -> None:
    done(owner.delete(f"/agents/{agent.id}"))


def stop_by_switching_off(owner: Person, agent: Person) -> None:
    done(owner.patch(f"/agents/{agent.id}", {"is_active": False}))


@pytest.mark.parametrize("end", [stop_by_deleting, stop_by_switching_off])
def test_the_timer_of_an_agent_stops_when_the_agent_is_ended(
    alice: Person, project: Record, end: Callable[[Person, Person], None]
) -> None:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    started = start_timer(agent, project_id=project["id"])
    end(alice, agent)
    stopped = done(alice.get(f"/time-entries/{started['id']}"))
    assert stopped["ended_at"] > started["started_at"]
    events = done(alice.get(f"/rooms/project:{project['id']}/events"))
    (told,) = [event for event in events if event["type"] == "time_entry.stopped"]
    assert (told["actor"], told["data"]) == (alice.id, stopped)


@pytest.mark.parametrize("end", [stop_by_deleting, stop_by_switching_off])
def test_a_personal_timer_of_an_agent_stops_too(
    database: str, alice: Person, end: Callable[[Person, Person], None]
) -> None:
    agent = make_agent(alice)
    started = start_timer(agent)
    end(alice, agent)
    query = "SELECT ended_at IS NOT NULL AS stopped FROM time_entries WHERE id = %(id)s"
    assert rows(database, query, {"id": started["id"]}) == [{"stopped": True}]


def test_the_timer_of_an_agent_that_only_gets_another_name_goes_on(alice: Person) -> None:
    agent = make_agent(alice)
    started = start_timer(agent)
    done(alice.patch(f"/agents/{agent.id}", {"name": "Nightly"}))
    assert running(agent) == started


# Continuing


def test_continuing_makes_a_new_entry_for_the_same_work(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    earlier = make_entry(alice, task_id=task["id"], note="Draft", labels=["deep"])
    started = done(alice.post(f"/time-entries/{earlier['id']}/continue"))["started"]
    assert started["id"] != earlier["id"]
    same = ("task_id", "project_id", "note", "labels")
    assert [started[name] for name in same] == [earlier[name] for name in same]
    assert started["source"] == "timer"
    assert running(alice) == started
    assert entries(alice) == [earlier, started]


def test_continuing_stops_what_runs(alice: Person) -> None:
    earlier = make_entry(alice, ago(hours=2), ago(hours=1))
    first = start_timer(alice)
    switched = done(alice.post(f"/time-entries/{earlier['id']}/continue"))
    assert switched["stopped"]["id"] == first["id"]
    assert switched["stopped"]["ended_at"] == switched["started"]["started_at"]


def test_time_of_others_cannot_be_continued(alice: Person, bob: Person) -> None:
    entry = make_entry(alice)
    assert bob.post(f"/time-entries/{entry['id']}/continue").status_code == 404


def test_a_member_may_continue_what_another_did(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(alice, project_id=project["id"], note="Draft")
    started = done(bob.post(f"/time-entries/{entry['id']}/continue"))["started"]
    assert (started["user_id"], started["note"]) == (bob.id, "Draft")
