"""Finding tasks: filters, search and sort orders of the list."""

from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.factories import Person, add_member
from tests.records import Record, done, ids, make_project, make_task

PAGES_MAX = 20
FRIDAY, SATURDAY, SUNDAY = (f"2026-03-{day:02}T12:00:00Z" for day in (6, 7, 8))


def found(person: Person, **question: Any) -> list[str]:
    """Return the titles in a list of tasks, in its order."""
    page = done(person.get(f"/tasks?{urlencode(question)}"))
    return [task["title"] for task in page]


def page_by_page(person: Person, size: int, **question: Any) -> list[str]:
    """Return the same, read in pages of this size that lead on from one to the next."""
    titles: list[str] = []
    question["limit"] = size
    for _ in range(PAGES_MAX):
        answer = person.get(f"/tasks?{urlencode(question)}")
        titles += [task["title"] for task in done(answer)]
        if "Link" not in answer.headers:
            return titles
        question["cursor"] = answer.headers["Link"].partition("cursor=")[2].partition(">")[0]
    raise AssertionError(f"these pages do not end: {titles}")


def test_the_list_holds_ones_own_tasks_and_those_of_ones_projects(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    make_task(alice, title="Alice's alone")
    make_task(alice, title="In the project", project_id=project["id"])
    make_task(bob, title="Bob's alone")
    assert set(found(bob)) == {"In the project", "Bob's alone"}


def test_the_list_of_a_project_holds_its_tasks_only(alice: Person, project: Record) -> None:
    make_task(alice, title="Personal")
    make_task(alice, title="Elsewhere", project_id=make_project(alice)["id"])
    make_task(alice, title="Here", project_id=project["id"])
    assert found(alice, project_id=project["id"]) == ["Here"]


def test_an_empty_project_has_an_empty_list(alice: Person, project: Record) -> None:
    assert done(alice.get(f"/tasks?project_id={project['id']}")) == []


def test_a_project_of_others_has_no_list(alice: Person, bob: Person, project: Record) -> None:
    make_task(alice, project_id=project["id"])
    assert bob.get(f"/tasks?project_id={project['id']}").status_code == 404


def test_deleted_tasks_are_not_listed(alice: Person) -> None:
    task = make_task(alice)
    done(alice.delete(f"/tasks/{task['id']}"))
    assert found(alice) == []


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ({"status": "completed"}, ["Done"]),
        ({"status": "pending"}, ["Urgent", "Bare"]),
        ({"priority": "urgent"}, ["Urgent"]),
        ({"priority": "none"}, ["Done", "Bare"]),
        ({"label": "home"}, ["Urgent", "Done"]),
        ({"label": "HOME"}, []),
        ({"label": "garden", "status": "completed"}, ["Done"]),
    ],
)
def test_filters(alice: Person, question: dict[str, str], titles: list[str]) -> None:
    make_task(alice, title="Bare")
    make_task(alice, title="Done", status="completed", labels=["home", "garden"])
    make_task(alice, title="Urgent", priority="urgent", labels=["home"])
    assert found(alice, **question) == titles


def test_tasks_are_found_by_their_assignee(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "editor")
    make_task(alice, title="Nobody's", project_id=project["id"])
    make_task(alice, title="Alice's", project_id=project["id"], assignee_id=alice.id)
    make_task(alice, title="Bob's", project_id=project["id"], assignee_id=bob.id)
    assert found(alice, assignee=bob.id) == ["Bob's"]
    assert found(alice, assignee="me") == ["Alice's"]
    assert found(bob, assignee="me", project_id=project["id"]) == ["Bob's"]


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ({"due_after": SATURDAY}, ["Sunday", "Saturday"]),
        ({"due_before": SATURDAY}, ["Friday"]),
        ({"due_after": FRIDAY, "due_before": SUNDAY}, ["Saturday", "Friday"]),
        ({"due_after": "2026-03-07T13:00:00+01:00"}, ["Sunday", "Saturday"]),
    ],
)
def test_due_dates_are_a_half_open_range(
    alice: Person, question: dict[str, str], titles: list[str]
) -> None:
    make_task(alice, title="Some day")
    for title, due_at in (("Friday", FRIDAY), ("Saturday", SATURDAY), ("Sunday", SUNDAY)):
        make_task(alice, title=title, due_at=due_at)
    assert found(alice, **question) == titles


@pytest.mark.parametrize(
    ("search", "titles"),
    [
        ("roof", ["Paint the roof", "Paint the fence"]),
        ("paint roof", ["Paint the roof", "Paint the fence"]),
        ('"the roof"', ["Paint the roof"]),
        ("paint -roof", ["Paint the door"]),
        ("door or fence", ["Paint the door", "Paint the fence"]),
        ("PAINT DOOR", ["Paint the door"]),
        ("roofs", []),
        ('"', []),
    ],
)
def test_search_understands_words_phrases_and_exclusions_and_puts_titles_first(
    alice: Person, search: str, titles: list[str]
) -> None:
    make_task(alice, title="Paint the roof")
    make_task(alice, title="Paint the fence", description="After the old roof.")
    make_task(alice, title="Paint the door")
    assert found(alice, search=search) == titles


def test_a_changed_title_is_found_by_its_new_words(alice: Person) -> None:
    task = make_task(alice, title="Paint the roof")
    done(alice.patch(f"/tasks/{task['id']}", {"title": "Mend the roof"}))
    assert (found(alice, search="mend"), found(alice, search="paint")) == (["Mend the roof"], [])


SORTED = {
    "-created_at": ["third", "second", "first"],
    "created_at": ["first", "second", "third"],
    "due_at": ["second", "third", "first"],
    "-priority": ["third", "first", "second"],
    "-updated_at": ["first", "third", "second"],
}


@pytest.fixture
def sortable(alice: Person) -> Person:
    """Alice with three tasks that each order puts differently."""
    first = make_task(alice, title="first", priority="medium")
    make_task(alice, title="second", priority="low", due_at=FRIDAY)
    make_task(alice, title="third", priority="high", due_at=SATURDAY)
    done(alice.patch(f"/tasks/{first['id']}", {"description": "Changed last"}))
    return alice


@pytest.mark.parametrize("sort", SORTED)
def test_sort_orders(sortable: Person, sort: str) -> None:
    assert found(sortable, sort=sort) == SORTED[sort]


@pytest.mark.parametrize("sort", SORTED)
def test_pages_of_each_order_join_without_gap_or_double(sortable: Person, sort: str) -> None:
    assert page_by_page(sortable, 1, sort=sort) == SORTED[sort]


def test_without_a_sort_the_newest_come_first(sortable: Person) -> None:
    assert found(sortable) == SORTED["-created_at"]


def test_pages_of_equal_sort_keys_join_without_gap_or_double(alice: Person) -> None:
    titles = [make_task(alice, title=f"{n}")["title"] for n in range(5)]
    assert page_by_page(alice, 2, sort="due_at") == titles
    assert page_by_page(alice, 2, sort="-priority") == titles[::-1]


def test_pages_merge_personal_tasks_and_those_of_all_projects(
    alice: Person, project: Record
) -> None:
    places = [{}, {"project_id": project["id"]}, {"project_id": make_project(alice)["id"]}]
    order = [place for places_in_turn in permutations(places) for place in places_in_turn]
    titles = [make_task(alice, title=f"{n}", **place)["title"] for n, place in enumerate(order)]
    assert page_by_page(alice, 4, sort="created_at") == titles


def test_a_page_keeps_its_filters(alice: Person) -> None:
    for n in range(4):
        make_task(alice, title=f"{n}", status="completed" if n % 2 else "pending")
    assert page_by_page(alice, 1, status="completed") == ["3", "1"]


def test_an_offset_skips_tasks(alice: Person) -> None:
    made = [make_task(alice)["id"] for _ in range(3)]
    assert ids(alice.get("/tasks?sort=created_at&offset=1&limit=1")) == [made[1]]


@pytest.mark.parametrize(
    "question", ["status=late", "sort=title", "priority=1", "due_before=tomorrow", "colour=red"]
)
def test_a_filter_that_does_not_exist_is_refused(alice: Person, question: str) -> None:
    assert alice.get(f"/tasks?{question}").status_code == 422
