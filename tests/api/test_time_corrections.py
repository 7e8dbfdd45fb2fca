"""Correcting time: who may, and what follows."""

from typing import Any

import pytest

from tests.factories import Person, add_member
from tests.records import (
    ELEVEN,
    NINE,
    TEN,
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


def path_of(entry: Record) -> str:
    return f"/time-entries/{entry['id']}"


def change(person: Person, entry: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(path_of(entry), fields))
    return changed


def test_a_correction_leaves_what_it_does_not_name(alice: Person) -> None:
    entry = make_entry(alice, NINE, TEN, note="Draft", labels=["deep"])
    changed = change(alice, entry, ended_at=ELEVEN)
    assert changed == entry | {
        "ended_at": ELEVEN,
        "seconds": 7200,
        "version": 2,
        "updated_at": changed["updated_at"],
    }


@pytest.mark.parametrize("ended_at", [NINE, "2026-03-02T08:00:00Z"])
def test_a_corrected_entry_ends_after_it_starts(alice: Person, ended_at: str) -> None:
    entry = make_entry(alice, NINE, TEN)
    answer = alice.patch(path_of(entry), {"ended_at": ended_at})
    assert refusal(answer) == (400, "empty_time_entry")
    assert done(alice.get(path_of(entry))) == entry


def test_the_end_of_a_running_entry_is_set_by_stopping_it(alice: Person) -> None:
    entry = start_timer(alice)
    answer = alice.patch(path_of(entry), {"ended_at": "2100-01-01T00:00:00Z"})
    assert refusal(answer) == (400, "timer_running")
    assert done(alice.get("/timer")) == entry


def test_the_start_of_a_running_entry_can_be_corrected(alice: Person) -> None:
    entry = start_timer(alice)
    earlier = ago(hours=1)
    assert moment(change(alice, entry, started_at=earlier)["started_at"]) == moment(earlier)
    assert done(alice.get("/timer"))["id"] == entry["id"]


def test_a_running_entry_cannot_start_in_the_future(alice: Person) -> None:
    entry = start_timer(alice)
    answer = alice.patch(path_of(entry), {"started_at": "2100-01-01T00:00:00Z"})
    assert refusal(answer) == (400, "empty_time_entry")


def test_a_deleted_entry_is_gone(alice: Person) -> None:
    entry = make_entry(alice)
    assert alice.delete(path_of(entry)).status_code == 204
    answers = [alice.get(path_of(entry)), alice.patch(path_of(entry), {"note": "Back"})]
    answers += [alice.delete(path_of(entry)), alice.post(f"{path_of(entry)}/continue")]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_after_a_running_entry_was_deleted_no_timer_runs(alice: Person) -> None:
    done(alice.delete(path_of(start_timer(alice))))
    assert done(alice.get("/timer")) is None
    assert done(alice.post("/timer/stop")) == {"stopped": None}


def test_each_correction_raises_the_version_by_one(alice: Person) -> None:
    entry = make_entry(alice)
    assert [change(alice, entry, note=note)["version"] for note in "abc"] == [2, 3, 4]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_is_refused_and_shows_the_current_one(
    alice: Person, method: str
) -> None:
    entry = make_entry(alice)
    current = change(alice, entry, note="Newer")
    body = {"note": "Older"} if method == "PATCH" else None
    answer = alice.send(method, path_of(entry), headers={"If-Match": '"v1"'}, json=body)
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current


# Moving


def test_moving_an_entry_tells_both_projects(alice: Person, project: Record) -> None:
    other = make_project(alice)
    entry = make_entry(alice, project_id=project["id"])
    assert change(alice, entry, project_id=other["id"])["project_id"] == other["id"]
    assert event_types(alice, f"project:{project['id']}")[-1] == "time_entry.moved"
    assert event_types(alice, f"project:{other['id']}")[-1] == "time_entry.updated"


def test_moving_an_entry_out_of_a_project_makes_it_private(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    assert change(bob, entry, project_id=None)["project_id"] is None
    assert alice.get(path_of(entry)).status_code == 404
    assert event_types(alice, f"project:{project['id']}")[-1] == "time_entry.moved"
    assert event_types(bob, f"user:{bob.id}")[-1] == "time_entry.updated"


def test_giving_a_task_moves_an_entry_to_its_project(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    moved = change(alice, make_entry(alice), task_id=task["id"])
    assert (moved["task_id"], moved["project_id"]) == (task["id"], project["id"])


def test_giving_another_project_takes_an_entry_off_its_task(alice: Person, project: Record) -> None:
    task = make_task(alice, project_id=project["id"])
    entry = make_entry(alice, task_id=task["id"])
    assert change(alice, entry, project_id=make_project(alice)["id"])["task_id"] is None


@pytest.mark.parametrize("named", [["task_id"], ["project_id"], ["task_id", "project_id"]])
def test_naming_where_an_entry_is_already_moves_nothing(
    alice: Person, project: Record, named: list[str]
) -> None:
    task = make_task(alice, project_id=project["id"])
    entry = make_entry(alice, task_id=task["id"])
    done(alice.delete(f"/tasks/{task['id']}"))
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    changed = change(alice, entry, note="Corrected", **{name: entry[name] for name in named})
    assert (changed["task_id"], changed["note"]) == (task["id"], "Corrected")


def test_taking_an_entry_off_its_task_leaves_it_in_the_project(
    alice: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    moved = change(alice, make_entry(alice, task_id=task["id"]), task_id=None)
    assert (moved["task_id"], moved["project_id"]) == (None, project["id"])


def test_moved_time_is_billed_as_where_it_goes(alice: Person, project: Record) -> None:
    settings = {"billable": True, "hourly_rate_minor": 9_000, "currency": "EUR"}
    billed = make_project(alice, settings=settings)
    moved = change(alice, make_entry(alice, project_id=project["id"]), project_id=billed["id"])
    assert (moved["billable"], moved["rate_minor"], moved["currency"]) == (True, 9_000, "EUR")
    personal = change(alice, moved, project_id=None)
    assert (personal["billable"], personal["rate_minor"]) == (False, None)


def test_moved_time_may_be_billed_otherwise(alice: Person) -> None:
    billed = make_project(alice, settings={"billable": True})
    moved = change(alice, make_entry(alice), project_id=billed["id"], billable=False)
    assert moved["billable"] is False


def test_a_correction_inside_a_project_keeps_the_rate(alice: Person, project: Record) -> None:
    entry = make_entry(alice, project_id=project["id"])
    settings = {"hourly_rate_minor": 9_000, "currency": "EUR"}
    done(alice.patch(f"/projects/{project['id']}", {"settings": settings}))
    task = make_task(alice, project_id=project["id"])
    assert change(alice, entry, task_id=task["id"], note="Mine")["rate_minor"] is None


@pytest.mark.parametrize(("role", "status"), [(None, 404), ("viewer", 403), ("editor", 200)])
def test_moving_an_entry_takes_an_editor_of_where_it_goes(
    alice: Person, bob: Person, project: Record, role: str | None, status: int
) -> None:
    if role is not None:
        add_member(alice, project, bob, role)
    answer = bob.patch(path_of(make_entry(bob)), {"project_id": project["id"]})
    assert answer.status_code == status


def test_an_archived_project_takes_no_moved_time(alice: Person, project: Record) -> None:
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = alice.patch(path_of(make_entry(alice)), {"project_id": project["id"]})
    assert refusal(answer) == (409, "project_archived")


def test_time_in_an_archived_project_can_be_corrected(alice: Person, project: Record) -> None:
    entry = make_entry(alice, project_id=project["id"])
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    assert change(alice, entry, note="Corrected")["note"] == "Corrected"


def test_time_of_a_deleted_task_can_be_corrected(alice: Person) -> None:
    task = make_task(alice)
    entry = make_entry(alice, task_id=task["id"])
    done(alice.delete(f"/tasks/{task['id']}"))
    assert change(alice, entry, ended_at=ELEVEN)["task_id"] == task["id"]


# Whose entry


def test_an_editor_corrects_their_own_time(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    assert change(bob, entry, note="Mine")["note"] == "Mine"
    assert bob.delete(path_of(entry)).status_code == 204


def test_an_owner_corrects_anybodys_time(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    corrected = change(alice, entry, ended_at=ELEVEN)
    assert (corrected["user_id"], corrected["ended_at"]) == (bob.id, ELEVEN)
    assert alice.delete(path_of(entry)).status_code == 204


def test_an_owner_cannot_make_somebodys_time_overlap(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    make_entry(bob, TEN, ELEVEN)
    entry = make_entry(bob, NINE, TEN, project_id=project["id"])
    answer = alice.patch(path_of(entry), {"ended_at": ELEVEN})
    assert refusal(answer) == (409, "time_overlap")


def test_an_owner_moves_somebodys_time_only_to_where_they_belong(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    other = make_project(alice)
    moves = [{"project_id": other["id"]}, {"project_id": None}, {"task_id": make_task(alice)["id"]}]
    answers = [alice.patch(path_of(entry), move) for move in moves]
    assert [refusal(answer) for answer in answers] == [(400, "not_a_member")] * 3
    add_member(alice, other, bob, "viewer")
    assert change(alice, entry, project_id=other["id"])["user_id"] == bob.id


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_others_read_an_entry_and_may_not_change_it(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, role)
    entry = make_entry(alice, project_id=project["id"])
    assert done(bob.get(path_of(entry))) == entry
    assert refusal(bob.patch(path_of(entry), {"note": "Mine"})) == (403, "forbidden")
    assert refusal(bob.delete(path_of(entry))) == (403, "forbidden")


def test_who_became_a_viewer_corrects_nothing(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    done(alice.patch(f"/projects/{project['id']}/members/{bob.id}", {"role": "viewer"}))
    assert refusal(bob.patch(path_of(entry), {"note": "Mine"})) == (403, "forbidden")


def test_who_left_the_project_reads_their_own_time_and_may_not_change_it(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    done(bob.delete(f"/projects/{project['id']}/members/{bob.id}"))
    assert done(bob.get(path_of(entry))) == entry
    assert refusal(bob.patch(path_of(entry), {"note": "Mine"})) == (403, "forbidden")
    assert refusal(bob.delete(path_of(entry))) == (403, "forbidden")
    assert change(alice, entry, note="Corrected")["note"] == "Corrected"


def test_a_strangers_entry_does_not_exist(alice: Person, bob: Person, project: Record) -> None:
    for entry in (make_entry(alice), make_entry(alice, TEN, ELEVEN, project_id=project["id"])):
        answers = [bob.get(path_of(entry)), bob.patch(path_of(entry), {"note": "Mine"})]
        answers.append(bob.delete(path_of(entry)))
        assert [answer.status_code for answer in answers] == [404] * 3
