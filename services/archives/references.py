"""What the records of an archive say of each other: it must fit together as it does in Stint."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from models.archive import (
    Archive,
    ArchivedItem,
    ArchivedTask,
    ArchivedTimeEntry,
    file_of,
)
from models.membership import ProjectRole
from models.user import UserKind
from utils.parsers import UnreadableFileError
from utils.trees import LEVELS_MAX

KINDS_WITH_IDS = ("agents", "people", "projects", "tasks", "items", "comments", "time_entries")


def check_references(archive: Archive) -> None:
    """Refuse records that refer to what is not there, or that belong to another project."""
    _References(archive).check()


NAMING_USERS = ("created_by", "user_id", "assignee_id", "delegate_id")


class _References:
    """The ids of an archive, and the project of each task."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._me = archive.user.id
        self._users = {
            archive.user.id,
            *(agent.id for agent in archive.agents),
            *(person.id for person in archive.people),
        }
        people = [person.id for person in archive.people if person.kind is UserKind.AGENT]
        self._agents = {*(agent.id for agent in archive.agents), *people}
        self._projects = {None, *(project.id for project in archive.projects)}
        self._places = {task.id: task.project_id for task in archive.tasks}

    def check(self) -> None:
        """Raise UnreadableFileError at the first that does not fit."""
        self._check_ids()
        for kind in ("projects", "members", "tasks", "items", "comments", "time_entries"):
            for number, record in enumerate(getattr(self._archive, kind), 1):
                problem = self._problem_of(kind, record)
                if problem:
                    raise UnreadableFileError(f"{file_of(kind)}, line {number}: {problem}.")
        parents = {task.id: [task.parent_id] for task in self._archive.tasks if task.parent_id}
        _refuse_circles("parent_id", parents)
        _refuse_depth(parents)
        blockers = {task.id: task.blocked_by for task in self._archive.tasks}
        _refuse_circles("blocked_by", blockers)

    def _check_ids(self) -> None:
        for kind in KINDS_WITH_IDS:
            records = getattr(self._archive, kind)
            if len({record.id for record in records}) < len(records):
                raise UnreadableFileError(f"{file_of(kind)} has two lines with one id.")
        if len(self._users) < 1 + len(self._archive.agents) + len(self._archive.people):
            raise UnreadableFileError("Somebody is in two of user, agents and people.")
        members = {(member.project_id, member.user_id) for member in self._archive.members}
        if len(members) < len(self._archive.members):
            raise UnreadableFileError(f"{file_of('members')} has somebody twice in a project.")

    def _problem_of(self, kind: str, record: Any) -> str | None:
        """Return what is wrong with the first reference of a record that does not fit."""
        named = [getattr(record, name, None) for name in NAMING_USERS]
        if not self._users.issuperset(filter(None, [*named, *getattr(record, "mentions", ())])):
            return "names a user who is not in the archive"
        if getattr(record, "project_id", None) not in self._projects:
            return "names a project that is not in the archive"
        match kind:
            case "members" if record.role is ProjectRole.OWNER and record.user_id in self._agents:
                return "makes an agent an owner"
            case "tasks":
                return self._problem_of_task(record)
            case "items":
                return self._problem_of_item(record)
            case "comments" if record.task_id not in self._places:
                return "names a task that is not in the archive"
            case "time_entries":
                return self._problem_of_entry(record)
        return None

    def _problem_of_task(self, task: ArchivedTask) -> str | None:
        if task.project_id is None and task.created_by != self._me:
            return "is a personal task of somebody else"
        others = [*task.blocked_by, *([task.parent_id] if task.parent_id else [])]
        if any(self._places.get(other, "") != task.project_id for other in others):
            return "names a task that is not in the same project of the archive"
        return None

    def _problem_of_item(self, item: ArchivedItem) -> str | None:
        if item.task_id is None and item.created_by != self._me:
            return "is in the inbox of somebody else"
        if not self._places.keys() >= set(filter(None, [item.task_id, item.promoted_task_id])):
            return "names a task that is not in the archive"
        return None

    def _problem_of_entry(self, entry: ArchivedTimeEntry) -> str | None:
        if entry.project_id is None and entry.user_id != self._me:
            return "is time of somebody else outside of the projects"
        if entry.task_id and self._places.get(entry.task_id, "") != entry.project_id:
            return "names a task that is not in the same project of the archive"
        return None


def _refuse_circles(name: str, graph: Mapping[str, Iterable[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        raise UnreadableFileError(f"{file_of('tasks')}: {name} goes in a circle.") from None


def _refuse_depth(parents: Mapping[str, list[str]]) -> None:
    levels: dict[str, int] = {}
    for task_id in TopologicalSorter(parents).static_order():  # parents first
        levels[task_id] = 1 + max((levels[each] for each in parents.get(task_id, ())), default=0)
    if max(levels.values(), default=1) > LEVELS_MAX:
        raise UnreadableFileError(
            f"{file_of('tasks')}: subtasks go more than {LEVELS_MAX} levels deep."
        )
