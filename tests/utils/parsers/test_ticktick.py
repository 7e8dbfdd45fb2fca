"""Reading TickTick's backups: tasks, their lists, what is a part of what, and bad lines."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ticktick import DEFAULTS, PREAMBLE, Cells, backup, checklist, real_backup, task
from utils.parsers import (
    LineError,
    ParsedFile,
    ParsedItem,
    ParsedTask,
    UnreadableFileError,
    parse_ticktick,
)

BERLIN = ZoneInfo("Europe/Berlin")
FIRST_LINE = 8
UNFIT = {
    "List Name": ["l" * 101],
    "Title": ["", "  ", "t" * 20_001],
    "Content": ["c" * 20_001],
    "Tags": ["t" * 51, ",".join(map(str, range(21)))],
    "Status": ["3", "done"],
    "Priority": ["2", "-1", "high"],
    "Order": ["first", "1.5", "9" * 26],
    "Due Date": ["soon", "2018-13-01T00:00:00+0000", "1018-12-11T00:00:00+0000"],
    "Completed Time": ["yesterday"],
    "Repeat": ["r" * 1_001],
}


def parse(*tasks: Cells) -> ParsedFile[ParsedTask]:
    return parse_ticktick(backup(*tasks), BERLIN)


def task_of(cells: Cells) -> ParsedTask:
    parsed = parse(cells)
    assert parsed.errors == []
    return parsed.entries[0]


def errors_of(*tasks: Cells) -> list[LineError]:
    return parse(*tasks).errors


def by_title(parsed: ParsedFile[ParsedTask], field: str) -> dict[str, Any]:
    return {task.title: getattr(task, field) for task in parsed.entries}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# A file that TickTick wrote


def test_a_real_file_is_read_to_the_last_task() -> None:
    parsed = parse_ticktick(real_backup(), BERLIN)
    assert (len(parsed.entries), parsed.errors, parsed.unknown_columns) == (11, [], [])
    lists = [task.project for task in parsed.entries]
    assert lists == ["Project Alpha"] * 4 + ["Shopping"] * 2 + [""] * 5


def test_every_field_of_a_real_task_is_read() -> None:
    parent = parse_ticktick(real_backup(), BERLIN).entries[1]
    assert parent == ParsedTask(
        line=9,
        key=parent.key,
        project="Project Alpha",
        title="Task with reminder and dates",
        description="Task description with reminder",
        labels=("work", "reminder"),
        status="pending",
        priority="none",
        due_at=utc("2018-12-11T23:00:00"),
        completed_at=None,
        order=0,
        parent=None,
        level=1,
        items=(),
        details={
            "folder": "Work",
            "list": "Project Alpha",
            "kind": "TEXT",
            "created": "2018-12-11T20:10:46+0000",
            "start_date": "2018-12-11T23:00:00+0000",
            "is_all_day": "true",
            "timezone": "Europe/Berlin",
            "id": "2",
        },
    )


def test_subtasks_of_a_real_file_know_their_parent() -> None:
    tasks = parse_ticktick(real_backup(), BERLIN).entries
    assert [(each.line, each.level) for each in tasks if each.parent == 9] == [(10, 2), (11, 2)]


# Cells


@pytest.mark.parametrize("name", ["", "Inbox", " INBOX "])
def test_the_inbox_is_no_project(name: str) -> None:
    assert task_of(task(**{"List Name": name})).project == ""


def test_a_title_as_long_as_may_be_is_kept_whole() -> None:
    assert task_of(task(f" {'t' * 200} ")).title == "t" * 200


def test_what_does_not_fit_into_the_title_heads_the_description() -> None:
    found = task_of(task("t" * 199 + " and on", Content="More."))
    assert (found.title, found.description) == ("t" * 199, "and on\n\nMore.")


def test_a_title_and_a_content_too_long_together_are_an_error() -> None:
    (error,) = errors_of(task("t" * 300, Content="c" * 19_900))
    assert error.column == "Title"
    assert error.message.startswith("what goes beyond 200 characters has no room")


@pytest.mark.parametrize(
    ("number", "status"),
    {"": "pending", "0": "pending", "1": "completed", "2": "completed", "-1": "cancelled"}.items(),
)
def test_a_status_is_what_its_number_means(number: str, status: str) -> None:
    found = task_of(task(Status=number, **{"Completed Time": "2025-11-25T10:39:31+0000"}))
    completed_at = utc("2025-11-25T10:39:31") if status == "completed" else None
    assert (found.status, found.completed_at) == (status, completed_at)


def test_a_completed_task_need_not_say_when() -> None:
    assert task_of(task(Status="2")).completed_at is None


@pytest.mark.parametrize(
    ("number", "priority"),
    [("", "none"), ("0", "none"), ("1", "low"), ("3", "medium"), ("5", "high")],
)
def test_a_priority_is_what_its_number_means(number: str, priority: str) -> None:
    assert task_of(task(Priority=number)).priority == priority


@pytest.mark.parametrize(
    ("due", "zone", "instant"),
    [
        ("", "", None),
        ("2018-12-11T23:00:00+0000", "Asia/Tokyo", "2018-12-11T23:00:00"),
        ("2018-12-11T23:00:00+05:30", "", "2018-12-11T17:30:00"),
        ("2018-12-11T23:00:00Z", "", "2018-12-11T23:00:00"),
        ("2018-12-11T23:00:00", "", "2018-12-11T22:00:00"),
        ("2018-12-11T23:00:00", "Asia/Tokyo", "2018-12-11T14:00:00"),
        ("2018-12-11T23:00:00", "Mars/Olympus", "2018-12-11T22:00:00"),
        ("2018-12-11", "", "2018-12-10T23:00:00"),
    ],
)
def test_without_an_offset_a_time_is_of_the_tasks_zone_or_else_the_readers(
    due: str, zone: str, instant: str | None
) -> None:
    found = task_of(task(Timezone=zone, **{"Due Date": due}))
    assert found.due_at == (utc(instant) if instant else None)


def test_labels_are_trimmed_and_each_kept_once() -> None:
    assert task_of(task(Tags="work, home, work")).labels == ("work", "home")


def test_what_there_is_no_place_for_is_kept_as_it_is() -> None:
    cells = {"Folder Name": "Work", "Column Name": "Doing", "Is All Day": "true"}
    kept = {"Reminder": "-PT30M", "Repeat": "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO"}
    details = task_of(task(**cells, **kept)).details
    assert details == {
        "folder": "Work",
        "list": "Inbox",
        "column": "Doing",
        "kind": "TEXT",
        "created": "2022-10-09T15:09:48+0000",
        "is_all_day": "true",
        "reminder": "-PT30M",
        "repeat": "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO",
    }


# Checklists


def test_marked_lines_are_items_and_the_others_the_description() -> None:
    found = task_of(checklist("Before\r\n▫Milk\r▪ Bread\n  ▫ Two\nBetween\n▫ \nAfter"))
    assert found.description == "Before\nBetween\nAfter"
    assert found.items == (
        ParsedItem("Milk", "", done=False),
        ParsedItem("Bread", "", done=True),
        ParsedItem("Two", "", done=False),
    )


def test_what_does_not_fit_into_the_name_of_an_item_is_its_description() -> None:
    (item,) = task_of(checklist(f"▪{'i' * 100} and on")).items
    assert (item.name, item.description, item.done) == ("i" * 100, "and on", True)


@pytest.mark.parametrize(
    ("kind", "flag", "count"),
    [("TEXT", "N", 0), ("TEXT", "", 0), ("TEXT", "Y", 1), ("checklist", "N", 1), ("", "true", 1)],
)
def test_only_checklists_have_items(kind: str, flag: str, count: int) -> None:
    found = task_of(task(Kind=kind, Content="▫Milk") | {"Is Check list": flag})
    assert len(found.items) == count
    assert found.description == ("" if count else "▫Milk")


# Subtasks


def test_subtasks_may_come_before_their_parent() -> None:
    parsed = parse(task("Low", parentId="1"), task("High", taskId="1"))
    assert by_title(parsed, "parent") == {"Low": FIRST_LINE + 1, "High": None}
    assert by_title(parsed, "level") == {"Low": 2, "High": 1}


@pytest.mark.parametrize(
    "parent",
    [
        pytest.param(task(taskId="2"), id="no such task"),
        pytest.param(task("", taskId="1"), id="a bad line"),
        pytest.param(task(taskId="1", **{"List Name": "Other"}), id="another list"),
    ],
)
def test_a_subtask_whose_parent_is_missing_comes_in_with_a_warning(parent: Cells) -> None:
    parsed = parse(task("Low", parentId="1"), parent)
    assert (parsed.entries[0].title, parsed.entries[0].parent) == ("Low", None)
    (warning,) = [each for each in parsed.errors if each.severity == "warning"]
    assert (warning.line, warning.column) == (FIRST_LINE, "parentId")
    assert warning.message.startswith("'1' is no task of its list")


def test_tasks_that_are_parts_of_each_other_come_in_with_warnings() -> None:
    parsed = parse(task("A", taskId="1", parentId="2"), task("B", taskId="2", parentId="1"))
    assert by_title(parsed, "parent") == {"A": None, "B": None}
    assert [each.severity for each in parsed.errors] == ["warning"] * 2
    assert "a part of itself" in parsed.errors[0].message


def test_a_subtask_too_deep_is_raised_with_a_warning() -> None:
    parsed = parse(*(task(str(n), taskId=str(n), parentId=str(n - 1)) for n in range(1, 8)))
    assert by_title(parsed, "level") == {
        "1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 5, "7": 5
    }  # fmt: skip
    orphan, *raised = parsed.errors
    assert (orphan.line, "'0'" in orphan.message) == (FIRST_LINE, True)
    assert [each.line for each in raised] == [FIRST_LINE + 5, FIRST_LINE + 6]
    assert all("deeper than 5 levels" in each.message for each in raised)


def test_of_tasks_with_one_id_the_first_is_meant() -> None:
    parsed = parse(task("A", taskId="1"), task("B", taskId="1"), task("C", parentId="1"))
    assert by_title(parsed, "parent")["C"] == FIRST_LINE


# Keys


def test_keys_stay_the_same_when_tasks_come_and_go() -> None:
    """The ids in a backup are its numbering: they shift with every task before."""
    before = by_title(parse(task("A", taskId="1"), task("B", taskId="2")), "key")
    after = by_title(parse(task("New", taskId="1"), task("B", taskId="2", Status="2")), "key")
    assert before["B"] == after["B"]
    assert len({*before.values(), *after.values()}) == 3


def test_tasks_that_are_the_same_are_counted() -> None:
    keys = [[each.key for each in parse(*[task()] * count).entries] for count in (2, 3)]
    assert keys[0] == keys[1][:2]
    assert len(set(keys[1])) == 3


@pytest.mark.parametrize(
    "other",
    [task("Read"), task(**{"List Name": "Home"}), task(**{"Created Time": "2020-01-01"})],
)
def test_keys_tell_tasks_apart(other: Cells) -> None:
    assert task_of(other).key != task_of(task()).key


# Files and lines


@pytest.mark.parametrize(
    ("column", "text"), [(column, text) for column, texts in UNFIT.items() for text in texts]
)
def test_a_value_that_does_not_fit_its_column_is_an_error_there(column: str, text: str) -> None:
    parsed = parse(task("Good"), task() | {column: text})
    assert by_title(parsed, "line") == {"Good": FIRST_LINE}
    (error,) = parsed.errors
    assert (error.line, error.column, error.severity) == (FIRST_LINE + 1, column, "error")


def test_everything_wrong_with_a_line_is_listed_in_the_order_of_lines() -> None:
    errors = errors_of(task(parentId="9"), task("", Status="x", Priority="y"))
    assert [(error.line, error.column) for error in errors] == [
        (FIRST_LINE, "parentId"),
        (FIRST_LINE + 1, "Title"),
        (FIRST_LINE + 1, "Status"),
        (FIRST_LINE + 1, "Priority"),
    ]


def test_a_record_of_another_width_takes_no_other_along() -> None:
    good = b'"","Inbox","B"'
    content = backup(task("A"), task("B")).replace(good, b'"only","two"\n' + good)
    parsed = parse_ticktick(content, BERLIN)
    assert by_title(parsed, "line") == {"A": FIRST_LINE, "B": FIRST_LINE + 2}
    assert [error.line for error in parsed.errors] == [FIRST_LINE + 1]


def test_a_title_is_all_that_a_file_must_have() -> None:
    parsed = parse_ticktick(b"Title,Mood\nWrite,good\nRead,bad\n", BERLIN)
    assert [(each.title, each.details) for each in parsed.entries] == [("Write", {}), ("Read", {})]
    assert parsed.unknown_columns == ["Mood"]


@pytest.mark.parametrize("preamble", ["", PREAMBLE, "\n" + PREAMBLE + "\n\n", "One, two\n" * 10])
def test_the_header_is_found_behind_any_preamble(preamble: str) -> None:
    content = backup(task()).decode("utf-8-sig").replace(PREAMBLE, preamble).encode()
    assert [each.title for each in parse_ticktick(content, BERLIN).entries] == ["Write"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "UTF-8"),
        (b"just some words\nand more\n", "commas, semicolons or tabs"),
        (b"One, two\n" * 11 + backup(task())[3:], "commas, semicolons or tabs"),
        (b"Project,User,Tags\nWebsite,Ann,deep\n", "no column Title. In TickTick"),
        (b"Title,title\n", "mean the same"),
    ],
)
def test_a_file_that_is_no_backup_is_refused_with_advice(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        parse_ticktick(content, BERLIN)
    assert reason in caught.value.detail


@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=12) for name in DEFAULTS})))
def test_no_cells_break_the_parser(tasks: list[Cells]) -> None:
    content = backup(*tasks).replace(b"\x00", b"")
    parsed = parse_ticktick(content, BERLIN)
    lines = {error.line for error in parsed.errors if error.severity == "error"}
    assert lines.isdisjoint(task.line for task in parsed.entries)
