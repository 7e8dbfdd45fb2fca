"""Letters about notifications: by themselves, or as a digest in the morning."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from procrastinate import App, SyncPsycopgConnector

from config import settings
from services import notification_letter_service as letters
from services.db_client import db
from services.job_queue import JobQueue
from services.mail.transport import MailError, NoTransport
from services.mailer import Mailer, mailer
from services.notification_letter_service import morning_of, notification_letter_service
from services.notification_service import LETTERS_AN_HOUR
from services.worker import worker
from tests import clockify
from tests.factories import Person, add_member, sign_up
from tests.letters import LETTERS_DUE, Read, letters_to
from tests.records import Record, done, make_comment, make_project, make_task
from tests.sql import rows

PREFERENCES = "/users/me/notification-preferences"


@pytest.fixture
def carol(app: Flask, database: str) -> Person:
    """Somebody with an address that is theirs."""
    person = sign_up(app, "Carol", timezone="Europe/Berlin")
    clockify.verify(app, person)
    return person


@pytest.fixture
def project(alice: Person, carol: Person) -> Record:
    made = make_project(alice, name="Shop")
    add_member(alice, made, carol, "editor")
    return made


def mailed(person: Person) -> list[Read]:
    """Return the letters about notifications."""
    worker.run_once()
    letters = [each for each in letters_to(person.email) if "preferences" in each.text]
    return sorted(letters, key=attrgetter("subject"))


def give(owner: Person, project: Record, person: Person, title: str) -> Record:
    return make_task(owner, project_id=project["id"], assignee_id=person.id, title=title)


def prefer(person: Person, kind: str, **channels: bool) -> None:
    done(person.patch(PREFERENCES, {"kinds": {kind: channels}}))


def let_pass(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Let it be this time for whoever looks for digests."""
    monkeypatch.setattr(letters, "utc_now", lambda: moment)
    notification_letter_service.scan()


def test_a_letter_tells_of_a_task_and_leads_to_it(
    alice: Person, carol: Person, project: Record
) -> None:
    task = give(alice, project, carol, "Write & <read>")
    invited, assigned = mailed(carol)  # in the order of their subjects
    assert invited.subject == "Alice added you to a project: Shop"
    assert assigned.subject == "Alice gave you a task: Write & <read>"
    assert f"{settings.site_url}/#/tasks/{task['id']}\n" in assigned.text
    assert f'href="{settings.site_url}/#/tasks/{task["id"]}">Write &amp; &lt;read&gt;<' in (
        assigned.html
    )
    assert len(mailed(carol)) == 2


def test_an_address_that_nobody_has_verified_gets_none(
    alice: Person, bob: Person, project: Record
) -> None:
    add_member(alice, project, bob, "editor")
    give(alice, project, bob, "Write")
    assert mailed(bob) == []
    assert len(done(bob.get("/notifications"))) == 2


def test_what_cannot_be_seen_or_was_read_by_then_is_not_mailed(
    monkeypatch: pytest.MonkeyPatch, alice: Person, carol: Person, project: Record, database: str
) -> None:
    mailed(carol)
    task = give(alice, project, carol, "Secret")
    read = give(alice, project, carol, "Read")
    refuse = make_refuser(monkeypatch)
    worker.run_once()  # they are told, and the first letter finds no server
    assert refuse() == 1
    done(alice.delete(f"/tasks/{task['id']}"))
    for each in done(carol.get("/notifications")):
        if each["subject_id"] == read["id"]:
            done(carol.post(f"/notifications/{each['id']}/read"))
    give(alice, project, carol, "Last")
    monkeypatch.undo()
    rows(database, LETTERS_DUE)
    assert [each.subject for each in mailed(carol)][1:] == ["Alice gave you a task: Last"]


def test_what_is_no_more_is_in_no_letter(
    monkeypatch: pytest.MonkeyPatch, alice: Person, carol: Person, project: Record, database: str
) -> None:
    mailed(carol)
    prefer(carol, "assigned", email=False)
    purged, taken, kept = (give(alice, project, carol, name) for name in ("Gone", "Taken", "Kept"))
    worker.run_once()
    rows(database, "DELETE FROM tasks WHERE id = %(id)s", {"id": purged["id"]})
    done(alice.patch(f"/tasks/{taken['id']}", {"assignee_id": None}))
    let_pass(monkeypatch, datetime(2040, 3, 2, 12, tzinfo=UTC))
    (_, digest) = mailed(carol)
    assert [line for line in digest.text.splitlines() if line.startswith("* ")] == [
        "* Alice gave you a task: Kept (Shop)"
    ]
    assert kept["id"] in digest.text


def test_names_and_titles_stay_on_their_line(
    app: Flask, alice: Person, carol: Person, project: Record
) -> None:
    mailed(carol)
    done(alice.patch("/users/me", {"name": "Alice\n\nDear customer"}))
    done(carol.patch("/users/me", {"name": "Carol\nYour account is closed"}))
    give(alice, project, carol, "Write\n\n-- \nSupport")
    letter, _ = mailed(carol)
    assert letter.text.splitlines()[:3] == [
        "Hello Carol Your account is closed,",
        "",
        "Alice Dear customer gave you a task: Write -- Support (Shop)",
    ]


def test_many_letters_at_once_become_few(
    monkeypatch: pytest.MonkeyPatch, alice: Person, carol: Person, project: Record
) -> None:
    mailed(carol)
    create = {"project_id": project["id"], "assignee_id": carol.id, "title": "Write"}
    changes = [{"kind": "create", "task": create}] * (LETTERS_AN_HOUR * 2)
    done(alice.post("/tasks/bulk", {"changes": changes}))
    letters = mailed(carol)
    # Jobs that run at the same time do not see each other's.
    assert LETTERS_AN_HOUR <= len(letters) < LETTERS_AN_HOUR + settings.worker_jobs
    let_pass(monkeypatch, datetime(2040, 3, 2, 12, tzinfo=UTC))
    digest = mailed(carol)[-1]
    assert len(letters) + digest.text.count("\n* ") == len(changes) + len(["the invitation"])


def make_refuser(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let no letter leave; returns what tells how many tried."""
    tried: list[object] = []

    def refuse(*message: object) -> None:
        tried.append(message)
        raise MailError("The mail server is away.")

    monkeypatch.setattr(mailer._transport, "send", refuse)
    return lambda: len(tried)


def test_people_choose_by_which_ways_they_are_told(
    alice: Person, carol: Person, project: Record
) -> None:
    mailed(carol)
    prefer(carol, "assigned", in_app=False)
    prefer(carol, "mentioned", email=False)
    task = give(alice, project, carol, "Write")
    make_comment(alice, task, f"@{carol.email} look")
    assert [each.subject for each in mailed(carol)][1:] == ["Alice gave you a task: Write"]
    shown = done(carol.get("/notifications?unread=true"))
    assert [each["kind"] for each in shown] == ["mentioned", "invited"]


def test_a_digest_comes_once_a_day_with_what_was_neither_read_nor_mailed(
    monkeypatch: pytest.MonkeyPatch, alice: Person, carol: Person, project: Record
) -> None:
    mailed(carol)
    prefer(carol, "mentioned", email=False)
    prefer(carol, "assigned", email=False, digest=False)
    task = give(alice, project, carol, "Write")
    make_comment(alice, task, f"@{carol.email} look")
    worker.run_once()
    morning = datetime(2040, 3, 2, 8, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    before = len(mailed(carol))
    let_pass(monkeypatch, morning - timedelta(minutes=1))
    assert len(mailed(carol)) == before
    let_pass(monkeypatch, morning)
    *others, digest = mailed(carol)
    assert (len(others), digest.subject) == (before, "What you have not read yet")
    assert digest.text.count("\n* ") == 1
    assert "* Alice mentioned you: Write (Shop)\n" in digest.text
    make_comment(alice, task, f"@{carol.email} look again")
    worker.run_once()
    let_pass(monkeypatch, morning + timedelta(hours=3))
    assert len(mailed(carol)) == before + 1
    let_pass(monkeypatch, morning + timedelta(days=1))
    assert len(mailed(carol)) == before + 2
    let_pass(monkeypatch, morning + timedelta(days=2))
    assert len(mailed(carol)) == before + 2


@pytest.mark.parametrize(
    ("zone", "now", "morning"),
    [
        ("Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-28T07:00:00+00:00"),
        ("Europe/Berlin", "2026-03-29T12:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("Europe/Berlin", "2026-10-25T12:00:00+00:00", "2026-10-25T07:00:00+00:00"),
        ("Asia/Kathmandu", "2026-03-28T23:00:00+00:00", "2026-03-29T02:15:00+00:00"),
        ("Pacific/Apia", "2026-03-28T23:00:00+00:00", "2026-03-28T19:00:00+00:00"),
    ],
)
def test_the_morning_is_that_of_the_clocks_on_the_wall(zone: str, now: str, morning: str) -> None:
    assert morning_of(datetime.fromisoformat(now), ZoneInfo(zone)) == datetime.fromisoformat(
        morning
    )


def test_where_nothing_can_send_nothing_is_tried() -> None:
    class Nothing(JobQueue):
        def add(self, _job: object) -> None:
            raise AssertionError("a letter was asked for")

    queue = Nothing(db, App(connector=SyncPsycopgConnector()))
    tasks = letters.NotificationLetterService(db, queue, Mailer(NoTransport(), settings))
    db.transaction(lambda: tasks.send("x", "x"))
    tasks.scan()
