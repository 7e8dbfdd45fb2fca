"""Whatever two people do to tasks, in whatever order: a simple model knows what comes of it.

After every step the lists are those of the model, and whoever only followed the events of a room
has the same tasks as somebody who reads them now. A version is another one only where something
else is.
"""

from typing import Any

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from werkzeug.test import TestResponse

from tests.factories import Person, add_member, sign_up
from tests.machines import FEW, MANY, assert_events_tell_all, run_machine
from tests.records import Record, done, ids, make_project, refusal
from tests.versions import Versions
from tests.work_model import STATUS_OF, ModelTask, Place, Scope, WorkModel

SCOPES = st.sampled_from([0, 1, 2])
STATUSES = ["pending", "in_progress", "completed", "completed", "cancelled"]
ARRIVES = ("task.created", "task.updated", "task.restored")
LEAVES = ("task.moved", "task.deleted")


def sometimes(values: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), values)


class Work(RuleBasedStateMachine):
    """Alice with personal tasks, and two projects, one strict where the other is not.

    Bob works in the projects, too: each of them acts until it is the other's turn.
    """

    tasks = Bundle("tasks")
    operations = Bundle("operations")

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.alice, self.bob = sign_up(app, "Alice"), sign_up(app, "Bob")
        self.acting = self.alice
        first = make_project(self.alice)["id"]
        rules = {"completing_blocked": "warn", "completing_parent": "refuse"}
        second = make_project(self.alice, settings=rules)["id"]
        for project in (first, second):
            add_member(self.alice, {"id": project}, self.bob, "editor")
        self.scopes: list[Scope] = [first, second, None]
        order: dict[Scope, list[str]] = {scope: [] for scope in self.scopes}
        self.model = WorkModel(self.alice.id, {first, None}, {second}, order)
        self.positions: dict[str, str] = {}
        self.followed: dict[Scope, dict[str, Record]] = {scope: {} for scope in self.scopes}
        self.seen = dict.fromkeys(self.scopes, 0)
        self.versions = {scope: Versions() for scope in self.scopes}
        self.deleted_by: dict[str, Person] = {}

    def actor(self, *scopes: Scope) -> Person:
        """Return whose turn it is; what is personal is Alice's."""
        return self.alice if None in scopes else self.acting

    def actor_on(self, *tasks: str) -> Person:
        return self.actor(*(self.model.tasks[task].scope for task in tasks))

    @rule()
    def change_places(self) -> None:
        self.acting = self.bob if self.acting is self.alice else self.alice

    def fulfilled(self, answer: TestResponse, against: set[str]) -> bool:
        """Tell whether a change was made; it must have been unless something is against it."""
        if not against:
            assert answer.status_code in (200, 201, 204), answer.text
            return True
        assert refusal(answer) in {(STATUS_OF[code], code) for code in against}
        return False

    @rule(
        target=tasks,
        scope=SCOPES,
        parent=sometimes(tasks),
        blockers=st.lists(tasks, max_size=2, unique=True),
    )
    def create(self, scope: int, parent: str | None, blockers: list[str]) -> Any:
        where = self.scopes[scope]
        against = self.model.against_parent(None, parent, where)
        against |= self.model.against_blockers(None, blockers, where)
        body = {"title": "T", "project_id": where, "parent_id": parent, "blocked_by": blockers}
        maker = self.actor(where)
        answer = maker.post("/tasks", body)
        if not self.fulfilled(answer, against):
            return multiple()
        task_id = answer.get_json()["id"]
        self.model.create(ModelTask(task_id, where, maker.id, parent, blockers))
        return task_id

    @rule(target=tasks, scope=SCOPES)
    def create_at_the_top(self, scope: int) -> Any:
        return self.create(scope, None, [])

    @rule(target=tasks, parent=tasks)
    def create_below(self, parent: str) -> Any:
        return self.create(self.scopes.index(self.model.tasks[parent].scope), parent, [])

    @rule(task=tasks, parent=sometimes(tasks))
    def put_below(self, task: str, parent: str | None) -> None:
        against = self.model.against_parent(task, parent, self.model.tasks[task].scope)
        if not self.model.lives(task):
            against = {"not_found"}
        answer = self.actor_on(task).patch(f"/tasks/{task}", {"parent_id": parent})
        if self.fulfilled(answer, against):
            self.model.tasks[task].parent = parent

    @rule(task=tasks, blockers=st.lists(tasks, max_size=2, unique=True))
    def block(self, task: str, blockers: list[str]) -> None:
        against = self.model.against_blockers(task, blockers, self.model.tasks[task].scope)
        if not self.model.lives(task):
            against = {"not_found"}
        answer = self.actor_on(task).patch(f"/tasks/{task}", {"blocked_by": blockers})
        if self.fulfilled(answer, against):
            self.model.tasks[task].blocked_by = blockers

    @rule(task=tasks, status=st.sampled_from(STATUSES))
    def set_status(self, task: str, status: str) -> None:
        known = self.model.tasks[task]
        completes = status == "completed" != known.status
        against = self.model.against_completing(task) if completes else set()
        if not self.model.lives(task):
            against = {"not_found"}
        answer = self.actor_on(task).patch(f"/tasks/{task}", {"status": status})
        if self.fulfilled(answer, against):
            warnings = answer.get_json().get("warnings", [])
            expected = self.model.open_around(task) if completes else {}
            assert {each["code"]: set(each["task_ids"]) for each in warnings} == expected
            known.status = status

    def move(self, task: str, place: Place) -> None:
        crosses = place.scope != self.model.tasks[task].scope
        body: Record = {"project_id": place.scope} if crosses else {}
        if place.changes_parent:
            body["parent_id"] = place.parent
        anchors = {"before_id": place.before, "after_id": place.after}
        body |= {name: anchor for name, anchor in anchors.items() if anchor}
        against = self.model.against_move(task, place)
        actor = self.actor(self.model.tasks[task].scope, place.scope)
        if self.fulfilled(actor.post(f"/tasks/{task}/move", body), against):
            self.model.move(task, place)

    @rule(task=tasks, parent=sometimes(tasks))
    def move_below(self, task: str, parent: str | None) -> None:
        self.move(task, Place(self.model.tasks[task].scope, changes_parent=True, parent=parent))

    @rule(task=tasks, other=tasks)
    def move_before(self, task: str, other: str) -> None:
        self.move(task, Place(self.model.tasks[task].scope, before=other))

    @rule(task=tasks, other=tasks)
    def move_after(self, task: str, other: str) -> None:
        self.move(task, Place(self.model.tasks[task].scope, after=other))

    @rule(task=tasks, other=tasks)
    def move_between(self, task: str, other: str) -> None:
        """Move a task between two neighbours."""
        scope = self.model.tasks[task].scope
        others = [each for each in self.model.order[scope] if each != task]
        behind = others[others.index(other) + 1 :] if other in others else []
        self.move(task, Place(scope, after=other, before=next(iter(behind), None)))

    @rule(task=tasks, first=tasks, second=tasks)
    def move_the_wrong_way_round(self, task: str, first: str, second: str) -> None:
        scope = self.model.tasks[task].scope
        order = self.model.order[scope]
        if first in order and second in order:
            after, before = sorted((first, second), key=order.index, reverse=True)
            self.move(task, Place(scope, after=after, before=before))

    @rule(
        task=tasks,
        scope=SCOPES,
        parent=sometimes(tasks),
        anchor=sometimes(tasks),
        side=st.sampled_from(["before", "after"]),
    )
    def change_project(
        self, task: str, scope: int, parent: str | None, anchor: str | None, side: str
    ) -> None:
        place = Place(self.scopes[scope], parent is not None, parent)
        setattr(place, side, anchor)
        self.move(task, place)

    @rule(target=operations, task=tasks)
    def delete(self, task: str) -> Any:
        against = set() if self.model.lives(task) else {"not_found"}
        actor = self.actor_on(task)
        if not self.fulfilled(actor.delete(f"/tasks/{task}"), against):
            return multiple()
        operation = done(actor.get("/trash?limit=1"))[0]["id"]
        self.model.put_away(task, operation)
        return operation

    @rule(target=operations, chosen=st.lists(tasks, min_size=1, max_size=4))
    def delete_several(self, chosen: list[str]) -> Any:
        gone = self.model.first_gone(chosen)
        changes = [{"kind": "delete", "id": task} for task in chosen]
        actor = self.actor_on(*chosen)
        answer = actor.post("/tasks/bulk", {"changes": changes})
        if not self.fulfilled(answer, set() if gone is None else {"not_found"}):
            assert answer.get_json()["index"] == gone
            return multiple()
        operation = answer.get_json()["operation_id"]
        if len({self.model.tasks[task].scope for task in chosen}) > 1:
            self.deleted_by[operation] = actor  # nobody else sees what reached over several
        for task in chosen:
            self.model.put_away(task, operation)
        return operation

    @rule(operation=operations)
    def restore(self, operation: str) -> None:
        gone = [task for task in self.model.tasks.values() if task.operation == operation]
        actor = self.actor(*(task.scope for task in gone))
        hidden = self.deleted_by.get(operation, actor) is not actor
        answer = actor.post(f"/trash/{operation}/restore")
        if self.fulfilled(answer, set() if gone and not hidden else {"not_found"}):
            back, orphaned = self.model.restore(operation)
            body = answer.get_json()
            assert body["restored"] == {"task": len(back)}
            assert {(each["id"], each["code"]) for each in body["problems"]} == {
                (task, "parent_gone") for task in orphaned
            }

    @invariant()
    def the_lists_are_those_of_the_model(self) -> None:
        for scope in self.scopes:
            listed = self.listed(scope)
            self.versions[scope].see(listed)
            expected, adrift = self.model.order[scope], self.model.adrift
            order = [task["id"] for task in listed]
            assert sorted(order) == sorted(expected)
            assert [each for each in order if each not in adrift] == [
                each for each in expected if each not in adrift
            ]
            for task in listed:
                assert_like(task, self.model.tasks[task["id"]])
                if task["id"] in adrift:
                    assert task["position"] == self.positions[task["id"]]
            self.model.order[scope] = order
            self.positions |= {task["id"]: task["position"] for task in listed}
        self.model.adrift.clear()

    @invariant()
    def events_lead_to_what_is_listed(self) -> None:
        for scope in self.scopes:
            self.follow(scope)
            assert self.followed[scope] == {task["id"]: task for task in self.listed(scope)}

    def teardown(self) -> None:
        """Whatever happened, a task is where its list says, and whoever starts anew gets there."""
        everywhere = ids(self.alice.get("/tasks?sort=position&limit=200"))
        assert sorted(everywhere) == sorted(task.id for task in self.model.live_tasks())
        assert_events_tell_all(self.alice, self.bob)

    def listed(self, scope: Scope) -> list[Record]:
        place = f"&project_id={scope}" if scope else ""
        found = done(self.actor(scope).get(f"/tasks?sort=position&limit=200{place}"))
        return [task for task in found if task["project_id"] == scope]

    def follow(self, scope: Scope) -> None:
        """Do to the tasks of a room what its new events say."""
        room = f"project:{scope}" if scope else f"user:{self.alice.id}"
        events = done(self.actor(scope).get(f"/rooms/{room}/events?since={self.seen[scope]}"))
        for event in events:
            self.seen[scope] += 1
            assert event["seq"] == self.seen[scope]
            if event["type"] in ARRIVES:
                self.followed[scope][event["subject"]] = event["data"]
            elif event["type"] in LEAVES:
                del self.followed[scope][event["subject"]]


def assert_like(task: Record, known: ModelTask) -> None:
    said = {name: task[name] for name in ("project_id", "parent_id", "blocked_by", "status")}
    assert said == {
        "project_id": known.scope,
        "parent_id": known.parent,
        "blocked_by": known.blocked_by,
        "status": known.status,
    }


def test_work_is_what_a_simple_model_says(app: Flask) -> None:
    run_machine(lambda: Work(app), FEW)


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_work_is_what_a_simple_model_says_for_long(app: Flask, record_property: Any) -> None:
    record_property("tried", run_machine(lambda: Work(app), MANY))
