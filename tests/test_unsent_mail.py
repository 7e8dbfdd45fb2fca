"""Mail that has to wait: for a worker, or for a mail server."""

import json
from pathlib import Path

from tests.relays import relay
from tests.server import Server, free_port
from tests.sql import rows
from tests.test_mail import LOGGED, sign_up
from tests.waiting import wait_until
from tests.worker import working

WAITING = """
    SELECT task_name FROM procrastinate_jobs
    WHERE status = 'todo' AND attempts > 0 AND task_name LIKE 'letters.%'
"""


def failed_letters(log: Path) -> set[tuple[str, str]]:
    """Return which kinds of letters failed, and of what; other jobs may be there."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if "job.failed" in line]
    return {(line["job"], line["error"]) for line in lines if line["job"].startswith("letters.")}


def test_what_was_promised_is_sent_though_the_server_ended(database: str, tmp_path: Path) -> None:
    with relay() as post:
        url = f"smtp+plain://127.0.0.1:{post.port}"
        with working(database, tmp_path / "worker.log", SMTP_URL=url):
            running = Server.running(tmp_path / "log", WEB_CONCURRENCY="1")
            with running as server, server.client() as client:
                client.headers["Connection"] = "close"
                emails = {sign_up(client) for _ in range(3)}
            wait_until(lambda: {letter.to for letter in post.letters} >= emails)


def test_a_mail_server_that_is_away_fails_no_request_and_tells_no_secret(
    database: str, tmp_path: Path
) -> None:
    unsent, log = {"SMTP_URL": f"smtp+plain://127.0.0.1:{free_port()}"} | LOGGED, tmp_path / "log"
    with (
        working(database, tmp_path / "worker.log", **unsent),
        Server.running(log, **unsent, WEB_CONCURRENCY="1") as server,
        server.client() as client,
    ):
        email = sign_up(client)
        assert client.post("/auth/password-resets", json={"email": email}).status_code == 202
        failed = tmp_path / "worker.log"
        wait_until(lambda: len(failed_letters(failed)) >= 2)
        kinds = ("letters.verify", "letters.reset")
        assert failed_letters(failed) == {(kind, "mail_failed") for kind in kinds}
        assert email not in log.read_text() + failed.read_text()
        wait_until(lambda: len(rows(database, WAITING)) == 2)
