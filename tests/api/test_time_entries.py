"""Time entries over the API: recording, overlaps, correcting, finding."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.access_world import make_agent
from tests.factories import Person, add_member
from tests.records import (
    ELEVEN,
    NINE,
    NOON,
    TEN,
    Record,
    ago,
    done,
    event_types,
    ids,
    make_entry,
    make_project,
    make_task,
    refusal,
    start_timer,
)

HALF_PAST_NINE = "2026-03-02T09:30:00Z"
BILLED = {"billable": True, "hourly_rate_minor": 9_000, "currency": "EUR"}


def span(started_at: str, ended_at: str, **fields: Any) -> Record:
    return {"started_at": started_at, "ended_at": ended_at, **fields}


def change(person: Person, entry: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/time-entries/{entry['id']}", fields))
    return changed


def test_time_recorded_by_hand_has_defaults(alice: Person) -> None:
    entry = make_entry(alice, NINE, TEN)
    made_by_the_server = {name: entry[name] for name in ("id", "created_at", "updated_at")}
    assert entry == made_by_the_server | {
        "user_id": alice.id,
        "project_id": None,
        "task_id": None,
        "note": "",
        "labels": [],
        "started_at": NINE,
        "ended_at": TEN,
        "timezone": "UTC",
        "billable": False,
        "rate_minor": None,
        "currency": None,
        "source": "manual",
        "allow_overlap": False,
        "lease_id": None,
        "seconds": 3600,
        "version": 1,
    }
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry


def test_an_instant_may_be_given_with_any_offset(alice: Person) -> None:
    entry = make_entry(alice, "2026-03-02T10:00:00+01:00", "2026-03-02T15:30:00+05:30")
    assert (entry["started_at"], entry["ended_at"]) == (NINE, TEN)


@pytest.mark.parametrize("ended_at", [NINE, "2026-03-02T08:59:59Z"])
def test_an_entry_ends_after_it_starts(alice: Person, ended_at: str) -> None:
    answer = alice.post("/time-entries", span(NINE, ended_at))
    assert refusal(answer) == (400, "empty_time_entry")


def test_an_entry_recorded_by_hand_must_have_ended(alice: Person) -> None:
    answer = alice.post("/time-entries", {"started_at": NINE})
    assert refusal(answer) == (422, "invalid_input")


def test_a_task_implies_its_project(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    assert make_entry(alice, task_id=task["id"])["project_id"] == project["id"]


def test_a_task_of_another_project_is_a_contradiction(alice: Person, project: Record) -> None:
    task = make_task(alice)
    body = span(NINE, TEN, task_id=task["id"], project_id=project["id"])
    assert refusal(alice.post("/time-entries", body)) == (400, "project_mismatch")


def test_an_archived_project_takes_no_new_time(alice: Person, project: Record) -> None:
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.post("/time-entries", span(NINE, TEN, project_id=project["id"]))
    assert refusal(answer) == (409, "project_archived")


def test_an_entry_keeps_the_rate_of_its_day(alice: Person) -> None:
    project = make_project(alice, settings=BILLED)
    entry = make_entry(alice, project_id=project["id"])
    assert (entry["billable"], entry["rate_minor"], entry["currency"]) == (True, 9_000, "EUR")
    settings = {"billable": False, "hourly_rate_minor": 12_000, "currency": "USD"}
    done(alice.patch(f"/projects/{project['id']}", {"settings": settings}))
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry
    assert make_entry(alice, TEN, ELEVEN, project_id=project["id"])["rate_minor"] == 12_000


def test_an_entry_may_be_billed_otherwise_than_its_project(alice: Person) -> None:
    project = make_project(alice, settings=BILLED)
    assert make_entry(alice, project_id=project["id"], billable=False)["billable"] is False


def test_the_time_of_a_deleted_task_stays(alice: Person) -> None:
    task = make_task(alice)
    entry = make_entry(alice, task_id=task["id"])
    done(alice.delete(f"/tasks/{task['id']}"))
    assert done(alice.get(f"/time-entries/{entry['id']}")) == entry


# Overlaps


@pytest.mark.parametrize(
    ("started_at", "ended_at"),
    [
        (NINE, TEN),
        (HALF_PAST_NINE, ELEVEN),
        ("2026-03-02T08:00:00Z", HALF_PAST_NINE),
        ("2026-03-02T08:00:00Z", ELEVEN),
        ("2026-03-02T09:59:59.999999Z", ELEVEN),
    ],
)
def test_one_person_is_in_one_place_at_a_time(
    alice: Person, started_at: str, ended_at: str
) -> None:
    hour = make_entry(alice, NINE, TEN)
    answer = alice.post("/time-entries", span(started_at, ended_at))
    assert refusal(answer) == (409, "time_overlap")
    assert answer.get_json()["conflicting_ids"] == [hour["id"]]
    assert ids(alice.get("/time-entries")) == [hour["id"]]


def test_all_entries_in_the_way_are_named(alice: Person) -> None:
    hours = [make_entry(alice, NINE, TEN), make_entry(alice, ELEVEN, NOON)]
    answer = alice.post("/time-entries", span(HALF_PAST_NINE, NOON))
    assert set(answer.get_json()["conflicting_ids"]) == {hour["id"] for hour in hours}


def test_entries_may_touch(alice: Person) -> None:
    make_entry(alice, NINE, TEN)
    make_entry(alice, ELEVEN, NOON)
    assert make_entry(alice, TEN, ELEVEN)["allow_overlap"] is False


def test_overlaps_are_kept_when_they_are_meant(alice: Person) -> None:
    make_entry(alice, NINE, TEN)
    assert make_entry(alice, NINE, ELEVEN, allow_overlap=True)["allow_overlap"] is True


def test_an_entry_that_may_overlap_is_in_nobodys_way(alice: Person) -> None:
    make_entry(alice, NINE, TEN, allow_overlap=True)
    assert make_entry(alice, NINE, TEN)["allow_overlap"] is False


def test_a_deleted_entry_is_in_nobodys_way(alice: Person) -> None:
    entry = make_entry(alice, NINE, TEN)
    done(alice.delete(f"/time-entries/{entry['id']}"))
    assert make_entry(alice, NINE, TEN)


def test_a_running_timer_takes_the_time_up_to_now(alice: Person) -> None:
    entry = start_timer(alice)
    change(alice, entry, started_at=ago(hours=2))
    answer = alice.post("/time-entries", span(ago(hours=1), ago(minutes=30)))
    assert refusal(answer) == (409, "time_overlap")
    assert answer.get_json()["conflicting_ids"] == [entry["id"]]


def test_a_running_timer_that_may_overlap_is_in_nobodys_way(alice: Person) -> None:
    running = start_timer(alice)
    may_overlap = {"started_at": NINE, "allow_overlap": True}
    done(alice.patch(f"/time-entries/{running['id']}", may_overlap))
    assert make_entry(alice, TEN, ELEVEN)["allow_overlap"] is False


def test_entries_of_different_people_overlap_freely(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    for person in (alice, bob):
        assert make_entry(person, NINE, TEN, project_id=project["id"])


def test_an_entry_cannot_be_moved_into_another(alice: Person) -> None:
    hour = make_entry(alice, NINE, TEN)
    entry = make_entry(alice, TEN, ELEVEN)
    path = f"/time-entries/{entry['id']}"
    answer = alice.patch(path, {"started_at": HALF_PAST_NINE})
    assert refusal(answer) == (409, "time_overlap")
    assert answer.get_json()["conflicting_ids"] == [hour["id"]]
    assert done(alice.get(path)) == entry
    assert change(alice, entry, started_at=HALF_PAST_NINE, allow_overlap=True)["seconds"] == 5400


def test_a_running_entry_cannot_be_moved_into_another(alice: Person) -> None:
    hour = make_entry(alice, ago(hours=2), ago(hours=1))
    entry = start_timer(alice)
    answer = alice.patch(f"/time-entries/{entry['id']}", {"started_at": ago(hours=3)})
    assert refusal(answer) == (409, "time_overlap")
    assert answer.get_json()["conflicting_ids"] == [hour["id"]]


def test_an_overlap_that_was_allowed_cannot_be_forbidden_while_it_is_there(
    alice: Person,
) -> None:
    make_entry(alice, NINE, TEN)
    entry = make_entry(alice, NINE, TEN, allow_overlap=True)
    answer = alice.patch(f"/time-entries/{entry['id']}", {"allow_overlap": False})
    assert refusal(answer) == (409, "time_overlap")


def test_an_agent_may_do_several_things_at_once(alice: Person) -> None:
    agent = make_agent(alice)
    entries = [make_entry(agent, NINE, TEN) for _ in range(2)]
    assert [entry["allow_overlap"] for entry in entries] == [True, True]


def test_time_of_an_agent_is_told_apart_however_it_was_recorded(alice: Person) -> None:
    agent = make_agent(alice)
    by_hand, timed = make_entry(agent), start_timer(agent)
    continued = done(agent.post(f"/time-entries/{by_hand['id']}/continue"))["started"]
    assert [entry["source"] for entry in (by_hand, timed, continued)] == ["agent"] * 3


def test_time_of_an_agent_stays_its_when_a_person_corrects_it(
    alice: Person, project: Record
) -> None:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    entry = make_entry(agent, project_id=project["id"])
    corrected = done(alice.patch(f"/time-entries/{entry['id']}", {"ended_at": ELEVEN}))
    assert (corrected["user_id"], corrected["source"]) == (agent.id, "agent")


def test_a_person_who_goes_on_with_what_an_agent_did_records_time_of_a_person(
    alice: Person, project: Record
) -> None:
    agent = make_agent(alice)
    add_member(alice, project, agent, "editor")
    entry = make_entry(agent, project_id=project["id"])
    started = done(alice.post(f"/time-entries/{entry['id']}/continue"))["started"]
    assert (started["user_id"], started["source"]) == (alice.id, "timer")


# Finding


def found(person: Person, **question: Any) -> list[str]:
    return ids(person.get(f"/time-entries?{urlencode(question)}"))


def test_the_list_holds_ones_own_time_the_latest_first(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(bob, project_id=project["id"])
    made = [make_entry(alice, TEN, ELEVEN)["id"], make_entry(alice, NINE, TEN)["id"]]
    assert found(alice) == made
    assert found(alice, sort="started_at") == made[::-1]


def test_the_list_of_a_project_holds_everybodys_time_in_it(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(alice, TEN, ELEVEN)
    hers = make_entry(alice, NINE, TEN, project_id=project["id"])["id"]
    his = make_entry(bob, TEN, ELEVEN, project_id=project["id"])["id"]
    assert found(bob, project_id=project["id"]) == [his, hers]
    assert found(bob, project_id=project["id"], user_id=alice.id) == [hers]


def test_the_time_of_a_project_of_others_does_not_exist(
    alice: Person, bob: Person, project: Record
) -> None:
    make_entry(alice, project_id=project["id"])
    assert bob.get(f"/time-entries?project_id={project['id']}").status_code == 404


@pytest.mark.parametrize(
    ("question", "hours"),
    [
        ({"started_after": TEN}, [ELEVEN, TEN]),
        ({"started_before": TEN}, [NINE]),
        ({"started_after": NINE, "started_before": ELEVEN}, [TEN, NINE]),
        ({"limit": "1", "offset": "1"}, [TEN]),
    ],
)
def test_the_start_is_in_a_half_open_range(
    alice: Person, question: dict[str, str], hours: list[str]
) -> None:
    for started_at, ended_at in ((NINE, TEN), (TEN, ELEVEN), (ELEVEN, NOON)):
        make_entry(alice, started_at, ended_at)
    page = done(alice.get(f"/time-entries?{urlencode(question)}"))
    assert [entry["started_at"] for entry in page] == hours


def test_time_is_found_by_its_task(alice: Person) -> None:
    task = make_task(alice)
    make_entry(alice, NINE, TEN)
    entry = make_entry(alice, TEN, ELEVEN, task_id=task["id"])
    assert found(alice, task_id=task["id"]) == [entry["id"]]


def test_pages_of_entries_that_start_together_join_without_gap_or_double(alice: Person) -> None:
    made = [make_entry(alice, allow_overlap=True)["id"] for _ in range(3)]
    first = alice.get("/time-entries?sort=started_at&limit=2")
    cursor = first.headers["Link"].partition("cursor=")[2].partition(">")[0]
    second = alice.get(f"/time-entries?sort=started_at&limit=2&cursor={cursor}")
    assert ids(first) + ids(second) == made


def test_events_of_personal_time_are_private(alice: Person) -> None:
    make_entry(alice)
    assert event_types(alice, f"user:{alice.id}")[-1] == "time_entry.created"
