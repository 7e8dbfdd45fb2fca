"""The order of items: moving them within their list."""

from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from tests.changes import BESIDE
from tests.crowd import at_once, crowd
from tests.factories import Person
from tests.records import Record, done, event_types, make_item, make_task, refusal
from tests.server import Client, Server
from tests.sql import rows
from utils.positions import POSITION_MAX_LENGTH

MANY = 20


def change(person: Person, item: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/items/{item['id']}", fields))
    return changed


def names(person: Person, task: Record | None = None) -> list[str]:
    """Return what is in a checklist or the inbox, in its order."""
    path = f"/items?task_id={task['id']}" if task else "/items"
    return [item["name"] for item in done(person.get(path))]


def fill(person: Person, count: int = 4, **fields: Any) -> list[Record]:
    """Make items that are called A, B, C, ..."""
    return [make_item(person, chr(ord("A") + number % 26), **fields) for number in range(count)]


@pytest.fixture
def task(alice: Person, project: Record) -> Record:
    """A task of Alice's project."""
    return make_task(alice, project_id=project["id"])


@pytest.mark.parametrize("in_inbox", [True, False])
@pytest.mark.parametrize(
    ("moved", "side", "other", "order"),
    BESIDE,
)
def test_an_item_moves_beside_another(
    alice: Person, task: Record, moved: int, side: str, other: int, order: str, *, in_inbox: bool
) -> None:
    items = fill(alice, **({} if in_inbox else {"task_id": task["id"]}))
    changed = change(alice, items[moved], **{side: items[other]["id"]})
    assert "".join(names(alice, None if in_inbox else task)) == order
    assert changed["version"] == 2


def test_only_what_moves_changes(alice: Person) -> None:
    items = fill(alice)
    moved = change(alice, items[3], before_id=items[0]["id"])
    assert done(alice.get("/items")) == [moved, *items[:3]]


def test_an_item_moves_and_changes_at_once(alice: Person) -> None:
    first, second, *_ = fill(alice)
    changed = change(alice, first, after_id=second["id"], name="Z", status="done")
    assert (changed["name"], changed["status"], changed["version"]) == ("Z", "done", 2)
    assert names(alice)[:2] == ["B", "Z"]


@pytest.mark.parametrize(("side", "other"), [("after_id", 0), ("before_id", 2)])
def test_an_item_that_is_there_already_does_not_move(alice: Person, side: str, other: int) -> None:
    items = fill(alice)
    assert change(alice, items[1], **{side: items[other]["id"]}) == items[1]


def test_what_is_made_after_a_move_to_the_end_goes_behind_it(alice: Person) -> None:
    items = fill(alice)
    change(alice, items[0], after_id=items[3]["id"])
    make_item(alice, "E")
    assert "".join(names(alice)) == "BCDAE"


def test_an_item_moves_only_beside_others_of_its_list(
    alice: Person, bob: Person, task: Record
) -> None:
    item, gone = fill(alice, 2)
    done(alice.delete(f"/items/{gone['id']}"))
    of_the_task = make_item(alice, task_id=task["id"])
    of_another = make_item(alice, task_id=make_task(alice)["id"])
    pairs = [
        (item, item),
        (item, gone),
        (item, of_the_task),
        (item, make_item(bob)),
        (of_the_task, item),
        (of_the_task, of_another),
    ]
    for moved, other in pairs:
        answer = alice.patch(f"/items/{moved['id']}", {"before_id": other["id"]})
        assert refusal(answer) == (400, "no_such_place")


def test_an_item_goes_between_two_others(alice: Person) -> None:
    first, second, third, _ = fill(alice)
    body = {"after_id": first["id"], "before_id": second["id"]}
    between = done(alice.patch(f"/items/{third['id']}", body))
    assert first["position"] < between["position"] < second["position"]


def test_no_item_goes_before_one_and_behind_a_later_one(alice: Person) -> None:
    first, second, third, _ = fill(alice)
    body = {"after_id": second["id"], "before_id": first["id"]}
    assert refusal(alice.patch(f"/items/{third['id']}", body)) == (400, "no_such_place")


def test_positions_stay_short_however_often_items_move(alice: Person, task: Record) -> None:
    last, *others = fill(alice, 3, task_id=task["id"])
    for number in range(100):
        change(alice, others[number % 2], before_id=last["id"])
        change(alice, last, after_id=others[number % 2]["id"])
    items = done(alice.get(f"/items?task_id={task['id']}"))
    assert [item["name"] for item in items] == ["B", "C", "A"]
    assert max(len(item["position"]) for item in items) <= POSITION_MAX_LENGTH


def crowded(alice: Person, task: Record, database: str, count: int) -> list[Record]:
    """Return a checklist in which there is no short position behind the first item."""
    items = fill(alice, count, task_id=task["id"])
    first = items[0]["position"]
    for number, item in enumerate(items[1:], start=1):
        position = first + "0" * POSITION_MAX_LENGTH + f"{number:03}V"
        values = {"id": item["id"], "position": position}
        rows(database, "UPDATE items SET position = %(position)s WHERE id = %(id)s", values)
    return items


def test_where_there_is_no_short_position_those_around_get_new_ones(
    database: str, alice: Person, project: Record, task: Record
) -> None:
    items = crowded(alice, task, database, 4)
    known = len(event_types(alice, f"project:{project['id']}"))
    change(alice, items[3], after_id=items[0]["id"])
    after = done(alice.get(f"/items?task_id={task['id']}"))
    assert [item["name"] for item in after] == ["A", "D", "B", "C"]
    assert [item["version"] for item in after] == [2] * 4
    assert max(len(item["position"]) for item in after) < POSITION_MAX_LENGTH
    told = done(alice.get(f"/rooms/project:{project['id']}/events"))[known:]
    assert {event["type"] for event in told} == {"item.updated"}
    assert {event["subject"]: event["data"] for event in told} == {
        item["id"]: item for item in after
    }


def test_at_most_a_hundred_around_get_new_positions(
    database: str, alice: Person, task: Record
) -> None:
    items = crowded(alice, task, database, 120)
    moved = items.pop(0)
    change(alice, moved, after_id=items[59]["id"])
    after = done(alice.get(f"/items?task_id={task['id']}&limit=200"))
    order = (
        [item["id"] for item in items[:60]] + [moved["id"]] + [each["id"] for each in items[60:]]
    )
    assert [item["id"] for item in after] == order
    assert [item["version"] for item in after] == [1] * 10 + [2] * 101 + [1] * 9


def move_all(server: Server, person: Person, items: list[Record], first: Record) -> None:
    """Move items behind the first one, all at the same moment."""

    def move(client: Client, item: Record) -> int:
        client.headers["Authorization"] = f"Bearer {person.tokens['access_token']}"
        path = f"/items/{item['id']}"
        return client.request("PATCH", path, json={"after_id": first["id"]}).status_code

    with crowd(server, len(items)) as clients:
        moves = [partial(move, *pair) for pair in zip(clients, items, strict=True)]
        assert at_once(moves) == [200] * len(items)


def test_items_moved_to_one_place_at_once_get_different_positions(
    server: Server, alice: Person, task: Record
) -> None:
    first, last = fill(alice, 2, task_id=task["id"])
    moved = [make_item(alice, f"M{number}", task_id=task["id"]) for number in range(MANY)]

    move_all(server, alice, moved, first)
    items = done(alice.get(f"/items?task_id={task['id']}"))
    positions = [item["position"] for item in items]
    assert all(low < high for low, high in pairwise(positions))
    assert (items[0]["id"], items[-1]["id"]) == (first["id"], last["id"])


def test_lines_of_an_inbox_moved_at_once_get_different_positions(
    server: Server, database: str, alice: Person
) -> None:
    first, last = fill(alice, 2)
    moved = [make_item(alice, f"M{number}") for number in range(MANY)]
    # Where positions are long already, each move changes rows that others are about to move.
    squeezed = "UPDATE items SET position = %(position)s WHERE id = %(id)s"
    long = first["position"] + "0" * POSITION_MAX_LENGTH + "V"
    rows(database, squeezed, {"id": last["id"], "position": long})

    move_all(server, alice, moved, first)
    items = done(alice.get("/items"))
    assert all(low["position"] < high["position"] for low, high in pairwise(items))
    assert (items[0]["id"], items[-1]["id"]) == (first["id"], last["id"])
