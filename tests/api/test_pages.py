"""Pages of every list: cursors, offsets and their bounds."""

import uuid
from typing import Any

import pytest
from flask import Flask
from pydantic import TypeAdapter
from werkzeug.test import TestResponse

from config import settings
from tests.agents import claim_one
from tests.api.access_world import entry_body, link_identity, notify_oneself, with_own_session
from tests.api.rights import contracts
from tests.cases import for_each
from tests.factories import Person, add_member, as_agent, make_admin, make_token, sign_up
from tests.records import done
from tests.second_factors import add_passkey
from tests.sql import rows

SIZE = 7
DUE = [None, "2026-05-01T00:00:00Z", None, "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"]
PRIORITIES = ["high", "none", "high", "low"]

FAILED_JOBS = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    SELECT 'default', %(kind)s, 'failed' FROM generate_series(1, %(number)s)
"""

# What settings name is so short that it has no pages.
LISTS = [
    route.split(" ")[1]
    for route, contract in contracts().items()
    if contract.is_list and contract.takes("query")
]


def sorts_of(rule: str) -> list[str]:
    """Return the orders in which a list comes; by relevance takes something to search for."""
    fields = contracts()[f"GET {rule}"].parameters["query"].model_fields
    if "sort" not in fields:
        return [""]
    annotation: Any = fields["sort"].annotation
    schema = TypeAdapter(annotation).json_schema()
    names = schema.get("enum") or schema["anyOf"][0]["enum"]
    return [name for name in names if name != "relevance"]


SORTED_LISTS = [(rule, sort) for rule in LISTS for sort in sorts_of(rule)]

# Each with a cursor that another list, or another order of the same one, has made.
FOREIGN = [
    ("/tasks?limit=1", "/tasks?sort=due_at"),
    ("/tasks?limit=1&sort=due_at", "/tasks"),
    ("/tasks?limit=1&sort=due_at", "/tasks?sort=-updated_at"),
    ("/tasks?limit=1", "/time-entries"),
    ("/time-entries?limit=1", "/time-entries?sort=started_at"),
    ("/time-entries?limit=1", "/tasks"),
    ("/projects?limit=1", "/time-entries"),
    ("/projects?limit=1", "/tasks"),
    ("/tasks?limit=1", "/projects"),
    ("/items?limit=1", "/items?task_id={task}"),
    ("/items?limit=1", "/tasks/{task}/comments"),
    ("/tasks/{task}/comments?limit=1", "/items"),
]


class Keeper:
    """Somebody with `SIZE` of everything that there are lists of, many of them alike."""

    def __init__(self, app: Flask, database: str) -> None:
        self.person = make_admin(app, "Keeper")
        self.family = uuid.uuid4().hex
        projects = [self._make("/projects", name="Website") for _ in range(SIZE)]
        self.project_id, self.task_id = projects[0]["id"], ""
        for number in range(SIZE - 2):
            add_member(self.person, projects[0], sign_up(app, f"member{number}"), "viewer")
        for number in range(SIZE):
            place = {"project_id": self.project_id} if number % 2 else {}
            due_at, priority = DUE[number % len(DUE)], PRIORITIES[number % len(PRIORITIES)]
            task = self._make("/tasks", title="Write", due_at=due_at, priority=priority, **place)
            self.task_id = self.task_id or task["id"]
            self._make("/items", name="Think")
            self._make(f"/tasks/{self.task_id}/comments", body="Slowly")
            self._make("/time-entries", **entry_body())
            self._make("/agents", name="Builder", kind="ci")
            self.person.delete(f"/items/{self._make('/items', name='Forget')['id']}")
            link_identity(self.person)
            add_passkey(self.person)
            make_token(self.person)
            notify_oneself(self.person)
            sign_up(app, f"{self.family}{number}")
            last = task
        for number in range(SIZE - 1):
            done(self.person.patch(f"/tasks/{last['id']}", {"description": f"Draft {number}"}))
        self.changed_id = last["id"]
        self.agent_id = self.person.get("/agents").get_json()[0]["id"]
        for _ in range(SIZE - 1):
            make_token(self.person, agent_id=self.agent_id)
        self._lease()
        for _ in range(SIZE - 1):
            with_own_session(database, self.person)
        hooks = f"/projects/{self.project_id}/webhooks"
        made = [self._make(hooks, url="https://hooks.invalid") for _ in range(SIZE)]
        self.webhook_id = made[0]["id"]
        for _ in range(SIZE):
            self.person.post(f"/webhooks/{self.webhook_id}/ping")
        rows(database, FAILED_JOBS, {"kind": f"test.{self.family}", "number": SIZE})
        same = "UPDATE tasks SET updated_at = '2026-03-01' WHERE created_by = %(id)s"
        rows(database, same, {"id": self.person.id})

    def _lease(self) -> None:
        """Let an agent, a member with one more token, begin one task again and again."""
        agent = as_agent(self.person, self.agent_id)
        add_member(self.person, {"id": self.project_id}, agent, "editor")
        for _ in range(SIZE):
            done(agent.post(f"/leases/{claim_one(agent)['id']}/release"))

    def _make(self, path: str, **fields: Any) -> dict[str, Any]:
        answer = self.person.post(path, fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.get_json()
        return made

    def path(self, rule: str, **question: Any) -> str:
        """The address of one of the lists."""
        asked = "&".join(f"{name}={value}" for name, value in question.items() if value != "")
        return self.at(rule, asked)

    def at(self, rule: str, asked: str) -> str:
        """Likewise, with this query."""
        narrowed = {
            "/users": f"search={self.family}",
            "/audit": "action=factor.added",
            "/admin/jobs": f"kind=test.{self.family}",
        }
        asked = "&".join(part for part in (narrowed.get(rule), asked) if part)
        if rule.endswith("/history"):
            rule = rule.replace("<id:task_id>", self.changed_id)
        place = rule.replace("<id:project_id>", self.project_id)
        place = place.replace("<id:agent_id>", self.agent_id)
        place = place.replace("<id:webhook_id>", self.webhook_id)
        return place.replace("<id:task_id>", self.task_id) + (f"?{asked}" if asked else "")

    def whole(self, rule: str, sort: str = "") -> list[dict[str, Any]]:
        """A list in one piece."""
        answer = self.person.get(self.path(rule, limit=200, sort=sort))
        assert "Link" not in answer.headers
        items: list[dict[str, Any]] = answer.get_json()
        assert len(items) == SIZE
        return items

    def cursor(self, path: str) -> str:
        """The cursor of the page behind the one at this address."""
        following = next_path(self.person.get(path))
        assert following is not None
        return following.rpartition("cursor=")[2]


@pytest.fixture(scope="module")
def keeper(app: Flask, database: str) -> Keeper:
    return Keeper(app, database)


def next_path(answer: TestResponse) -> str | None:
    """Where the next page is, None on the last."""
    assert answer.status_code == 200, answer.text
    if "Link" not in answer.headers:
        return None
    address, relation = answer.headers["Link"].split("; ")
    assert relation == 'rel="next"'
    return address.strip("<>").removeprefix(settings.api_prefix)


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


@pytest.mark.parametrize("limit", [1, 2, 3, SIZE - 1])
@for_each("rule,sort", SORTED_LISTS)
def test_pages_behind_each_other_are_the_whole_list(
    keeper: Keeper, rule: str, sort: str, limit: int
) -> None:
    pages = []
    path: str | None = keeper.path(rule, limit=limit, sort=sort)
    while path is not None:
        answer = keeper.person.get(path)
        pages.append(answer.get_json())
        assert len(pages) <= SIZE, "it goes round in circles"
        path = next_path(answer)
    assert {len(page) for page in pages[:-1]} == {limit}
    assert [item for page in pages for item in page] == keeper.whole(rule, sort)


@for_each("rule", LISTS)
def test_a_page_that_ends_with_the_list_names_no_next(keeper: Keeper, rule: str) -> None:
    answer = keeper.person.get(keeper.path(rule, limit=SIZE))
    assert (len(answer.get_json()), next_path(answer)) == (SIZE, None)


@for_each("rule", LISTS)
def test_pages_by_offset_are_the_whole_list(keeper: Keeper, rule: str) -> None:
    found = []
    for offset in range(0, SIZE, 3):
        found += keeper.person.get(keeper.path(rule, limit=3, offset=offset)).get_json()
    assert found == keeper.whole(rule)


@for_each("rule", LISTS)
def test_behind_the_end_there_is_an_empty_page(keeper: Keeper, rule: str) -> None:
    answer = keeper.person.get(keeper.path(rule, offset=SIZE))
    assert (answer.get_json(), next_path(answer)) == ([], None)


@for_each("rule", LISTS)
def test_a_cursor_goes_on_from_an_offset(keeper: Keeper, rule: str) -> None:
    following = next_path(keeper.person.get(keeper.path(rule, limit=2, offset=1)))
    assert following is not None
    assert keeper.person.get(following).get_json() == keeper.whole(rule)[3:5]


@pytest.mark.parametrize("bound", ["limit=1", "limit=200", "offset=0", "offset=10000"])
@for_each("rule", LISTS)
def test_a_page_may_be_as_large_and_as_far_as_this(keeper: Keeper, rule: str, bound: str) -> None:
    assert keeper.person.get(keeper.at(rule, bound)).status_code == 200


@pytest.mark.parametrize(
    "bound",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=",
        "limit=all",
        "limit=1.5",
        "offset=-1",
        "offset=10001",
        "offset=",
        "offset=two",
    ],
)
@for_each("rule", LISTS)
def test_a_page_that_is_larger_or_farther_is_refused(keeper: Keeper, rule: str, bound: str) -> None:
    answer = keeper.person.get(keeper.at(rule, bound))
    assert refusal(answer) == (422, "invalid_input")
    assert answer.get_json()["errors"][0]["field"] == f"query.{bound.partition('=')[0]}"


@pytest.mark.parametrize("sort", ["", "title", "-due_at", "created_at; DROP TABLE tasks"])
def test_an_order_that_is_not_offered_is_refused(keeper: Keeper, sort: str) -> None:
    assert refusal(keeper.person.get(f"/tasks?sort={sort}")) == (422, "invalid_input")


@pytest.mark.parametrize("damage", ["", "x", "{}x", "x{}", "{}.{}", "é", "%00", "."])
@for_each("rule", LISTS)
def test_a_damaged_cursor_is_refused(keeper: Keeper, rule: str, damage: str) -> None:
    cursor = damage.replace("{}", keeper.cursor(keeper.path(rule, limit=1)))
    answer = keeper.person.get(keeper.at(rule, f"cursor={cursor}"))
    assert refusal(answer) == (422, "invalid_cursor")


def test_a_cursor_whose_content_was_changed_is_refused(keeper: Keeper) -> None:
    first, second = (keeper.cursor(f"/tasks?limit={limit}") for limit in (1, 2))
    mixed = first.rpartition(".")[0] + "." + second.rpartition(".")[2]
    assert refusal(keeper.person.get(f"/tasks?cursor={mixed}")) == (422, "invalid_cursor")


def test_a_very_long_cursor_is_refused(keeper: Keeper) -> None:
    answer = keeper.person.get(f"/tasks?cursor={'x' * 1_001}")
    assert refusal(answer) == (422, "invalid_input")


@pytest.mark.parametrize(("origin", "target"), FOREIGN)
def test_a_cursor_of_another_list_or_order_is_refused(
    keeper: Keeper, origin: str, target: str
) -> None:
    origin, target = (path.format(task=keeper.task_id) for path in (origin, target))
    joint = "&" if "?" in target else "?"
    answer = keeper.person.get(f"{target}{joint}cursor={keeper.cursor(origin)}")
    assert refusal(answer) == (422, "invalid_cursor")


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(keeper: Keeper, alice: Person) -> None:
    answer = alice.get(f"/tasks?cursor={keeper.cursor('/tasks?limit=1')}")
    assert (answer.status_code, answer.get_json()) == (200, [])


def test_what_is_made_while_somebody_pages_moves_nothing_into_sight_twice(alice: Person) -> None:
    for _ in range(4):
        alice.post("/tasks", {"title": "Write"})
    first = alice.get("/tasks?limit=2")
    alice.post("/tasks", {"title": "Meanwhile"})
    following = next_path(first)
    assert following is not None
    seen = [task["id"] for task in first.get_json() + alice.get(following).get_json()]
    assert len(set(seen)) == 4


def test_the_next_page_answers_the_same_question(keeper: Keeper) -> None:
    question = "/tasks?priority=high&search=write&due_after=2026-04-01T00:00:00%2B01:00&limit=1"
    whole = keeper.person.get(question.replace("limit=1", "limit=200")).get_json()
    following = next_path(keeper.person.get(question))
    assert len(whole) == 2
    assert following is not None
    assert keeper.person.get(following).get_json() == whole[1:2]
