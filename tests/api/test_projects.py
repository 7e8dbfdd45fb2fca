"""Projects over the API."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.factories import Person, add_member
from tests.records import Record, done, make_entry, make_project, make_task, refusal

DEFAULTS = {
    "billable": False,
    "hourly_rate_minor": None,
    "currency": None,
    "completing_blocked": "refuse",
    "completing_parent": "warn",
    "agents_completing": "complete",
}
BILLED = {
    "billable": True,
    "hourly_rate_minor": 9_000,
    "currency": "EUR",
    "completing_blocked": "warn",
    "completing_parent": "refuse",
    "agents_completing": "propose",
}


def change(person: Person, project: Record, **fields: Any) -> Record:
    changed: Record = done(person.patch(f"/projects/{project['id']}", fields))
    return changed


def found(person: Person, **question: Any) -> list[str]:
    """Return the names in a list of projects, in its order."""
    page = done(person.get(f"/projects?{urlencode(question)}"))
    return [project["name"] for project in page]


def test_a_project_with_nothing_but_a_name_has_defaults(alice: Person) -> None:
    project = make_project(alice, name=" Website ")
    made_by_the_server = {name: project[name] for name in ("id", "created_at", "updated_at")}
    assert project == made_by_the_server | {
        "name": "Website",
        "description": "",
        "settings": DEFAULTS,
        "archived": False,
        "created_by": alice.id,
        "role": "owner",
        "version": 1,
    }
    assert done(alice.get(f"/projects/{project['id']}")) == project


def test_a_project_shows_each_member_their_own_role(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "viewer")
    assert done(bob.get(f"/projects/{project['id']}")) == project | {"role": "viewer"}


def test_a_project_of_others_does_not_exist(bob: Person, project: Record) -> None:
    path = f"/projects/{project['id']}"
    answers = [bob.get(path), bob.patch(path, {"name": "Mine"}), bob.delete(path)]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_change_a_project(
    alice: Person, bob: Person, project: Record, role: str
) -> None:
    add_member(alice, project, bob, role)
    path = f"/projects/{project['id']}"
    assert refusal(bob.patch(path, {"name": "Mine"})) == (403, "forbidden")
    assert refusal(bob.delete(path)) == (403, "forbidden")
    assert done(alice.get(path)) == project


# Settings


def test_settings_given_at_the_start_are_kept(alice: Person) -> None:
    assert make_project(alice, settings=BILLED)["settings"] == BILLED


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({"hourly_rate_minor": 9_500}, BILLED | {"hourly_rate_minor": 9_500}),
        ({"currency": None}, BILLED | {"currency": None}),
        ({"billable": None}, BILLED | {"billable": False}),
        ({}, BILLED),
        (dict.fromkeys(BILLED), DEFAULTS),
    ],
)
def test_settings_are_merged_and_null_goes_back_to_the_default(
    alice: Person, patch: Any, after: Any
) -> None:
    project = make_project(alice, settings=BILLED)
    assert change(alice, project, settings=patch)["settings"] == after
    assert done(alice.get(f"/projects/{project['id']}"))["settings"] == after


@pytest.mark.parametrize(
    "settings",
    [
        {"hourly_rate_minor": -1},
        {"hourly_rate_minor": "90"},
        {"currency": "euro"},
        {"colour": "red"},
    ],
)
def test_settings_that_do_not_fit_are_refused(
    alice: Person, project: Record, settings: Any
) -> None:
    answers = [
        alice.post("/projects", {"name": "Website", "settings": settings}),
        alice.patch(f"/projects/{project['id']}", {"settings": settings}),
    ]
    assert [refusal(answer) for answer in answers] == [(422, "invalid_input")] * 2


# The list


def test_the_list_holds_the_projects_one_belongs_to_newest_first(
    alice: Person, bob: Person
) -> None:
    make_project(alice, name="Alice's alone")
    add_member(alice, make_project(alice, name="Shared"), bob, "viewer")
    make_project(bob, name="Bob's alone")
    assert found(bob) == ["Bob's alone", "Shared"]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ({}, ["100 % shop", "Old shop", "Website"]),
        ({"archived": "true"}, ["Old shop"]),
        ({"archived": "false"}, ["100 % shop", "Website"]),
        ({"search": "SHOP"}, ["100 % shop", "Old shop"]),
        ({"search": "shop", "archived": "true"}, ["Old shop"]),
        ({"search": "%"}, ["100 % shop"]),
    ],
)
def test_filters(alice: Person, question: dict[str, str], names: list[str]) -> None:
    make_project(alice, name="Website")
    change(alice, make_project(alice, name="Old shop"), archived=True)
    make_project(alice, name="100 % shop")
    assert found(alice, **question) == names


def test_pages_join_without_gap_or_double(alice: Person) -> None:
    for name in ("one", "two", "three"):
        make_project(alice, name=name)
    first = alice.get("/projects?limit=2")
    cursor = first.headers["Link"].partition("cursor=")[2].partition(">")[0]
    second = alice.get(f"/projects?limit=2&cursor={cursor}")
    names = [[project["name"] for project in done(page)] for page in (first, second)]
    assert names == [["three", "two"], ["one"]]
    assert "Link" not in second.headers


# Deleting, and versions


def test_a_deleted_project_is_gone_for_all(alice: Person, bob: Person, project: Record) -> None:
    add_member(alice, project, bob, "owner")
    path = f"/projects/{project['id']}"
    assert bob.delete(path).status_code == 204
    answers = [alice.get(path), bob.get(path), alice.get(f"{path}/members"), alice.delete(path)]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert found(alice) == []


def test_with_a_project_its_time_is_gone_for_all_but_who_worked(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    entry = make_entry(bob, project_id=project["id"])
    done(alice.delete(f"/projects/{project['id']}"))
    assert alice.get(f"/time-entries/{entry['id']}").status_code == 404
    assert done(bob.get(f"/time-entries/{entry['id']}")) == entry


def test_an_archived_project_can_be_read_and_its_tasks_be_finished(
    alice: Person, project: Record
) -> None:
    task = make_task(alice, project_id=project["id"])
    change(alice, project, archived=True)
    assert done(alice.get(f"/projects/{project['id']}"))["archived"] is True
    assert done(alice.patch(f"/tasks/{task['id']}", {"status": "completed"}))


def test_each_change_raises_the_version_by_one(alice: Person, project: Record) -> None:
    versions = [change(alice, project, name=name)["version"] for name in ("Shop", "Stand")]
    versions.append(change(alice, project, settings=BILLED)["version"])
    assert versions == [2, 3, 4]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_is_refused_and_shows_the_current_one(
    alice: Person, project: Record, method: str
) -> None:
    current = change(alice, project, name="Newer")
    headers = {"If-Match": '"v1"'}
    body = {"name": "Older"} if method == "PATCH" else None
    answer = alice.send(method, f"/projects/{project['id']}", headers=headers, json=body)
    assert refusal(answer) == (412, "version_mismatch")
    assert answer.get_json()["current"] == current


@pytest.mark.parametrize("tags", ['"v1"', "*", '"v7", "v1"'])
def test_a_change_that_names_the_version_among_its_tags_is_made(
    alice: Person, project: Record, tags: str
) -> None:
    answer = alice.patch(f"/projects/{project['id']}", {"name": "New"}, If_Match=tags)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"v2"')
