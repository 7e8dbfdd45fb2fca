"""What becomes of tasks, in the simplest words: a model to hold the service to.

It says what a change does to tasks that it may be done to, and what speaks against it otherwise.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

LEVELS = 5
OPEN = ("pending", "in_progress")

STATUS_OF = {
    "not_found": 404,
    "parent_elsewhere": 400,
    "parent_cycle": 409,
    "too_deep": 400,
    "blocker_elsewhere": 400,
    "dependency_cycle": 409,
    "no_such_place": 400,
    "made_by_others": 400,
    "task_blocked": 409,
    "subtasks_open": 409,
}

Scope = str | None  # the id of a project; None for personal tasks


@dataclass
class ModelTask:
    """A task, with the operation that put it into the trash if one did."""

    id: str
    scope: Scope
    maker: str
    parent: str | None = None
    blocked_by: list[str] = field(default_factory=list)
    status: str = "pending"
    operation: str | None = None


@dataclass
class Place:
    """Where a task is moved; what is not set stays as it is."""

    scope: Scope
    changes_parent: bool = False
    parent: str | None = None
    before: str | None = None
    after: str | None = None


@dataclass
class WorkModel:
    """All tasks of some scopes; personal ones are those of `owner`.

    `order` names the live ones by position. Tasks that come from the trash or from another scope
    keep their position, of which the model knows nothing: they are `adrift` until it is read.
    """

    owner: str
    refuses_blocked: set[Scope]
    refuses_open_subtasks: set[Scope]
    order: dict[Scope, list[str]]
    tasks: dict[str, ModelTask] = field(default_factory=dict)
    adrift: set[str] = field(default_factory=set)

    # Questions

    def lives(self, task_id: str) -> bool:
        return self.tasks[task_id].operation is None

    def lives_in(self, task_id: str, scope: Scope) -> bool:
        return self.lives(task_id) and self.tasks[task_id].scope == scope

    def way_up(self, task_id: str) -> list[str]:
        """Return a task, its parent, the parent of that, and so on."""
        parent = self.tasks[task_id].parent
        return [task_id, *(self.way_up(parent) if parent else [])]

    def children(self, task_id: str) -> list[str]:
        return [each.id for each in self.live_tasks() if each.parent == task_id]

    def live_tasks(self) -> list[ModelTask]:
        return [each for each in self.tasks.values() if each.operation is None]

    def subtree(self, task_id: str) -> list[str]:
        """Return a task and all live ones below it."""
        return [
            task_id,
            *(below for each in self.children(task_id) for below in self.subtree(each)),
        ]

    def height(self, task_id: str) -> int:
        return 1 + max((self.height(each) for each in self.children(task_id)), default=0)

    def waited_for(self, ids: Iterable[str]) -> set[str]:
        """Return these tasks and all that they wait for, also by way of the trash."""
        found: set[str] = set()
        left = list(ids)
        while left:
            task_id = left.pop()
            if task_id not in found:
                found.add(task_id)
                left += self.tasks[task_id].blocked_by
        return found

    def outsiders(self, task_id: str) -> list[ModelTask]:
        """Return the tasks that wait for one of a subtree without being in it."""
        ids = set(self.subtree(task_id))
        return [
            each for each in self.tasks.values() if each.id not in ids and ids & {*each.blocked_by}
        ]

    def first_gone(self, chosen: list[str]) -> int | None:
        """Return the index of the first that was not there before those in front of it went."""
        return next((index for index, each in enumerate(chosen) if not self.lives(each)), None)

    # What speaks against a change: the codes of which one will be named

    def against_parent(self, task_id: str | None, parent: str | None, scope: Scope) -> set[str]:
        if parent is None:
            return set()
        if not self.lives_in(parent, scope):
            return {"parent_elsewhere"}
        way_up = self.way_up(parent)
        if task_id in way_up:
            return {"parent_cycle"}
        height = self.height(task_id) if task_id else 1
        return {"too_deep"} if len(way_up) + height > LEVELS else set()

    def against_blockers(self, task_id: str | None, blockers: list[str], scope: Scope) -> set[str]:
        kept = set(self.tasks[task_id].blocked_by) if task_id else set()
        if not all(self.lives_in(each, scope) for each in blockers if each not in kept):
            return {"blocker_elsewhere"}
        return {"dependency_cycle"} if task_id in self.waited_for(blockers) else set()

    def against_move(self, task_id: str, place: Place) -> set[str]:
        if not self.lives(task_id):
            return {"not_found"}
        found = set()
        if place.changes_parent:
            found = self.against_parent(task_id, place.parent, place.scope)
        anchors = [each for each in (place.before, place.after) if each]
        if not all(self.lives_in(each, place.scope) for each in anchors) or task_id in anchors:
            found |= {"no_such_place"}
        elif place.before and place.after:
            order = self.order[place.scope]
            if order.index(place.after) >= order.index(place.before):
                found |= {"no_such_place"}
        return found | self.against_scope(task_id, place.scope)

    def against_scope(self, task_id: str, scope: Scope) -> set[str]:
        makers = {self.tasks[each].maker for each in self.subtree(task_id)}
        return {"made_by_others"} if scope is None and makers != {self.owner} else set()

    def open_around(self, task_id: str) -> dict[str, set[str]]:
        """Return the open tasks that speak against completing one, by the code that says so."""
        task = self.tasks[task_id]
        still_open = {each.id for each in self.live_tasks() if each.status in OPEN}
        around = {
            "task_blocked": still_open & set(task.blocked_by),
            "subtasks_open": still_open & set(self.children(task_id)),
        }
        return {code: ids for code, ids in around.items() if ids}

    def against_completing(self, task_id: str) -> set[str]:
        scope = self.tasks[task_id].scope
        found = set(self.open_around(task_id))
        if scope not in self.refuses_blocked:
            found -= {"task_blocked"}
        if scope not in self.refuses_open_subtasks:
            found -= {"subtasks_open"}
        return found

    # Changes, once nothing speaks against them

    def create(self, task: ModelTask) -> None:
        self.tasks[task.id] = task
        self.order[task.scope].append(task.id)

    def move(self, task_id: str, place: Place) -> None:
        task = self.tasks[task_id]
        if place.scope != task.scope:
            self._change_scope(task_id, place.scope)
            task.parent = None
        if place.changes_parent:
            task.parent = place.parent
        if place.before or place.after:
            self._put_beside(task, place)

    def _change_scope(self, task_id: str, scope: Scope) -> None:
        for each in self.outsiders(task_id):
            each.blocked_by = [one for one in each.blocked_by if one not in self.subtree(task_id)]
        ids = self.subtree(task_id)
        for below in (self.tasks[each] for each in ids):
            self.order[below.scope].remove(below.id)
            self.order[scope].append(below.id)
            self.adrift.add(below.id)
            below.scope = scope
            below.blocked_by = [each for each in below.blocked_by if each in ids]

    def _put_beside(self, task: ModelTask, place: Place) -> None:
        """Put a task right beside the one named; where both are, they are neighbours."""
        others = self.order[task.scope]
        others.remove(task.id)
        index = others.index(place.before) if place.before else others.index(place.after or "") + 1
        others.insert(index, task.id)
        self.adrift.discard(task.id)

    def put_away(self, task_id: str, operation: str) -> None:
        if not self.lives(task_id):
            return  # it went with its parent
        for below in [self.tasks[each] for each in self.subtree(task_id)]:
            below.operation = operation
            self.order[below.scope].remove(below.id)

    def restore(self, operation: str) -> tuple[set[str], set[str]]:
        """Bring back what an operation deleted; returns that, and what is at the top for it."""
        back = [each for each in self.tasks.values() if each.operation == operation]
        orphaned = set()
        left = list(back)
        while left:  # parents first
            waiting = {each.id for each in left}
            for task in [each for each in left if each.parent not in waiting]:
                left.remove(task)
                task.operation = None
                if self.against_parent(None, task.parent, task.scope):
                    task.parent = None
                    orphaned.add(task.id)
                self.order[task.scope].append(task.id)
                self.adrift.add(task.id)
        return {each.id for each in back}, orphaned
