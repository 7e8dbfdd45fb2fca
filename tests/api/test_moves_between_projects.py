"""Moving tasks to other projects: who may, what goes along, and what the rooms hear."""

import pytest

from tests.changes import (
    ask_to_move,
    change,
    events_of,
    move,
    read,
    room_of,
    state_after,
    state_of,
)
from tests.factories import Person, add_member
from tests.records import (
    Record,
    done,
    ids,
    make_comment,
    make_entry,
    make_item,
    make_project,
    make_task,
    refusal,
)


@pytest.fixture
def shop(alice: Person) -> Record:
    """Another project of Alice's."""
    return make_project(alice, name="Shop")


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


# Who may


def test_a_task_goes_where_one_may_work(alice: Person, bob: Person, task: Record) -> None:
    shop = make_project(bob, name="Shop")
    body = {"project_id": shop["id"]}
    assert ask_to_move(alice, task, **body).status_code == 404
    add_member(bob, shop, alice, "viewer")
    assert refusal(ask_to_move(alice, task, **body)) == (403, "forbidden")
    done(bob.patch(f"/projects/{shop['id']}/members/{alice.id}", {"role": "editor"}))
    done(bob.patch(f"/projects/{shop['id']}", {"archived": True}))
    assert refusal(ask_to_move(alice, task, **body)) == (409, "project_archived")
    assert read(alice, task) == task
    done(bob.patch(f"/projects/{shop['id']}", {"archived": False}))
    assert move(alice, task, **body)["project_id"] == shop["id"]
    assert read(bob, task)["version"] == 2


def test_a_viewer_takes_nothing_away(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    shop = make_project(bob, name="Shop")
    assert refusal(ask_to_move(bob, task, project_id=shop["id"])) == (403, "forbidden")


def test_what_others_made_does_not_become_personal(
    alice: Person, bob: Person, project: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    part = make_task(bob, project_id=project["id"], parent_id=task["id"])
    assert refusal(ask_to_move(alice, part, project_id=None)) == (400, "made_by_others")
    assert refusal(ask_to_move(alice, task, project_id=None)) == (400, "made_by_others")
    assert [read(alice, each) for each in (task, part)] == [task, part]


def test_time_of_others_goes_only_where_they_belong(
    alice: Person, bob: Person, project: Record, shop: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    entry = make_entry(bob, task_id=part["id"])
    for target in (shop["id"], None):
        answer = ask_to_move(alice, task, project_id=target)
        assert refusal(answer) == (409, "time_of_others")
        assert answer.get_json()["user_ids"] == [bob.id]
    assert read(alice, task) == task
    add_member(alice, shop, bob, "viewer")
    move(alice, task, project_id=shop["id"])
    assert done(bob.get(f"/time-entries/{entry['id']}"))["project_id"] == shop["id"]


def test_time_of_others_in_the_trash_counts_too(
    alice: Person, bob: Person, project: Record, shop: Record, task: Record
) -> None:
    add_member(alice, project, bob, "editor")
    done(bob.delete(f"/time-entries/{make_entry(bob, task_id=task['id'])['id']}"))
    answer = ask_to_move(alice, task, project_id=shop["id"])
    assert refusal(answer) == (409, "time_of_others")


# What goes along


def test_to_be_personal_and_back(alice: Person, project: Record, task: Record) -> None:
    personal = move(alice, task, project_id=None)
    assert (personal["project_id"], personal["version"]) == (None, 2)
    assert ids(alice.get(f"/tasks?project_id={project['id']}")) == []
    back = move(alice, task, project_id=project["id"])
    assert (back["project_id"], back["version"]) == (project["id"], 3)


def test_everything_of_a_task_goes_along(
    alice: Person, bob: Person, project: Record, shop: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    items = [make_item(alice, task_id=each["id"]) for each in (task, part)]
    comments = [make_comment(alice, each, "Slowly") for each in (task, part)]
    entry = make_entry(alice, task_id=part["id"])
    add_member(alice, shop, bob, "viewer")
    move(alice, task, project_id=shop["id"])
    assert [read(bob, each)["project_id"] for each in (task, part)] == [shop["id"]] * 2
    assert read(bob, part)["parent_id"] == task["id"]
    assert [done(bob.get(f"/items/{each['id']}")) for each in items] == items
    assert [done(bob.get(f"/comments/{each['id']}")) for each in comments] == comments
    spent = done(bob.get(f"/time-entries/{entry['id']}"))
    assert (spent["project_id"], spent["version"]) == (shop["id"], entry["version"] + 1)


def test_an_entry_keeps_the_rate_that_it_was_recorded_at(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    settings = {"billable": True, "hourly_rate_minor": 9_000, "currency": "EUR"}
    done(alice.patch(f"/projects/{shop['id']}", {"settings": settings}))
    entry = make_entry(alice, task_id=task["id"])
    move(alice, task, project_id=shop["id"])
    moved = done(alice.get(f"/time-entries/{entry['id']}"))
    fresh = {name: moved[name] for name in ("version", "updated_at")}
    assert moved == entry | {"project_id": shop["id"]} | fresh


def test_a_timer_goes_on_where_its_task_is(alice: Person, shop: Record, task: Record) -> None:
    started = done(alice.post("/timer/start", {"task_id": task["id"]}))["started"]
    move(alice, task, project_id=shop["id"])
    running = done(alice.get("/timer"))
    assert (running["id"], running["project_id"]) == (started["id"], shop["id"])
    assert done(alice.post("/timer/stop"))["stopped"]["project_id"] == shop["id"]


def test_a_part_leaves_its_whole_when_it_goes_alone(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    assert move(alice, part, project_id=shop["id"])["parent_id"] is None
    assert read(alice, task) == task


def test_a_task_goes_to_a_parent_and_a_place_there_at_once(
    alice: Person, shop: Record, task: Record
) -> None:
    first, second = (make_task(alice, project_id=shop["id"]) for _ in range(2))
    place = {"project_id": shop["id"], "parent_id": first["id"], "before_id": second["id"]}
    moved = move(alice, task, **place)
    assert (moved["project_id"], moved["parent_id"]) == (shop["id"], first["id"])
    assert first["position"] < moved["position"] < second["position"]
    assert moved["version"] == 2


def test_the_parent_is_one_of_where_a_task_goes(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    stays = make_task(alice, project_id=project["id"])
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    for parent in (stays, part):
        answer = ask_to_move(alice, task, project_id=shop["id"], parent_id=parent["id"])
        assert refusal(answer) == (400, "parent_elsewhere")
    assert read(alice, task) == task


def test_an_assignee_goes_along_who_belongs_there(
    alice: Person, bob: Person, project: Record, shop: Record
) -> None:
    for place in (project, shop):
        add_member(alice, place, bob, "viewer")
    task = make_task(alice, project_id=project["id"], assignee_id=bob.id)
    assert move(alice, task, project_id=shop["id"])["assignee_id"] == bob.id


def test_an_assignee_does_not_go_along_who_does_not_belong_there(
    alice: Person, bob: Person, project: Record, shop: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    task = make_task(alice, project_id=project["id"], assignee_id=bob.id)
    assert move(alice, task, project_id=shop["id"])["assignee_id"] is None


def test_a_personal_task_is_ones_own(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "viewer")
    tasks = [
        make_task(alice, project_id=project["id"], assignee_id=person.id) for person in (alice, bob)
    ]
    moved = [move(alice, task, project_id=None)["assignee_id"] for task in tasks]
    assert moved == [alice.id, None]


def test_parts_in_the_trash_stay_and_come_back_alone(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    done(alice.delete(f"/tasks/{part['id']}"))
    move(alice, task, project_id=shop["id"])
    (operation,) = done(alice.get("/trash"))
    done(alice.post(f"/trash/{operation['id']}/restore"))
    back = read(alice, part)
    assert (back["project_id"], back["parent_id"]) == (project["id"], None)


# What the rooms hear


def test_the_old_room_hears_what_left_and_the_new_one_what_came(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    item, comment = make_item(alice, task_id=part["id"]), make_comment(alice, task, "Slowly")
    entry = make_entry(alice, task_id=task["id"])
    known = {room: len(events_of(alice, room)) for room in map(room_of, (project, shop))}
    move(alice, task, project_id=shop["id"])

    def told(room: str) -> list[tuple[str, str]]:
        return [(each["type"], each["subject"]) for each in events_of(alice, room, known[room])]

    assert told(room_of(project)) == [
        ("task.moved", task["id"]),
        ("task.moved", part["id"]),
        ("time_entry.moved", entry["id"]),
    ]
    assert told(room_of(shop)) == [
        ("task.updated", task["id"]),
        ("task.updated", part["id"]),
        ("item.updated", item["id"]),
        ("comment.updated", comment["id"]),
        ("time_entry.updated", entry["id"]),
    ]


def test_what_a_move_leaves_in_the_trash_is_not_told(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    done(alice.delete(f"/time-entries/{make_entry(alice, task_id=task['id'])['id']}"))
    done(alice.delete(f"/items/{make_item(alice, task_id=task['id'])['id']}"))
    known = len(events_of(alice, room_of(shop)))
    move(alice, task, project_id=shop["id"])
    assert [each["type"] for each in events_of(alice, room_of(shop), known)] == ["task.updated"]


def test_who_follows_both_rooms_knows_where_everything_is(
    alice: Person, project: Record, shop: Record, task: Record
) -> None:
    part = make_task(alice, project_id=project["id"], parent_id=task["id"])
    waiting = make_task(alice, project_id=project["id"], blocked_by=[part["id"]])
    make_item(alice, task_id=part["id"])
    make_comment(alice, task, "Slowly")
    make_entry(alice, task_id=task["id"])
    for target in (shop["id"], None, shop["id"], project["id"], shop["id"]):
        move(alice, task, project_id=target)
    change(alice, task, title="Written")

    for place, count in ((project, 1), (shop, 5)):
        events = events_of(alice, room_of(place))
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert state_after(events) == state_of(alice, place)
        assert len(state_of(alice, place)) == count
    assert read(alice, waiting)["blocked_by"] == []
