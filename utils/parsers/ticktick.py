"""TickTick's backup as CSV: tasks of lists, with subtasks and checklists."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from utils.parsers import cells
from utils.parsers.columns import Row, find_columns
from utils.parsers.result import (
    BadCellError,
    LineError,
    ParsedFile,
    ParsedItem,
    ParsedTask,
    UnreadableFileError,
)
from utils.parsers.tables import column_key, read_table
from utils.parsers.timestamps import parse_instant
from utils.trees import TOO_DEEP, Tree, tree_of
from utils.zones import zone_names

LIST, TITLE, CONTENT, LABELS = "List Name", "Title", "Content", "Tags"
KIND, IS_CHECKLIST = "Kind", "Is Check list"
STATUS, PRIORITY, ORDER, ZONE = "Status", "Priority", "Order", "Timezone"
DUE, CREATED, COMPLETED = "Due Date", "Created Time", "Completed Time"
ID, PARENT = "taskId", "parentId"

# What there is no other place for is kept under these names.
DETAILS = {
    "folder": "Folder Name",
    "list": LIST,
    "column": "Column Name",
    "kind": KIND,
    "created": CREATED,
    "start_date": "Start Date",
    "is_all_day": "Is All Day",
    "timezone": ZONE,
    "reminder": "Reminder",
    "repeat": "Repeat",
    "id": ID,
}
READ = (
    *DETAILS.values(), TITLE, CONTENT, LABELS, IS_CHECKLIST, STATUS, PRIORITY, ORDER, DUE,
    COMPLETED, PARENT,
)  # fmt: skip
LEFT_OUT = ("Is Floating", "Column Order", "View Mode", "projectKind")
BY_KEY = {column_key(name): name for name in (*READ, *LEFT_OUT)}
PREAMBLE_MAX = 10  # records that say when and by what the file was written, and what numbers mean

INBOX = "inbox"
TITLE_MAX, DESCRIPTION_MAX, ITEM_MAX = 200, 20_000, 100

Status = Literal["pending", "completed", "cancelled"]
Priority = Literal["none", "low", "medium", "high"]
STATUSES: dict[str, Status] = {
    "": "pending", "0": "pending", "1": "completed", "2": "completed", "-1": "cancelled"
}  # fmt: skip
PRIORITIES: dict[str, Priority] = {
    "": "none", "0": "none", "1": "low", "3": "medium", "5": "high"
}  # fmt: skip
NO_LABELS: tuple[str, ...] = ()

_MARKED = re.compile(r"\s*([\N{WHITE SMALL SQUARE}\N{BLACK SMALL SQUARE}])(.*)", re.DOTALL)
_DONE = "\N{BLACK SMALL SQUARE}"
_LINE_END = re.compile(r"\r\n|\r|\n")
_INTEGER = re.compile(r"[+-]?[0-9]{1,25}")

_list_name = cells.name_up_to(100)
_detail = cells.text_up_to(1_000)
_text = cells.text_up_to(DESCRIPTION_MAX)

T = TypeVar("T")


def parse_ticktick(content: bytes, zone: ZoneInfo) -> ParsedFile[ParsedTask]:
    """Read a backup; times in it that name neither an offset nor a zone are those of `zone`.

    A task in no list, or in the inbox, has no project. Raises UnreadableFileError where no task
    can be read at all.
    """
    table = read_table(content, BY_KEY.keys(), PREAMBLE_MAX)
    columns = find_columns(table.header, BY_KEY.get)
    if columns.missing((TITLE,)):
        raise UnreadableFileError(
            f"The file has no column {TITLE}. In TickTick on the web, open the settings, "
            "generate a backup and send that CSV file unchanged."
        )
    parsed: ParsedFile[ParsedTask] = ParsedFile(
        errors=table.errors, unknown_columns=columns.unknown
    )
    tasks, parent_ids = [], {}
    for record in table.records:
        row = Row(record, columns)
        task = _read_task(row, zone)
        if task is not None:
            tasks.append(task)
            parent_ids[task.line] = row.text(PARENT).strip()
        parsed.errors.extend(row.errors)
    tree, warnings = _find_parents(tasks, parent_ids)
    parsed.entries.extend(_placed(tasks, tree))
    parsed.errors.extend(warnings)
    parsed.errors.sort(key=lambda error: error.line)
    return parsed


def _read_task(row: Row, zone: ZoneInfo) -> ParsedTask | None:
    """Return the task without its place, or None after noting everything that is wrong with it."""
    instant = _instant(row, zone)
    title, rest_of_title = _read_title(row)
    text, items = _read_content(row)
    project = row.read(LIST, _list_name, "")
    project = "" if project.casefold() == INBOX else project
    status = row.read(STATUS, _one_of(STATUSES), STATUSES[""])
    completed_at = row.read(COMPLETED, instant, None)
    details = {name: row.read(column, _detail, "").strip() for name, column in DETAILS.items()}
    task = ParsedTask(
        line=row.line,
        key=json.dumps([project, details["created"], title, rest_of_title]),
        project=project,
        title=title,
        description="\n\n".join(filter(None, (rest_of_title, text))),
        labels=row.read(LABELS, cells.labels, NO_LABELS),
        status=status,
        priority=row.read(PRIORITY, _one_of(PRIORITIES), PRIORITIES[""]),
        due_at=row.read(DUE, instant, None),
        completed_at=completed_at if status == "completed" else None,
        order=row.read(ORDER, _integer, 0),
        parent=None,
        level=1,
        items=items,
        details={name: text for name, text in details.items() if text},
    )
    if len(task.description) > DESCRIPTION_MAX:
        row.fail(
            TITLE,
            f"what goes beyond {TITLE_MAX} characters has no room in the description, "
            f"which may have {DESCRIPTION_MAX}",
        )
    return None if row.errors else task


def _read_title(row: Row) -> tuple[str, str]:
    """Return the title, and what of it does not fit into one."""
    title = row.read(TITLE, _text, " ").strip()
    if not title and not row.errors:
        row.fail(TITLE, "is empty; expected what is to be done")
    return title[:TITLE_MAX].rstrip(), title[TITLE_MAX:].strip()


def _read_content(row: Row) -> tuple[str, tuple[ParsedItem, ...]]:
    """Return the text of a task and the items of its checklist: the lines that begin with marks."""
    content = row.read(CONTENT, _text, "")
    is_checklist = row.read(IS_CHECKLIST, _is_checklist, otherwise=False)
    if not is_checklist and row.text(KIND).strip().upper() != "CHECKLIST":
        return content.strip(), ()
    text, items = [], []
    for line in _LINE_END.split(content):
        marked = _MARKED.fullmatch(line)
        if marked is None:
            text.append(line)
        elif name := marked[2].strip():
            rest = name[ITEM_MAX:].strip()
            items.append(ParsedItem(name[:ITEM_MAX].rstrip(), rest, marked[1] == _DONE))
    return "\n".join(text).strip(), tuple(items)


def _is_checklist(text: str) -> bool:
    return text.strip().upper() in {"Y", "YES", "TRUE"}


def _instant(row: Row, zone: ZoneInfo) -> Callable[[str], datetime | None]:
    """Return a reader of instants; without an offset they are on the clocks of the row's zone."""
    name = row.text(ZONE).strip()
    own_zone = ZoneInfo(name) if name in zone_names() else zone

    def read(text: str) -> datetime | None:
        return parse_instant(text, own_zone) if text.strip() else None

    return read


def _one_of(meanings: dict[str, T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            return meanings[text.strip()]
        except KeyError:
            expected = ", ".join(filter(None, meanings))
            raise BadCellError(f"{cells.shown(text)} is not one of {expected}") from None

    return read


def _integer(text: str) -> int:
    number = text.strip()
    if number and not _INTEGER.fullmatch(number):
        raise BadCellError(f"{cells.shown(number)} is not a whole number")
    return int(number or "0")


def _find_parents(
    tasks: list[ParsedTask], parent_ids: dict[int, str]
) -> tuple[Tree[int], list[LineError]]:
    """Find what each task is a part of, among those of its list; warn where that cannot be."""
    by_id: dict[tuple[str, str | None], int] = {}
    for task in tasks:
        by_id.setdefault((task.project, task.details.get("id")), task.line)
    parents = {task.line: by_id.get((task.project, parent_ids[task.line])) for task in tasks}
    tree = tree_of(parents)
    warnings = []
    for line, parent_id in parent_ids.items():
        if line in tree.circular:
            message = "is a part of itself, by way of its parents; it is no subtask now"
        elif line in tree.raised:
            message = TOO_DEEP
        elif parent_id and parents[line] is None:
            named = cells.shown(parent_id)
            message = f"{named} is no task of its list that could be read; it is no subtask now"
        else:
            continue
        warnings.append(LineError(line, PARENT, message, "warning"))
    return tree, warnings


def _placed(tasks: list[ParsedTask], tree: Tree[int]) -> list[ParsedTask]:
    """Return the tasks with their places, and with keys that tell equal ones apart by counting."""
    seen: Counter[str] = Counter()
    placed = []
    for task in tasks:
        seen[task.key] += 1
        digest = hashlib.sha256(f"{task.key}#{seen[task.key]}".encode()).hexdigest()
        placed.append(
            replace(
                task,
                key=digest[:32],
                parent=tree.parents[task.line],
                level=tree.levels[task.line],
            )
        )
    return placed
