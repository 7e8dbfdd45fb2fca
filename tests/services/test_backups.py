"""Backups: everything comes back, or nothing is touched."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any, LiteralString

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url

from models.backup import Manifest
from models.scope import Scope
from services.backup_service import BackupService, backup_service
from services.backups.errors import BackupError
from services.backups.file import BLOCK, DUMP, MANIFEST, SUMS
from services.backups.transfer import PASSING
from services.postgres.client_programs import ClientPrograms
from services.postgres.cluster import embedded_programs
from services.schema_service import schema_service
from services.secret_box import SecretBox
from tests.archives import Account, insert
from tests.authenticator import Authenticator
from tests.databases import Contents, another_database, contents
from tests.factories import as_agent, make_token, sign_up
from tests.records import done, make_task
from tests.second_factors import add_passkey, turn_on_app
from tests.sql import connect, number, rows
from utils.errors import ConflictError, ServiceError, UnavailableError

# What a restore makes anew on purpose.
AFRESH = {"event_log": "epoch", "sessions": "revoked_at", "procrastinate_jobs": "worker_id"}
FORGOTTEN = {"procrastinate_workers", *PASSING}

EPOCH = "SELECT epoch::text FROM event_log"
LIVE_SESSIONS = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"
RUNNING: LiteralString = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)
    VALUES ('default', 'nothing', 'doing', (SELECT max(id) FROM procrastinate_workers))
"""
WORKER_OF_IT = "SELECT worker_id FROM procrastinate_jobs WHERE task_name = 'nothing'"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def full(app: Flask, database: str) -> str:
    """The URL of a database with some of everything."""
    account = Account.full(app, database)
    alice, project = account.alice, account.project
    turn_on_app(alice)
    add_passkey(sign_up(app, "Carol"), Authenticator())
    make_token(alice, Scope.TASKS_READ)
    agent = as_agent(alice, done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))["id"])
    member = {"user_id": agent.id, "role": "editor"}
    done(alice.post(f"/projects/{project['id']}/members", member))
    make_task(alice, project_id=project["id"], labels=["x"])
    done(agent.post("/agents/me/claim", {"project_id": project["id"]}))
    hook = {"url": "https://hooks.example.org/stint"}
    hook = done(alice.post(f"/projects/{project['id']}/webhooks", hook))
    assert alice.post(f"/webhooks/{hook['id']}/ping").status_code == 202
    done(alice.post("/tasks", {"title": "Once"}, Idempotency_Key="once"))
    done(alice.delete(f"/tasks/{account.tasks['Rest']['id']}"))
    done(alice.post("/ws/tickets"))
    rows(database, "SELECT procrastinate_register_worker_v1()")
    rows(database, RUNNING)
    return database


@pytest.fixture(scope="module")
def kept(full: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    path = tmp_path_factory.mktemp("backups") / "stint.tar"
    backup_service.backup(full, path)
    return path


@pytest.fixture(scope="module")
def expected(full: str, kept: Path) -> Contents:
    """What was in it at that moment."""
    return all_but_afresh(full)


@pytest.fixture
def fresh(database: str) -> Iterator[str]:
    """The URL of an empty database."""
    with another_database(database) as url:
        yield url


def all_but_afresh(url: str) -> Contents:
    found = contents(url, **AFRESH)
    return {table: each for table, each in found.items() if table not in FORGOTTEN}


def parts_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]  # all are files


def rewritten(path: Path, target: Path, change: Change) -> Path:
    """Write a backup that says something else of itself, with digests that fit."""
    parts = parts_of(path)
    manifest = json.loads(parts[MANIFEST])
    change(manifest)
    parts[MANIFEST] = json.dumps(manifest).encode()
    digests = {name: hashlib.sha256(parts[name]).hexdigest() for name in (DUMP, MANIFEST)}
    parts[SUMS] = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    with target.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, content in parts.items():
                header = tarfile.TarInfo(name)
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
            end = archive.offset + 2 * BLOCK
        file.truncate(end)  # tarfile fills up to twenty blocks
    return target


def refusal(url: str, path: Path) -> str:
    """Return why a backup is not restored; the database is to stay empty."""
    with pytest.raises(ServiceError) as raised:
        backup_service.restore(url, path)
    assert contents(url) == {}
    return raised.value.detail


# There and back


def test_everything_comes_back_into_a_fresh_database(
    kept: Path, expected: Contents, fresh: str
) -> None:
    restoration = backup_service.restore(fresh, kept)
    assert all_but_afresh(fresh) == expected
    assert restoration.warnings == []
    assert restoration.migrated_to is None
    told = restoration.manifest.rows
    assert {table: count for table, (count, _) in expected.items()} == {
        table: count for table, count in told.items() if table not in FORGOTTEN
    }


def test_the_full_database_has_some_of_nearly_everything(expected: Contents) -> None:
    empty = {table for table, (count, _) in expected.items() if not count}
    # What comes of jobs, and what is gone as soon as it was answered.
    assert empty <= {
        "attempts", "challenges", "deliveries", "digests", "identities", "mail_tokens",
        "notification_preferences", "notifications", "procrastinate_periodic_defers",
        "sign_on_attempts",
    }  # fmt: skip


def test_a_restored_database_has_the_schema_of_the_migrations(
    full: str, kept: Path, fresh: str
) -> None:
    schema: LiteralString = """
        SELECT pg_get_constraintdef(oid) AS line FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc
                  WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat(relname, relpersistence) FROM pg_class
                  WHERE relnamespace = 'public'::regnamespace
        ORDER BY 1
    """
    backup_service.restore(fresh, kept)
    assert rows(fresh, schema) == rows(full, schema)


def test_clients_have_to_start_over_and_people_to_sign_in(
    full: str, kept: Path, fresh: str
) -> None:
    assert number(full, LIVE_SESSIONS) > 0
    backup_service.restore(fresh, kept)
    assert rows(fresh, EPOCH) != rows(full, EPOCH)
    assert number(fresh, LIVE_SESSIONS) == 0


def test_the_epoch_is_another_one_each_time(full: str, kept: Path, fresh: str) -> None:
    epochs = []
    for _ in range(2):
        backup_service.restore_in_place(fresh, kept)
        epochs.append(rows(fresh, EPOCH))
    assert epochs[0] != epochs[1]


def test_no_worker_is_thought_to_be_at_a_job(full: str, kept: Path, fresh: str) -> None:
    assert rows(full, WORKER_OF_IT) != [{"worker_id": None}]
    backup_service.restore(fresh, kept)
    assert rows(fresh, WORKER_OF_IT) == [{"worker_id": None}]  # so another one takes it
    assert number(fresh, "SELECT count(*) FROM procrastinate_workers") == 0


def test_a_backup_of_a_restored_database_is_the_same(
    kept: Path, fresh: str, database: str, tmp_path: Path
) -> None:
    backup_service.restore(fresh, kept)
    with another_database(database) as third:
        backup_service.backup(fresh, tmp_path / "again.tar")
        backup_service.restore(third, tmp_path / "again.tar")
        assert all_but_afresh(third) == all_but_afresh(fresh)


def test_a_backup_is_of_one_moment_while_others_write(
    full: str, fresh: str, database: str, kept: Path, tmp_path: Path
) -> None:
    backup_service.restore(fresh, kept)
    stopped = Event()

    def write() -> None:
        with connect(fresh) as connection:
            for number_ in range(1_000_000):
                if stopped.is_set():
                    return
                connection.execute("INSERT INTO rooms (id) VALUES (%s)", [f"user:{number_}"])

    writer = Thread(target=write)
    writer.start()
    try:
        backup_service.backup(fresh, tmp_path / "busy.tar")
    finally:
        stopped.set()
        writer.join()
    with another_database(database) as third:
        backup_service.restore(third, tmp_path / "busy.tar")
        assert number(third, "SELECT count(*) FROM rooms") <= number(
            fresh, "SELECT count(*) FROM rooms"
        )


def test_a_backup_comes_back_from_a_disk_that_is_read_in_large_blocks(
    kept: Path, expected: Contents, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = 4 * kept.stat().st_size  # as network disks have them: then Python reads ahead so far

    def open_there(path: Path, mode: str, buffering: int = block) -> IO[Any]:
        return open(path, mode, buffering)

    monkeypatch.setattr(Path, "open", open_there)
    backup_service.restore(fresh, kept)
    assert all_but_afresh(fresh) == expected


# What it comes back into


def test_where_somebody_has_an_account_nothing_is_restored(kept: Path, fresh: str) -> None:
    backup_service.restore(fresh, kept)
    before = contents(fresh)
    with pytest.raises(ConflictError, match="--replace"):
        backup_service.restore(fresh, kept)
    assert contents(fresh) == before


def test_in_place_what_was_there_is_gone(kept: Path, expected: Contents, fresh: str) -> None:
    backup_service.restore(fresh, kept)
    insert(fresh, "users", name="Somebody else")
    rows(fresh, "DROP INDEX ix_tasks_labels")
    rows(fresh, "ALTER TABLE tasks ADD COLUMN colour text")
    backup_service.restore_in_place(fresh, kept)
    assert all_but_afresh(fresh) == expected


def test_a_schema_without_accounts_is_as_good_as_empty(
    kept: Path, expected: Contents, fresh: str
) -> None:
    backup_service.restore(fresh, kept)
    rows(fresh, "TRUNCATE users CASCADE")
    backup_service.restore(fresh, kept)
    assert all_but_afresh(fresh) == expected


def test_a_database_with_tables_of_others_is_left_alone(kept: Path, fresh: str) -> None:
    rows(fresh, "CREATE TABLE invoices (id int)")
    for restore in (backup_service.restore, backup_service.restore_in_place):
        with pytest.raises(BackupError, match=r"not Stint's \(invoices\)"):
            restore(fresh, kept)
    assert set(contents(fresh)) == {"invoices"}


def test_a_database_in_use_is_left_alone(kept: Path, fresh: str) -> None:
    url = fresh.replace("+psycopg", "")
    with (
        psycopg.connect(url, application_name="stint-worker"),
        pytest.raises(ConflictError, match=r"in use \(1 of stint-worker\); stop the web server"),
    ):
        backup_service.restore(fresh, kept)
    assert contents(fresh) == {}


def test_what_another_role_has_open_counts_too(kept: Path, fresh: str) -> None:
    rows(fresh, "CREATE ROLE restorer LOGIN PASSWORD 'x'")  # who is not told what others do
    own = make_url(fresh).set(username="restorer", password="x")
    try:
        with connect(fresh), pytest.raises(ConflictError, match="in use"):
            backup_service.restore(own.render_as_string(hide_password=False), kept)
    finally:
        rows(fresh, "DROP ROLE restorer")


def test_an_older_backup_is_brought_up_to_date(
    app: Flask, full: str, kept: Path, fresh: str, database: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with another_database(database) as older:
        from_migrations(app, monkeypatch, older, "upgrade", "0015")
        insert(older, "users", name="Ada")
        backup_service.backup(older, tmp_path / "old.tar")
    use(monkeypatch, fresh)
    restoration = backup_service.restore(fresh, tmp_path / "old.tar")
    assert restoration.manifest.schema_revision == "0015"
    assert restoration.migrated_to == schema_service.head
    assert contents(fresh).keys() == contents(full).keys()
    assert rows(fresh, "SELECT name FROM users") == [{"name": "Ada"}]


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let migrations run on this database."""
    monkeypatch.setattr("services.db_client.running_database", lambda: nullcontext(url))


def from_migrations(app: Flask, monkeypatch: pytest.MonkeyPatch, url: str, *command: str) -> None:
    use(monkeypatch, url)
    result = app.test_cli_runner().invoke(args=["db", *command])
    assert result.exit_code == 0, result.output


# Files that are not what they should be


def test_a_truncated_file_is_refused(kept: Path, fresh: str, tmp_path: Path) -> None:
    content = kept.read_bytes()
    path = tmp_path / "short.tar"
    for length in (0, 1, BLOCK, BLOCK + 1, len(content) // 2, len(content) - 2 * BLOCK,
                   len(content) - 1):  # fmt: skip
        path.write_bytes(content[:length])
        assert "take another copy" in refusal(fresh, path), length


def test_an_altered_file_is_refused(kept: Path, fresh: str, tmp_path: Path) -> None:
    content = bytearray(kept.read_bytes())
    with tarfile.open(kept) as archive:
        dump, manifest, sums = archive.getmembers()
    path = tmp_path / "altered.tar"
    places = [
        0,  # the name of the dump
        124,  # its length
        *(dump.offset_data + dump.size * tenth // 10 for tenth in range(10)),
        dump.offset_data + dump.size - 1,
        manifest.offset,
        *(manifest.offset_data + place for place in range(0, manifest.size, 100)),
        sums.offset_data,
        len(content) - 1,
    ]
    for place in places:
        content[place] ^= 1
        path.write_bytes(content)
        assert "take another copy" in refusal(fresh, path), place
        content[place] ^= 1


def test_a_longer_file_is_refused(kept: Path, fresh: str, tmp_path: Path) -> None:
    path = tmp_path / "long.tar"
    path.write_bytes(kept.read_bytes() + b"x")
    assert "take another copy" in refusal(fresh, path)


def test_what_is_no_backup_at_all_is_refused(fresh: str, tmp_path: Path) -> None:
    path = tmp_path / "stint.zip"
    path.write_bytes(b"PK\x03\x04" * 1_000)
    assert "no backup" in refusal(fresh, path)
    assert "cannot be read" in refusal(fresh, tmp_path / "nothing.tar")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_revision": "9999"}, "newer than"),
        ({"postgres": 99}, "restore it into 99 or newer"),
        ({"programs": 99}, "install the package postgresql-client-99"),
        ({"version": 2}, "newer version of Stint"),
        ({"colour": "red"}, "newer version of Stint"),
    ],
)
def test_a_backup_from_the_future_is_refused(
    kept: Path, fresh: str, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    path = rewritten(kept, tmp_path / "future.tar", lambda manifest: manifest.update(change))
    assert reason in refusal(fresh, path)


def test_a_backup_that_lacks_rows_changes_nothing(kept: Path, fresh: str, tmp_path: Path) -> None:
    def claim_more(manifest: dict[str, Any]) -> None:
        manifest["rows"]["tasks"] += 1

    path = rewritten(kept, tmp_path / "less.tar", claim_more)
    assert "rows are missing in tasks" in refusal(fresh, path)
    backup_service.restore(fresh, kept)
    before = contents(fresh)
    with pytest.raises(BackupError, match="nothing was changed"):
        backup_service.restore_in_place(fresh, path)
    assert contents(fresh) == before


# The file


def test_a_backup_is_for_its_owner_alone_and_no_other_file_is_left(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list(kept.parent.iterdir()) == [kept]


def test_a_backup_takes_no_other_files_place(full: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.tar"
    path.write_text("precious")
    with pytest.raises(BackupError, match="is there already"):
        backup_service.backup(full, path)
    assert path.read_text() == "precious"


def test_a_backup_that_fails_leaves_no_file(full: str, fresh: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing of Stint"):
        backup_service.backup(fresh, tmp_path / "none.tar")
    with pytest.raises(BackupError, match=r"cannot be written: No such file"):
        backup_service.backup(full, tmp_path / "missing" / "stint.tar")
    with pytest.raises(UnavailableError, match="The database cannot be used"):
        backup_service.backup(f"{fresh.partition('?')[0]}_gone", tmp_path / "none.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_dump_that_stops_half_way_leaves_no_file(
    full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    program = broken / "pg_dump"
    program.write_text(
        "#!/bin/sh\nhead -c 300000 /dev/zero\necho 'pg_dump: error: gone' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(ClientPrograms, "find", lambda _major: ClientPrograms(broken, 18))
    with pytest.raises(BackupError, match="could not be dumped: pg_dump: error: gone"):
        backup_service.backup(full, tmp_path / "half.tar")
    assert list(tmp_path.iterdir()) == [broken]


def test_a_backup_says_what_it_is_and_any_tar_takes_it_apart(full: str, kept: Path) -> None:
    parts = parts_of(kept)
    assert list(parts) == [DUMP, MANIFEST, SUMS]
    manifest = Manifest.model_validate_json(parts[MANIFEST])
    assert manifest.schema_revision == schema_service.head
    assert manifest.dump_bytes == len(parts[DUMP])
    assert parts[DUMP].startswith(b"PGDMP")
    for line in parts[SUMS].decode().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256(parts[name]).hexdigest() == digest


# Keys


def test_a_backup_holds_no_key_and_a_restore_misses_the_one_it_needs(
    full: str, fresh: str, tmp_path: Path
) -> None:
    old, new = "old" * 12, "new" * 12
    make = BackupService(schema_service, SecretBox(lambda: [old]))
    path = tmp_path / "stint.tar"
    make.backup(full, path)
    assert old.encode() not in path.read_bytes()
    (warning,) = (
        BackupService(schema_service, SecretBox(lambda: [new])).restore(fresh, path).warnings
    )
    assert "OLD_SECRET_KEYS" in warning
    knowing = BackupService(schema_service, SecretBox(lambda: [new, old]))
    assert knowing.restore_in_place(fresh, path).warnings == []


# Programs


def test_programs_of_a_newer_version_will_do(
    full: str, fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = ClientPrograms(embedded_programs(), 18)
    monkeypatch.setattr(ClientPrograms, "find", lambda _major: newest)
    backup_service.backup(full, tmp_path / "new.tar")
    before = all_but_afresh(full)
    backup_service.restore(fresh, tmp_path / "new.tar")
    assert all_but_afresh(fresh) == before
