"""Backups of TickTick, as a real file and written task by task."""

import csv
import io
from pathlib import Path

DATA = Path(__file__).parent / "data"

PREAMBLE = (
    '"Date: 2025-11-25+0000"\n"Version: 7.1"\n"Status: \n0 Normal\n1 Completed\n2 Archived"\n'
)
DEFAULTS = {
    "Folder Name": "",
    "List Name": "Inbox",
    "Title": "Write",
    "Kind": "TEXT",
    "Tags": "",
    "Content": "",
    "Is Check list": "N",
    "Start Date": "",
    "Due Date": "",
    "Reminder": "",
    "Repeat": "",
    "Priority": "0",
    "Status": "0",
    "Created Time": "2022-10-09T15:09:48+0000",
    "Completed Time": "",
    "Order": "",
    "Timezone": "",
    "Is All Day": "",
    "Is Floating": "false",
    "Column Name": "",
    "Column Order": "",
    "View Mode": "list",
    "taskId": "",
    "parentId": "",
}

Cells = dict[str, str]


def task(title: str = "Write", **cells: str) -> Cells:
    """Return a line of a backup; names of columns without blanks may be given as keywords."""
    return DEFAULTS | {"Title": title} | cells


def checklist(content: str) -> Cells:
    """Return a line of a task with a checklist."""
    return task(Kind="CHECKLIST", Content=content) | {"Is Check list": "Y"}


def backup(*tasks: Cells) -> bytes:
    """Return the file with these lines, the first of which is line 8."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(DEFAULTS), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(tasks)
    return f"\N{ZERO WIDTH NO-BREAK SPACE}{PREAMBLE}{out.getvalue()}".encode()


def real_backup() -> bytes:
    """Return the bytes of a backup that TickTick wrote."""
    return (DATA / "ticktick-1.csv").read_bytes()
