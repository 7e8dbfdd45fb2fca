"""No migration may lock a table that is in use for longer than a moment: squawk reads their SQL.

It knows which statements scan or rewrite a table under a lock, and which ones code that is one
version older cannot live with. One that has to be, and why, stands above the statement as
``-- squawk-ignore <rule>``.

It does not mind changes of rows, though each stays locked until the migration ends and leaves a
dead one behind. Why that takes a moment only, as there are few or it goes by portions, stands above
the statement as ``-- changes rows: <reason>``.
"""

import io
import json
import re
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from config import settings

# Until then there was no release, and so no table that anybody had anything in.
BEFORE_THE_FIRST_RELEASE = "0018"
SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
MIGRATIONS = settings.project_dir / "migrations"

# migrations/env.py sets the limits. The others are matters of taste.
NOT_ASKED = (
    "require-lock-timeout,require-statement-timeout,prefer-bigint-over-int,prefer-robust-stmts"
)
GOES_AWAY = "ban-drop-column,ban-drop-table,adding-required-field"  # what a downgrade is for

TAKES_LONG = [
    ("CREATE INDEX ix_tasks_title ON tasks (title)", "require-concurrent-index-creation"),
    ("DROP INDEX ix_tasks_labels", "require-concurrent-index-deletion"),
    ("ALTER TABLE tasks ALTER title SET NOT NULL", "adding-not-nullable-field"),
    ("ALTER TABLE tasks ALTER title TYPE varchar(9)", "changing-column-type"),
    ("ALTER TABLE tasks ADD key uuid DEFAULT gen_random_uuid()", "adding-field-with-default"),
    ("ALTER TABLE tasks ADD CHECK (title <> '')", "constraint-missing-not-valid"),
    (
        "ALTER TABLE tasks ADD FOREIGN KEY (next_id) REFERENCES tasks (id)",
        "adding-foreign-key-constraint",
    ),
    ("ALTER TABLE tasks ADD UNIQUE (title)", "disallowed-unique-constraint"),
    ("UPDATE tasks SET title = title || '!'", "changing-rows"),
    ("update only public.tasks AS each set title = ''", "changing-rows"),
    ("DELETE FROM events WHERE seq < 9", "changing-rows"),
    ("WITH old AS (DELETE FROM events RETURNING *) SELECT FROM old", "changing-rows"),
    ("-- changes rows:\nDELETE FROM events", "changing-rows"),
    # What code of the version before cannot live with.
    ("ALTER TABLE tasks RENAME title TO name", "renaming-column"),
    ("ALTER TABLE tasks DROP COLUMN title", "ban-drop-column"),
]
TAKES_NO_TIME = [
    "ALTER TABLE tasks ADD colour text",
    "ALTER TABLE tasks ADD size integer DEFAULT 0 NOT NULL",
    "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_title CHECK (title <> '') NOT VALID",
    "CREATE TABLE ideas (id uuid PRIMARY KEY); CREATE INDEX ix_ideas_id ON ideas (id)",
    "COMMIT; CREATE INDEX CONCURRENTLY ix_tasks_title ON tasks (title); BEGIN",
    "-- changes rows: there is one\nUPDATE event_log SET epoch = gen_random_uuid()",
    "UPDATE alembic_version SET version_num = '0019'; SELECT FROM tasks FOR UPDATE",
    "INSERT INTO rooms (id) VALUES ('a') ON CONFLICT (id) DO UPDATE SET seq = 0",
]
CHANGES_ROWS = re.compile(
    r"\bDELETE\s+FROM\s+(?!alembic_version\b)"
    r"|\bUPDATE\s+(?!alembic_version\b)(ONLY\s+)?[\w.\"]+(\s+(AS\s+)?\w+)?\s+SET\b",
    re.IGNORECASE,
)
SAYS_WHY = re.compile(r"^-- changes rows: \S", re.MULTILINE)
# All that a migration may do that builds or drops an index: an interrupted one begins again.
OF_INDEXES = re.compile(
    r"$|BEGIN|COMMIT|SET lock_timeout|RESET lock_timeout|UPDATE alembic_version "
    r"|CREATE (UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS |DROP INDEX CONCURRENTLY IF EXISTS "
)


def config(output: Any = None) -> Config:
    made = Config(output_buffer=output)
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def since_the_first_release() -> list[str]:
    scripts = ScriptDirectory.from_config(config())
    newest_first = scripts.walk_revisions(BEFORE_THE_FIRST_RELEASE, "head")
    return [script.revision for script in newest_first][::-1]


STEPS = [*pairwise(since_the_first_release())]


def found_in(sql: str, without: str = NOT_ASKED) -> list[str]:
    """Return the rules that a migration breaks."""
    done = subprocess.run(
        [SQUAWK, "--reporter", "json", "--pg-version", "15", "--exclude", without],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (0, 1), done.stderr
    found = [f"{each['rule_name']}: {each['message']}" for each in json.loads(done.stdout)]
    return found + [
        f"changing-rows: {statement.strip()}"
        for statement in sql.split(";")
        if CHANGES_ROWS.search(statement) and not SAYS_WHY.search(statement)
    ]


@pytest.mark.parametrize(("before", "after"), STEPS, ids=[after for _, after in STEPS])
def test_an_upgrade_locks_no_table_for_long(before: str, after: str) -> None:
    sql = io.StringIO()
    command.upgrade(config(sql), f"{before}:{after}", sql=True)
    assert f"Running upgrade {before} -> {after}" in sql.getvalue()
    assert found_in(sql.getvalue()) == []


@pytest.mark.parametrize(("before", "after"), STEPS, ids=[after for _, after in STEPS])
def test_a_downgrade_locks_no_table_for_long(before: str, after: str) -> None:
    sql = io.StringIO()
    command.downgrade(config(sql), f"{after}:{before}", sql=True)
    assert f"Running downgrade {after} -> {before}" in sql.getvalue()
    assert found_in(sql.getvalue(), f"{NOT_ASKED},{GOES_AWAY}") == []


@pytest.mark.parametrize(("before", "after"), STEPS, ids=[after for _, after in STEPS])
def test_what_is_done_without_a_transaction_can_be_done_again(before: str, after: str) -> None:
    up, down = io.StringIO(), io.StringIO()
    command.upgrade(config(up), f"{before}:{after}", sql=True)
    command.downgrade(config(down), f"{after}:{before}", sql=True)
    for sql in (up.getvalue(), down.getvalue()):
        if "CONCURRENTLY" in sql:
            statements = [each.split("--")[-1].split("\n")[-1] for each in sql.split(";")]
            assert [each for each in statements if not OF_INDEXES.match(each)] == []


@pytest.mark.parametrize(("statement", "rule"), TAKES_LONG)
def test_what_takes_long_is_refused(statement: str, rule: str) -> None:
    found = found_in(f"BEGIN;\n{statement};\nCOMMIT;\n")
    assert [each for each in found if each.startswith(f"{rule}: ")], found


@pytest.mark.parametrize("statement", TAKES_NO_TIME)
def test_what_takes_no_time_is_let_through(statement: str) -> None:
    assert found_in(f"BEGIN;\n{statement};\nCOMMIT;\n") == []
