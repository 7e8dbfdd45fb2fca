"""Who has few rows is answered from those, also where nearly all rows are somebody else's."""

from collections.abc import Iterator
from typing import LiteralString

import pytest
from flask import Flask

from services.comment_service import INDEX, INDEXED
from services.db_client import db
from services.notification_service import READ_AT_ONCE, SOME_UNREAD
from tests.factories import Person, sign_up
from tests.plans import Explainer, wasteful
from tests.records import Record, done, make_project, make_task
from tests.sql import connect, rows

OWN_PROJECTS = 4
PAGE = 51
FEW_FAILED = 5
VACUUM: LiteralString = "VACUUM ANALYZE leases, deliveries, notifications, comments, items, audit"
ALL_OF_ONE: tuple[LiteralString, ...] = (
    # In the order of time, as ours are: then the planner likes to read a primary key backwards.
    """
    CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql
    RETURN (lpad(to_hex(1600000000000 + n), 12, '0') || '70008000000000000000')::uuid
    """,
    """
    INSERT INTO leases (id, task_id, project_id, agent_id, status, seconds, expires_at, ended_at)
    SELECT pg_temp.id(n), %(task)s, %(project)s, %(agent)s, 'completed', 600, now(), now()
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO deliveries (id, webhook_id, seq, type, status, attempts)
    SELECT pg_temp.id(n), %(webhook)s, n, 'task.updated',
           CASE WHEN n <= 5 THEN 'failed' ELSE 'delivered' END, 1
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO notifications (id, user_id, kind, key, title, shown, by_mail)
    SELECT pg_temp.id(n), %(user)s, 'message', 'message ' || n, 'Hear', true, false
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO comments (id, created_by, task_id, body)
    SELECT pg_temp.id(n), %(user)s, %(task)s, 'Said'
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO items (id, created_by, task_id, name, position)
    SELECT pg_temp.id(2 * n + (task_id IS NULL)::int), %(user)s, task_id, 'Line',
           'i' || lpad(n::text, 9, '0') || 'V'
    FROM generate_series(1, 20000) AS n, unnest(ARRAY[%(task)s::uuid, NULL]) AS task_id
    """,
    """
    INSERT INTO audit (id, at, action, actor_id, user_id, project_id)
    SELECT pg_temp.id(n), now(), 'member.added', %(user)s, %(user)s, %(project)s
    FROM generate_series(1, 20000) AS n
    """,
    VACUUM,
)
PUT_AWAY: tuple[LiteralString, ...] = (
    "DELETE FROM leases WHERE project_id = %(project)s",
    "DELETE FROM deliveries WHERE webhook_id = %(webhook)s",
    "DELETE FROM notifications WHERE user_id = %(user)s",
    "DELETE FROM comments WHERE task_id = %(task)s",
    "DELETE FROM items WHERE created_by = %(user)s",
    "DELETE FROM audit WHERE project_id = %(project)s",
    VACUUM,
)


@pytest.fixture(scope="module")
def reader(app: Flask) -> Person:
    return sign_up(app, "Reader")


@pytest.fixture(scope="module")
def world(reader: Person, database: str) -> Iterator[Record]:
    """One of somebody's projects in which very much was done, and others in which nothing was."""
    busy, quiet, *_ = [make_project(reader) for _ in range(OWN_PROJECTS)]
    agent = done(reader.post("/agents", {"name": "Builder", "kind": "script"}))
    hook = {"url": "https://hooks.invalid/stint", "event_types": ["project.updated"]}
    made = {
        "user": reader.id,
        "project": busy["id"],
        "quiet": quiet["id"],
        "agent": agent["id"],
        "task": make_task(reader, project_id=busy["id"])["id"],
        "quiet_task": make_task(reader, project_id=quiet["id"])["id"],
        "webhook": done(reader.post(f"/projects/{busy['id']}/webhooks", hook))["id"],
        "quiet_webhook": done(reader.post(f"/projects/{quiet['id']}/webhooks", hook))["id"],
    }
    _execute(database, ALL_OF_ONE, made)
    yield made
    _execute(database, PUT_AWAY, made)


def _execute(database: str, statements: tuple[LiteralString, ...], values: Record) -> None:
    with connect(database) as connection:
        for statement in statements:
            connection.execute(statement, values if "%(" in statement else None)


@pytest.fixture(scope="module")
def explainer(database: str) -> Explainer:
    # Tables in which nobody has much are small here: the server may well read those whole.
    return Explainer(database, "enable_seqscan")


@pytest.mark.parametrize(
    "question", ["", "&agent={agent}", "&status=completed", "&agent={agent}&status=completed"]
)
@pytest.mark.parametrize("scope", ["", "project_id={quiet}"])
def test_leases_are_not_looked_for_in_projects_without_any(
    explainer: Explainer, reader: Person, world: Record, scope: str, question: str
) -> None:
    plans = explainer.plans(reader, f"/leases?{scope}{question}".format(**world))
    of_leases = [plan for plan in plans if "FROM leases" in plan.statement]
    if question:  # such lists are planned for what is asked
        of_leases = [plan for plan in of_leases if plan.mode == "force_custom_plan"]
    assert of_leases
    assert max(plan.rows_read for plan in of_leases) <= PAGE + 3 * OWN_PROJECTS


@pytest.mark.parametrize(
    ("path", "most_rows"),
    [
        ("/webhooks/{webhook}/deliveries?status=failed", FEW_FAILED),
        ("/webhooks/{quiet_webhook}/deliveries", 0),
        ("/webhooks/{quiet_webhook}/deliveries?status=delivered", 0),
    ],
)
def test_few_deliveries_are_found_by_an_index(
    explainer: Explainer, reader: Person, world: Record, path: str, most_rows: int
) -> None:
    plans = explainer.plans(reader, path.format(**world))
    of_deliveries = [plan for plan in plans if "FROM deliveries" in plan.statement]
    if "?" in path:
        of_deliveries = [plan for plan in of_deliveries if plan.mode == "force_custom_plan"]
    assert of_deliveries
    assert not wasteful(of_deliveries, most_rows)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("comments", "/tasks/{quiet_task}/comments"),
        ("items", "/items?task_id={quiet_task}"),
        ("items", "/items?task_id={quiet_task}&status=open"),
        ("audit", "/audit?project_id={quiet}"),
        ("audit", "/audit?project_id={quiet}&action=member.added"),
    ],
)
def test_what_is_said_and_done_elsewhere_is_not_read(
    explainer: Explainer, reader: Person, world: Record, table: str, path: str
) -> None:
    plans = explainer.plans(reader, path.format(**world))
    of_table = [plan for plan in plans if f"FROM {table}" in plan.statement]
    assert of_table
    assert max(plan.rows_read for plan in of_table) <= 2 * PAGE


def test_a_comment_costs_what_was_said_about_its_task(explainer: Explainer, world: Record) -> None:
    plans = explainer.plans_of(db.prepare(INDEX), task_ids=[world["quiet_task"]])
    assert max(plan.rows_read for plan in plans) <= 2 * PAGE


def test_a_comment_costs_no_more_the_more_was_said_before(
    explainer: Explainer, world: Record
) -> None:
    plans = explainer.plans_of(db.prepare(INDEX), task_ids=[world["task"]])
    assert max(plan.rows_read for plan in plans) <= INDEXED + 2 * PAGE


def test_agents_are_shown_without_all_that_they_have_done(
    explainer: Explainer, reader: Person, world: Record
) -> None:
    plans = explainer.plans(reader, "/agents")
    of_leases = [plan for plan in plans if "FROM leases" in plan.statement]
    assert of_leases
    assert max(plan.rows_read for plan in of_leases) <= 2 * PAGE


@pytest.mark.usefixtures("world")
def test_nobody_reads_the_notifications_of_others(explainer: Explainer, app: Flask) -> None:
    plans = explainer.plans(sign_up(app, "Newcomer"), "/notifications?")
    of_notifications = [plan for plan in plans if "FROM notifications" in plan.statement]
    assert of_notifications
    assert not wasteful(of_notifications, 0)


def test_reading_all_notifications_reads_a_portion(
    explainer: Explainer, world: Record, database: str
) -> None:
    (newest,) = rows(
        database,
        "SELECT id::text FROM notifications WHERE user_id = %(user)s ORDER BY id DESC LIMIT 1",
        world,
    )
    some_unread = db.prepare(SOME_UNREAD)
    plans = explainer.plans_of(some_unread, me=world["user"], newest=newest["id"])
    assert not wasteful(plans, READ_AT_ONCE)
