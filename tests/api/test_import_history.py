"""The import of a long history over the real server: nothing is lost, nobody has to wait."""

import csv
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from flask import Flask

from tests.crowd import crowd
from tests.factories import Person, sign_up
from tests.records import Record, done, make_project
from tests.server import Client, Server

HISTORY = Path(__file__).parents[1] / "data" / "clockify-history.csv"
ENTRIES, SECONDS, PEOPLE = 5_492, 6_856_803, 872
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata"]


class Span(NamedTuple):
    """From when to when somebody waited for an answer, by the clock of these tests."""

    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


@dataclass
class History:
    """What happened when the file was imported, and once more."""

    owner: Person
    project: Record
    first: Record
    second: Record
    imports: list[Span]
    others: list[list[Span]]  # who asked for the health of each worker meanwhile

    def report(self, **question: Any) -> Record:
        """Add up all time of the project."""
        span = {"from": "2000-01-01", "to": "2030-01-01", "project_id": self.project["id"]}
        report: Record = done(self.owner.get(f"/reports/time?{urlencode(span | question)}"))
        return report


def ask_for_health(client: Client, over: Event) -> list[Span]:
    """Ask again and again until it is over."""
    asked = []
    while not over.wait(0.01):
        begun = time.monotonic()
        assert client.get("/health").status_code == 200
        asked.append(Span(begun, time.monotonic()))
    return asked


@pytest.fixture(scope="module")
def history(app: Flask, server: Server) -> History:
    """Import the file twice, while a connection at each worker asks for the server's health."""
    owner = sign_up(app, "Alice", "Europe/Berlin")
    project = make_project(owner)
    results, imports = [], []
    over = Event()
    with ExitStack() as stack:
        importer = stack.enter_context(closing(server.client(owner.tokens["access_token"])))
        askers = stack.enter_context(crowd(server, 2))
        threads = stack.enter_context(ThreadPoolExecutor(len(askers)))
        others = [threads.submit(ask_for_health, asker, over) for asker in askers]
        stack.callback(over.set)
        for _ in range(2):
            form = {"format": "clockify", "project_id": project["id"]}
            begun = time.monotonic()
            answer = importer.post(
                "/imports", data=form, files={"file": ("history.csv", HISTORY.read_bytes())}
            )
            imports.append(Span(begun, time.monotonic()))
            assert answer.status_code == 200, answer.text
            results.append(answer.json())
        over.set()
        asked = [other.result() for other in others]
    return History(owner, project, results[0], results[1], imports, asked)


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    """The lines of the file, read without the service."""
    with HISTORY.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def seconds_by(lines: list[dict[str, str]], column: str) -> Counter[str]:
    """Add up the durations that the file itself gives."""
    seconds: Counter[str] = Counter()
    for line in lines:
        hours, minutes, rest = map(int, line["Duration (h)"].split(":"))
        seconds[line[column]] += hours * 3600 + minutes * 60 + rest
    return seconds


def test_the_file_is_what_these_tests_take_it_for(lines: list[dict[str, str]]) -> None:
    people = seconds_by(lines, "Email")
    assert (len(lines), people.total(), len(people)) == (ENTRIES, SECONDS, PEOPLE)


def test_every_line_becomes_an_entry(history: History) -> None:
    assert (history.first["created"], history.first["matched"]) == (ENTRIES, 0)
    assert (history.first["skipped"], history.first["errors"]) == (0, [])


def test_the_same_file_again_creates_nothing(history: History) -> None:
    assert (history.second["created"], history.second["matched"]) == (0, ENTRIES)
    assert history.second["people_created"] == history.second["tasks_created"] == 0


@pytest.mark.parametrize("zone", ZONES)
def test_days_add_up_to_the_files_total_in_every_zone(history: History, zone: str) -> None:
    report = history.report(group_by="day", tz=zone)
    assert report["seconds"] == SECONDS
    assert sum(group["seconds"] for group in report["groups"]) == SECONDS


def test_every_persons_time_is_theirs(history: History, lines: list[dict[str, str]]) -> None:
    groups = history.report(group_by="user")["groups"]
    assert {group["label"]: group["seconds"] for group in groups} == seconds_by(lines, "User")


def test_every_tasks_time_is_its(history: History, lines: list[dict[str, str]]) -> None:
    groups = history.report(group_by="task")["groups"]
    assert {group["label"]: group["seconds"] for group in groups} == seconds_by(lines, "Task")
    assert sum(group["entries"] for group in groups) == ENTRIES


def test_meanwhile_the_server_answers_others(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asks need not wait until the import is done, at whichever worker."""
    longer = max(history.imports, key=lambda span: span.seconds)
    slowest = max(span.seconds for asked in history.others for span in asked)
    tell(capsys, f"the longer of two imports took {longer.seconds:.1f} s")
    tell(capsys, f"longest GET /health during the imports: {slowest * 1000:.0f} ms")
    for asked in history.others:
        meanwhile = [
            span for span in asked if longer.begun < span.begun and span.ended < longer.ended
        ]
        assert len(meanwhile) >= 3


def tell(capsys: pytest.CaptureFixture[str], figure: str) -> None:
    """Show a figure to whoever runs the tests, although they pass."""
    with capsys.disabled():
        sys.stdout.write(f"\n{figure}\n")
