"""People who write and repeat what was not answered, and the look at what became of it."""

import random
import time
import uuid
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import Any, NamedTuple

import requests

from tests.sql import rows

GIVES_UP = 5  # every fifth write is not repeated
PAUSE_SECONDS = (0.0, 0.2)
ANSWER_SECONDS = 30  # then a writer takes it that there is none


class Answer(NamedTuple):
    """What a writer was told; status 0: nothing, as the connection ended or nobody spoke."""

    status: int
    seconds: float
    says_when: bool  # to come again


@dataclass
class Writer:
    """Writes tasks one after the other, and notes what became of each."""

    api: str
    project_id: str
    assignee_id: str
    name: str
    session: requests.Session
    pause_seconds: tuple[float, float] = (0.0, 0.0)  # after each write
    acknowledged: dict[str, str] = field(default_factory=dict)  # ids by title
    unknown: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    repeats: int = 0

    def write_until(self, enough: Event) -> None:
        for turn in count():
            if enough.is_set():
                return
            self.write(f"{self.name} {turn}", repeat=turn % GIVES_UP != 0)
            time.sleep(random.uniform(*self.pause_seconds))

    def write(self, title: str, *, repeat: bool) -> None:
        """Write a task; until that is acknowledged, or once."""
        key = uuid.uuid4().hex
        self.unknown.add(title)
        while (answer := self._post(title, key)) is None and repeat:
            self.repeats += 1
            time.sleep(random.uniform(*PAUSE_SECONDS))
        if answer is not None:
            self.acknowledged[title] = answer["id"]
            self.unknown.discard(title)

    def _post(self, title: str, key: str) -> Any:
        """Return what was answered with 201; None when nobody, or somebody who cannot, did."""
        task = {"title": title, "project_id": self.project_id, "assignee_id": self.assignee_id}
        begin = time.monotonic()
        try:
            answer = self.session.post(
                f"{self.api}/tasks",
                json=task,
                headers={"Idempotency-Key": key},
                timeout=ANSWER_SECONDS,
            )
        except requests.RequestException:
            self.answers.append(Answer(0, time.monotonic() - begin, says_when=False))
            return None
        says_when = int(answer.headers.get("Retry-After", 0)) > 0
        self.answers.append(Answer(answer.status_code, time.monotonic() - begin, says_when))
        assert answer.status_code in (201, 409, 503), answer.text
        return answer.json() if answer.status_code == 201 else None


def compare(url: str, project_id: str, writers: list[Writer]) -> list[str]:
    """Return what is wrong with what the database holds of all that was written in a project."""
    project, room = {"id": project_id}, {"room": f"project:{project_id}"}
    wrong = []
    found: dict[str, list[str]] = {}
    for row in rows(url, "SELECT id::text, title FROM tasks WHERE project_id = %(id)s", project):
        found.setdefault(row["title"], []).append(row["id"])
    acknowledged = {
        title: task_id for writer in writers for title, task_id in writer.acknowledged.items()
    }
    unknown = {title for writer in writers for title in writer.unknown}
    wrong += [
        f"not as acknowledged: {title}"
        for title, task_id in acknowledged.items()
        if found.get(title) != [task_id]
    ]
    wrong += [f"there twice: {title}" for title in unknown if len(found.get(title, [])) > 1]
    wrong += [f"from nowhere: {t}" for t in found if t not in acknowledged and t not in unknown]
    # Row and event exist together, and the log has no gap.
    halves = rows(
        url,
        "SELECT COALESCE(made.title, 'an event') AS title, count(told.seq) "
        "FROM (SELECT * FROM tasks WHERE project_id::text = %(id)s) AS made "
        "FULL JOIN (SELECT * FROM events WHERE type = 'task.created' "
        "           AND room = 'project:' || %(id)s) AS told ON told.subject_id = made.id "
        "GROUP BY made.id, made.title HAVING count(told.seq) <> 1 OR made.id IS NULL",
        project,
    )
    wrong += [f"half there: {row['title']}" for row in halves]
    (log,) = rows(
        url,
        "SELECT count(*), min(events.seq), max(events.seq), max(rooms.seq) AS head "
        "FROM events JOIN rooms ON rooms.id = events.room WHERE room = %(room)s",
        room,
    )
    if (log["min"], log["max"], log["count"]) != (1, log["head"], log["head"]):
        wrong.append(f"a log with gaps: {log}")
    return wrong
