"""Whatever people do one after another: who follows events has what a fresh snapshot tells."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.factories import Person, add_member, sign_up
from tests.records import ago, make_item, make_project, make_task
from tests.rooms import Follower

EXAMPLES, STEPS = 4, 12

LISTS = {
    "task": "/tasks?limit=200",
    "item": "/items?limit=200",
    "time entry": "/time-entries?limit=200",
    "agent": "/agents?owner=me",
    "project": "/projects",
}


class Team:
    """Alice and Bob, who share two projects, have work of their own and do what numbers say."""

    def __init__(self, app: Flask) -> None:
        self.alice, self.bob = sign_up(app, "Alice"), sign_up(app, "Bob")
        self.people = [self.alice, self.bob]
        self.projects = [make_project(self.alice, name=name) for name in ("Website", "Shop")]
        for project in self.projects:
            add_member(self.alice, project, self.bob, "owner")
        for place in (*self.projects, {"id": None}):
            task = make_task(self.alice, project_id=place["id"])
            make_task(self.alice, project_id=place["id"], parent_id=task["id"])
            make_item(self.alice, task_id=task["id"])
            self.alice.post(f"/tasks/{task['id']}/comments", {"body": "@Bob"})
        self.alice.post("/agents", {"name": "Builder", "kind": "ci"})
        self.followers = [Follower(person) for person in self.people]
        for follower in self.followers:
            follower.start()

    def check(self) -> None:
        for follower in self.followers:
            follower.follow()
            follower.compare()


class Turn:
    """One thing that somebody does; `choices` say to what. It may well be refused."""

    def __init__(self, team: Team, person: Person, choices: list[int]) -> None:
        self.team = team
        self.person = person
        self._choices = iter(choices)

    def choose(self, options: list[Any]) -> Any:
        return options[next(self._choices) % len(options)]

    def one(self, kind: str) -> str:
        """Choose one of those that the person sees; somebody's id where there is none."""
        found = self.person.get(LISTS[kind]).get_json()
        return str(self.choose([each["id"] for each in found] or [self.person.id]))

    def place(self) -> str | None:
        place: str | None = self.choose([*(each["id"] for each in self.team.projects), None])
        return place

    def belonging(self, kind: str) -> str:
        """Choose a line or a comment of a task."""
        task = self.one("task")
        path = f"/tasks/{task}/comments" if kind == "comment" else f"/items?task_id={task}"
        answer = self.person.get(path)
        found = answer.get_json() if answer.status_code == 200 else []
        return str(self.choose([each["id"] for each in found] or [self.person.id]))


def make_a_task(turn: Turn) -> TestResponse:
    return turn.person.post("/tasks", {"title": "Write", "project_id": turn.place()})


def make_a_subtask(turn: Turn) -> TestResponse:
    task = turn.person.get(f"/tasks/{turn.one('task')}").get_json()
    place = {"project_id": task.get("project_id"), "parent_id": task.get("id")}
    return turn.person.post("/tasks", {"title": "Write"} | place)


def change_a_task(turn: Turn) -> TestResponse:
    changes = [
        {"status": "completed"},
        {"blocked_by": [turn.one("task")]},
        {"parent_id": turn.one("task")},
        {"assignee_id": turn.choose(turn.team.people).id},
    ]
    return turn.person.patch(f"/tasks/{turn.one('task')}", turn.choose(changes))


def move_a_task(turn: Turn) -> TestResponse:
    return turn.person.post(f"/tasks/{turn.one('task')}/move", {"project_id": turn.place()})


def move_a_task_beside_another(turn: Turn) -> TestResponse:
    beside = {"after_id": turn.one("task")}
    return turn.person.post(f"/tasks/{turn.one('task')}/move", beside)


def delete_something(turn: Turn) -> TestResponse:
    kind = turn.choose(["task", "task", "item", "time entry", "agent", "project"])
    return turn.person.delete(f"/{kind.replace(' entry', '-entrie')}s/{turn.one(kind)}")


def delete_what_belongs_to_a_task(turn: Turn) -> TestResponse:
    kind = turn.choose(["item", "comment"])
    return turn.person.delete(f"/{kind}s/{turn.belonging(kind)}")


def restore(turn: Turn) -> TestResponse:
    trash = turn.person.get("/trash").get_json()
    operation = turn.choose([each["id"] for each in trash] or [turn.person.id])
    return turn.person.post(f"/trash/{operation}/restore")


def change_several(turn: Turn) -> TestResponse:
    changes = [
        {"kind": "create", "task": {"title": "A", "project_id": turn.place()}},
        {"kind": "move", "id": turn.one("task"), "to": {"project_id": turn.place()}},
        {"kind": "update", "id": turn.one("task"), "task": {"title": "B"}},
        {"kind": "delete", "id": turn.one("task")},
    ]
    return turn.person.post("/tasks/bulk", {"changes": changes})


def add_a_line(turn: Turn) -> TestResponse:
    return turn.person.post("/items", {"name": "Milk", "task_id": turn.one("task")})


def capture_a_line(turn: Turn) -> TestResponse:
    return turn.person.post("/items", {"name": "Milk"})


def tick_off(turn: Turn) -> TestResponse:
    return turn.person.patch(f"/items/{turn.belonging('item')}", {"status": "done"})


def promote_a_line(turn: Turn) -> TestResponse:
    if turn.choose([True, False]):
        return turn.person.post(f"/items/{turn.belonging('item')}/promote", {})
    return turn.person.post(f"/items/{turn.one('item')}/promote", {"project_id": turn.place()})


def comment(turn: Turn) -> TestResponse:
    return turn.person.post(f"/tasks/{turn.one('task')}/comments", {"body": "@Alice @Bob"})


def change_a_comment(turn: Turn) -> TestResponse:
    return turn.person.patch(f"/comments/{turn.belonging('comment')}", {"body": "Or not"})


def start_the_timer(turn: Turn) -> TestResponse:
    return turn.person.post("/timer/start", {"task_id": turn.one("task")})


def stop_the_timer(turn: Turn) -> TestResponse:
    return turn.person.post("/timer/stop")


def record_time(turn: Turn) -> TestResponse:
    days = turn.choose(list(range(1, 9)))
    span = {"started_at": ago(days=days), "ended_at": ago(days=days, hours=-1)}
    return turn.person.post("/time-entries", span | {"task_id": turn.one("task")})


def change_time(turn: Turn) -> TestResponse:
    changes = [{"task_id": turn.one("task")}, {"project_id": turn.place(), "task_id": None}]
    return turn.person.patch(f"/time-entries/{turn.one('time entry')}", turn.choose(changes))


def rename_oneself(turn: Turn) -> TestResponse:
    return turn.person.patch("/users/me", {"name": turn.choose(["Ada", "Grace", "Edsger"])})


def rename_an_agent(turn: Turn) -> TestResponse:
    return turn.person.patch(f"/agents/{turn.one('agent')}", {"name": turn.choose(["A", "B"])})


def add_somebody(turn: Turn) -> TestResponse:
    who = turn.choose([person.id for person in turn.team.people] + [turn.one("agent")])
    role = turn.choose(["viewer", "editor", "owner"])
    return turn.person.post(f"/projects/{turn.place()}/members", {"user_id": who, "role": role})


def change_a_role(turn: Turn) -> TestResponse:
    who, role = turn.choose(turn.team.people), turn.choose(["viewer", "editor", "owner"])
    return turn.person.patch(f"/projects/{turn.place()}/members/{who.id}", {"role": role})


def take_somebody_out(turn: Turn) -> TestResponse:
    who = turn.choose(turn.team.people)
    return turn.person.delete(f"/projects/{turn.place()}/members/{who.id}")


def change_a_project(turn: Turn) -> TestResponse:
    changes = [{"name": "New"}, {"archived": True}, {"archived": False}]
    return turn.person.patch(f"/projects/{turn.one('project')}", turn.choose(changes))


OPERATIONS = [
    make_a_task, make_a_subtask, change_a_task, move_a_task, move_a_task_beside_another,
    delete_something, delete_what_belongs_to_a_task, restore, restore, change_several, add_a_line,
    capture_a_line, tick_off, promote_a_line, comment, change_a_comment, start_the_timer,
    stop_the_timer, record_time, change_time, rename_oneself, rename_an_agent, add_somebody,
    change_a_role, take_somebody_out, change_a_project,
]  # fmt: skip

TURNS = st.lists(
    st.tuples(
        st.sampled_from(OPERATIONS),
        st.sampled_from([0, 1]),
        st.lists(st.integers(0, 11), min_size=8, max_size=8),
    ),
    min_size=STEPS,
    max_size=STEPS,
)


@pytest.mark.timeout(300)
def test_who_follows_events_has_what_a_fresh_snapshot_tells(app: Flask) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(TURNS)
    def follow(turns: list[tuple[Any, int, list[int]]]) -> None:
        team = Team(app)
        for do, person, choices in turns:
            answer = do(Turn(team, team.people[person], choices))
            assert answer.status_code < 500, answer.text
            team.check()

    follow()
