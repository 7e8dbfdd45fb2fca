"""PostgreSQL's programs: of the right version, and told no more than they need."""

import pytest

from services.postgres.client_programs import ClientPrograms, environment_of
from tests.sql import connect
from utils.errors import UnavailableError


def test_the_password_of_the_database_is_in_no_command_line() -> None:
    url = "postgresql+psycopg://ada:s%40cret@db.example.org:5433/stint?sslmode=require"
    environment = environment_of(url)
    assert environment["PGPASSWORD"] == "s@cret"
    assert (environment["PGHOST"], environment["PGPORT"]) == ("db.example.org", "5433")
    assert (environment["PGUSER"], environment["PGDATABASE"]) == ("ada", "stint")
    assert environment["PGSSLMODE"] == "require"


def test_programs_get_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtps://ada:secret@mail.example.org")
    assert not any("secret" in value for value in environment_of("").values())


def test_programs_are_of_the_servers_version_or_the_next(database: str) -> None:
    with connect(database) as connection:
        major = connection.info.server_version // 10_000
    assert ClientPrograms.find(major).major == major
    assert ClientPrograms.find(1).major >= 1
    with pytest.raises(UnavailableError, match="postgresql-client-99"):
        ClientPrograms.find(99)
