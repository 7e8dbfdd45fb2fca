"""The commands of the `flask` program."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from api.commands.terminal import tidy_when_stopped
from models.agent_setup import AgentSetup
from services.agent_setup_service import agent_setup_service
from services.db_client import db
from services.user_service import user_service
from tests.clockify import export, line
from tests.crowd import at_once
from tests.factories import Person, add_member, email_of, sign_up
from tests.records import (
    Record,
    done,
    event_types,
    ids,
    make_task,
    moment,
    start_timer,
)
from tests.records import refusal as refusal_of
from tests.second_factors import add_passkey, begin
from tests.sql import number, rows

LET_ONE_EXPIRE = """
    UPDATE challenges SET expires_at = now()
    WHERE digest = (SELECT max(digest) FROM challenges WHERE user_id = %(me)s)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An export with a good line and a bad one."""
    carol = email_of("Carol")
    bad = line(carol, **{"Start Time": "25:00:00"})
    path = tmp_path / "export.csv"
    path.write_bytes(export(line(carol), bad))
    return path


def run(app: Flask, *arguments: str | Path) -> Result:
    return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments])


def refusal(result: Result) -> tuple[int, str]:
    """Return the exit code and the one line that says what is wrong."""
    (message,) = result.stderr.splitlines()
    return result.exit_code, message


def entries_of(person: Person, project: Record) -> list[str]:
    return ids(person.get(f"/time-entries?project_id={project['id']}"))


def test_import_time_prints_counts_and_names_bad_lines(
    app: Flask, alice: Person, project: Record, file: Path
) -> None:
    result = run(
        app, "import-time", file, "--as", alice.email.upper(), "--project-id", project["id"]
    )
    assert result.exit_code == 0
    counts = dict(each.split(": ") for each in result.stdout.splitlines())
    assert counts == {
        "created": "1",
        "matched": "0",
        "skipped": "1",
        "overlapping": "0",
        "projects_created": "0",
        "people_created": "1",
        "tasks_created": "0",
        "items_created": "0",
    }
    assert "line 3, Start Time: '25:00:00' is not a time" in result.stderr
    assert "dry run" not in result.output
    assert len(entries_of(alice, project)) == 1


def test_import_time_without_a_project_makes_those_in_the_file(
    app: Flask, alice: Person, file: Path
) -> None:
    result = run(app, "import-time", file, "--as", alice.email, "--timezone", "Europe/Berlin")
    assert "projects_created: 1" in result.stdout.splitlines()
    (project,) = done(alice.get("/projects"))
    (entry,) = done(alice.get(f"/time-entries?project_id={project['id']}"))
    assert entry["started_at"] == "2026-03-02T08:00:00Z"


def test_import_time_with_dry_run_writes_nothing(
    app: Flask, alice: Person, project: Record, file: Path
) -> None:
    form = ("--as", alice.email, "--project-id", project["id"], "--dry-run")
    result = run(app, "import-time", file, *form)
    assert "created: 1" in result.stdout.splitlines()
    assert result.output.endswith("\nNothing was written: this was a dry run.\n")
    assert entries_of(alice, project) == []


def test_import_time_as_nobody_fails(app: Flask, project: Record, file: Path) -> None:
    result = run(app, "import-time", file, "--as", "nobody@example.org")
    assert refusal(result) == (
        1,
        "Error: No account uses nobody@example.org; sign up with it first.",
    )


def test_import_time_into_a_project_of_others_fails(
    app: Flask, alice: Person, bob: Person, project: Record, file: Path
) -> None:
    result = run(app, "import-time", file, "--as", bob.email, "--project-id", project["id"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: There is nothing here")
    assert entries_of(alice, project) == []


def test_import_time_of_something_else_fails(app: Flask, alice: Person, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    code, message = refusal(run(app, "import-time", picture, "--as", alice.email))
    assert (code, message[:32]) == (1, "Error: The file is not text in U")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--format", "sundial"), ("--timezone", "Mars/Olympus"), ("--project-id", "website")],
)
def test_import_time_names_an_option_that_does_not_fit(
    app: Flask, alice: Person, file: Path, option: str, value: str
) -> None:
    result = run(app, "import-time", file, "--as", alice.email, option, value)
    assert result.exit_code == 2
    assert f"Error: {option}: " in result.stderr


def test_import_time_needs_a_file_that_is_there(app: Flask, alice: Person, tmp_path: Path) -> None:
    result = run(app, "import-time", tmp_path / "none.csv", "--as", alice.email)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_verify_email_marks_an_account(app: Flask) -> None:
    person = sign_up(app, "Carol")
    result = run(app, "verify-email", person.email.upper())
    assert (result.exit_code, result.stdout) == (0, f"{person.email} is verified.\n")
    assert done(person.get("/users/me"))["verified"] is True


def test_verify_email_of_nobody_fails(app: Flask) -> None:
    result = run(app, "verify-email", "nobody@example.org")
    assert refusal(result) == (
        1,
        "Error: No account uses nobody@example.org; sign up with it first.",
    )


# Agents


def as_printed(app: Flask, result: Result) -> Person:
    """Return the agent whose token a command printed, and nothing else to standard output."""
    assert result.exit_code == 0, result.output
    (token,) = result.stdout.splitlines()
    return Person(app.test_client(), tokens={"access_token": token})


def the_agent(owner: Person) -> Record:
    (agent,) = done(owner.get("/agents"))
    return dict(agent)


def the_token(owner: Person) -> Record:
    """Return what is known of the one token of somebody's one agent."""
    (token,) = done(owner.get(f"/agents/{the_agent(owner)['id']}/tokens"))
    return dict(token)


def test_agent_token_makes_an_agent_that_can_work_in_a_project(
    app: Flask, alice: Person, project: Record
) -> None:
    result = run(app, "agent-token", alice.email.upper(), "Builder", "--project-id", project["id"])
    agent = as_printed(app, result)
    task = make_task(agent, project_id=project["id"])
    done(agent.post(f"/tasks/{task['id']}/comments", {"body": "I am on it"}))
    start_timer(agent, task_id=task["id"])
    assert done(agent.get(f"/projects/{project['id']}"))["role"] == "editor"
    assert "task.created" in event_types(agent, f"project:{project['id']}")
    made = the_agent(alice)
    assert (made["name"], made["kind"], task["created_by"]) == ("Builder", "script", made["id"])
    assert made["id"] in result.stderr


def test_agent_token_is_for_work_and_nothing_else_unless_told_otherwise(
    app: Flask, alice: Person
) -> None:
    agent = as_printed(app, run(app, "agent-token", alice.email, "Builder"))
    assert the_token(alice)["scopes"] == [
        "tasks:write", "projects:read", "time:write", "rooms:read"
    ]  # fmt: skip
    for path in ("/users/me", "/agents", "/trash", "/notifications", "/users/me/export"):
        assert agent.get(path).status_code == 403


def test_agent_token_takes_scopes_an_end_and_a_kind(app: Flask, alice: Person) -> None:
    options = ("--scope", "tasks:read", "--scope", "notify:read", "--days", "7", "--kind", "llm")
    as_printed(app, run(app, "agent-token", alice.email, "Reader", *options))
    token = the_token(alice)
    assert token["scopes"] == ["tasks:read", "notify:read"]
    length = moment(token["expires_at"]) - moment(token["created_at"])
    assert round(length / timedelta(days=1)) == 7
    assert the_agent(alice)["kind"] == "llm"


def test_agent_token_tells_the_owner_of_the_token_and_that_it_was_not_them(
    app: Flask, alice: Person
) -> None:
    as_printed(app, run(app, "agent-token", alice.email, "Builder"))
    (entry,) = done(alice.get("/audit?action=token.created"))
    assert (entry["subject_id"], entry["actor_id"]) == (the_token(alice)["id"], None)


def test_agent_token_again_makes_another_token_for_the_same_agent(
    app: Flask, alice: Person, project: Record
) -> None:
    command = ("agent-token", alice.email, "Builder", "--project-id", project["id"])
    agents = [as_printed(app, run(app, *command)) for _ in range(2)]
    for agent in agents:
        assert ids(agent.get("/projects")) == [project["id"]]
    assert agents[0].tokens != agents[1].tokens
    assert len(done(alice.get(f"/agents/{the_agent(alice)['id']}/tokens"))) == 2


def test_agent_token_leaves_an_agent_what_it_is(app: Flask, alice: Person, project: Record) -> None:
    made = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    member = {"user_id": made["id"], "role": "viewer"}
    done(alice.post(f"/projects/{project['id']}/members", member))
    options = ("--kind", "llm", "--project-id", project["id"])
    agent = as_printed(app, run(app, "agent-token", alice.email, "Builder", *options))
    assert done(alice.get(f"/agents/{made['id']}")) == made
    assert done(agent.get(f"/projects/{project['id']}"))["role"] == "viewer"


def test_agent_token_is_limited_to_the_project_when_wanted(
    app: Flask, alice: Person, project: Record
) -> None:
    command = ("agent-token", alice.email, "Builder", "--project-id", project["id"])
    wide, narrow = (
        as_printed(app, run(app, *command, *option)) for option in ((), ("--limit-to-project",))
    )
    assert wide.get("/timer").status_code == 200
    assert refusal_of(narrow.get("/timer")) == (403, "project_limited")
    assert narrow.get(f"/tasks?project_id={project['id']}").status_code == 200


def test_agent_token_does_not_guess_between_agents_of_one_name(app: Flask, alice: Person) -> None:
    twins = [done(alice.post("/agents", {"name": "Twin", "kind": "ci"})) for _ in range(2)]
    result = run(app, "agent-token", alice.email, "Twin")
    code, message = refusal(result)
    assert (code, result.stdout) == (1, "")
    assert message.startswith("Error: 2 agents of this owner are called Twin (")
    assert all(twin["id"] in message for twin in twins)


def test_agent_token_takes_no_agent_of_others(app: Flask, alice: Person, bob: Person) -> None:
    theirs = done(bob.post("/agents", {"name": "Builder", "kind": "ci"}))
    as_printed(app, run(app, "agent-token", alice.email, "Builder"))
    assert the_agent(alice)["id"] != theirs["id"]
    assert done(bob.get(f"/agents/{theirs['id']}/tokens")) == []


def test_agent_token_for_an_agent_that_is_switched_off_fails(app: Flask, alice: Person) -> None:
    agent = done(alice.post("/agents", {"name": "Builder", "kind": "ci"}))
    done(alice.patch(f"/agents/{agent['id']}", {"is_active": False}))
    code, message = refusal(run(app, "agent-token", alice.email, "Builder"))
    assert (code, message[:35]) == (1, "Error: Builder is switched off; let")


@pytest.mark.parametrize("role", ["editor", None])
def test_agent_token_gives_no_more_than_the_owner_could_and_leaves_nothing_behind(
    app: Flask, alice: Person, bob: Person, project: Record, role: str | None
) -> None:
    if role:
        add_member(alice, project, bob, role)
    result = run(app, "agent-token", bob.email, "Builder", "--project-id", project["id"])
    code, message = refusal(result)
    expected = "This takes the role owner" if role else "There is no such project"
    assert (code, result.stdout) == (1, "")
    assert message.startswith(f"Error: {expected}")
    assert done(bob.get("/agents?owner=me")) == []


def test_agent_token_of_nobody_fails(app: Flask) -> None:
    result = run(app, "agent-token", "nobody@example.org", "Builder")
    assert refusal(result) == (
        1,
        "Error: No account uses nobody@example.org; sign up with it first.",
    )


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        (" ", (), "NAME"),
        ("Builder", ("--kind", "x" * 51), "--kind"),
        ("Builder", ("--project-id", "website"), "--project-id"),
        ("Builder", ("--limit-to-project",), "--limit-to-project"),
        ("Builder", ("--days", "367"), "--days"),
    ],
)
def test_agent_token_names_what_does_not_fit(
    app: Flask, alice: Person, name: str, options: tuple[str, ...], named: str
) -> None:
    result = run(app, "agent-token", alice.email, name, *options)
    assert result.exit_code == 2
    assert f"Error: {named}: " in result.stderr
    assert done(alice.get("/agents")) == []


def test_agent_token_refuses_a_scope_that_there_is_not(app: Flask, alice: Person) -> None:
    result = run(app, "agent-token", alice.email, "Builder", "--scope", "tasks:delete")
    assert result.exit_code == 2
    assert "'tasks:delete' is not one of 'tasks:read'" in result.stderr


def test_agent_token_at_the_same_moment_makes_one_agent(alice: Person) -> None:
    owner = db.reading(lambda: user_service.principal_of(alice.email))
    setup = AgentSetup(name="Builder")
    made = at_once([lambda: db.transaction(lambda: agent_setup_service.set_up(owner, setup))] * 4)
    assert {agent.id for agent, _ in made} == {the_agent(alice)["id"]}


# Clearing up


def test_purge_deletes_what_has_expired_and_nothing_else(
    app: Flask, alice: Person, database: str
) -> None:
    for key in ("old", "new"):
        done(alice.post("/tasks", {"title": key}, Idempotency_Key=key))
    age = "UPDATE idempotency_records SET created_at = now() - interval '25 hours'"
    rows(database, f"{age} WHERE principal = %(me)s AND key = 'old'", {"me": alice.id})
    other = sign_up(app, "Bob")
    done(other.post("/auth/logout"))
    assert run(app, "purge").exit_code == 0
    kept = "SELECT key FROM idempotency_records WHERE principal = %(me)s"
    assert rows(database, kept, {"me": alice.id}) == [{"key": "new"}]
    sessions = "SELECT user_id::text FROM sessions WHERE user_id IN (%(me)s, %(other)s)"
    assert rows(database, sessions, {"me": alice.id, "other": other.id}) == [{"user_id": alice.id}]


def test_purge_deletes_challenges_that_nobody_can_answer_any_more(
    app: Flask, database: str
) -> None:
    person = sign_up(app, "Carol")
    add_passkey(person)
    for _ in range(2):
        begin(person)
    mine = {"me": person.id}
    rows(database, LET_ONE_EXPIRE, mine)
    assert run(app, "purge").exit_code == 0
    assert number(database, "SELECT count(*) FROM challenges WHERE user_id = %(me)s", mine) == 1


# Administrators

NEW_ADMIN = ("--name", "Ada", "--timezone", "Europe/Berlin")


def sign_in(app: Flask, email: str, password: str) -> Person:
    person = Person(app.test_client(), email=email)
    person.tokens = done(person.post("/auth/login", {"email": email, "password": password}))
    return person


def answering(app: Flask, answers: str, *arguments: str) -> Result:
    """Run a command that asks."""
    return app.test_cli_runner().invoke(args=list(arguments), input=answers)


def test_create_admin_asks_for_a_password_and_makes_an_account(app: Flask) -> None:
    email = email_of("Ada")
    password = "staple battery horse"
    result = answering(app, f"{password}\n{password}\n", "create-admin", email.upper(), *NEW_ADMIN)
    assert result.exit_code == 0, result.output
    assert password not in result.output
    me = done(sign_in(app, email, password).get("/users/me"))
    assert (me["role"], me["verified"], me["name"]) == ("admin", True, "Ada")
    assert me["timezone"] == "Europe/Berlin"


def test_create_admin_makes_a_password_up_and_prints_it_once(app: Flask) -> None:
    email = email_of("Ada")
    result = run(app, "create-admin", email, *NEW_ADMIN, "--generate-password")
    (password,) = result.stdout.splitlines()
    assert len(password) == 24
    assert password not in result.stderr
    assert sign_in(app, email, password).get("/users").status_code == 200


def test_create_admin_asks_before_it_takes_an_account_that_is_there(
    app: Flask, alice: Person
) -> None:
    refused = answering(app, "n\n", "create-admin", alice.email)
    assert (refused.exit_code, done(alice.get("/users/me"))["role"]) == (1, "member")
    taken = answering(app, "y\n", "create-admin", alice.email.upper())
    assert "the password stays as it is" in taken.stdout
    assert done(alice.get("/users/me"))["role"] == "admin"
    again = run(app, "create-admin", alice.email, "--yes")
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("nobody", "staple battery horse", "EMAIL: "),
        (None, "short", "Error: Password: "),
        (None, "passwordpassword", "Error: This password"),
    ],
)
def test_create_admin_refuses_what_does_not_fit(
    app: Flask, email: str | None, password: str, reason: str
) -> None:
    email = email or email_of("Ada")
    result = answering(app, f"{password}\n{password}\n", "create-admin", email, *NEW_ADMIN)
    assert result.exit_code != 0
    assert reason in result.stderr
    anonymous = Person(app.test_client())
    answer = anonymous.post("/auth/login", {"email": email, "password": password})
    assert answer.status_code in (401, 422)


def test_what_nohup_started_goes_on_when_the_terminal_is_gone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with tidy_when_stopped():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
