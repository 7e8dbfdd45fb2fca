"""What the doctor says of settings and of the machine."""

import resource
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config import Settings
from models.doctor import Verdict
from services.doctor import machine_checks, settings_checks

KEY = "0123456789abcdef" * 2
PRODUCTION = {"environment": "production", "secret_key": KEY, "password_memory_kib": 19_456}
PUBLIC = {"public_url": "https://stint.example.org"}
WARN, FAIL, OK = Verdict.WARN, Verdict.FAIL, Verdict.OK

CASES: list[tuple[str, dict[str, Any], Verdict, str]] = [
    ("environment", {}, WARN, "set ENVIRONMENT=production"),
    ("environment", PRODUCTION, OK, "production"),
    ("secret_key", PRODUCTION, OK, "is set"),
    ("old_secret_keys", {"old_secret_keys": (KEY,)}, WARN, "flask rotate-secrets"),
    ("old_secret_keys", {}, OK, "none"),
    ("public_url", PRODUCTION, WARN, "is not set"),
    ("public_url", PRODUCTION | PUBLIC, OK, "https://stint.example.org"),
    ("public_url", {}, OK, "http://127.0.0.1:8000"),
    ("trusted_proxies", PRODUCTION | PUBLIC, WARN, "set TRUSTED_PROXIES=1"),
    ("trusted_proxies", PRODUCTION | PUBLIC | {"trusted_proxies": 1}, OK, "nobody but them"),
    ("trusted_proxies", {"trusted_proxies": 9}, WARN, "are a lot"),
    ("trusted_proxies", {}, OK, "0"),
    ("mail", {}, OK, "become files"),
    ("mail", PRODUCTION, WARN, "set SMTP_URL"),
    ("mail", {"smtp_url": "smtp+plain://mail.example.org"}, WARN, "without TLS"),
    ("mail", {"smtp_url": "smtps://ada:secret@mail.example.org"}, OK, "mail.example.org"),
    ("mail", {"sendgrid_api_key": "secret"}, OK, "SendGrid"),
    ("webhooks", PRODUCTION | {"webhook_http": True}, WARN, "WEBHOOK_HTTP"),
    ("webhooks", {"webhook_networks": ("10.0.0.0/8",)}, OK, "10.0.0.0/8"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def options(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize(("name", "values", "verdict", "part"), CASES)
def test_settings_are_judged(
    name: str, values: dict[str, Any], verdict: Verdict, part: str
) -> None:
    outcome = getattr(settings_checks, name)(options(**values))
    assert (outcome.verdict, part in outcome.message) == (verdict, True), outcome
    assert "secret@" not in outcome.message


@pytest.mark.parametrize(
    ("mode", "verdict"), [(0o600, OK), (0o640, FAIL), (0o604, FAIL), (None, OK)]
)
def test_a_key_that_others_can_read_is_no_secret(
    tmp_path: Path, mode: int | None, verdict: Verdict
) -> None:
    if mode is not None:
        (tmp_path / "secret_key").write_text(KEY)
        (tmp_path / "secret_key").chmod(mode)
    assert settings_checks.secret_key(options(data_dir=tmp_path)).verdict is verdict


@pytest.mark.parametrize(
    ("megabytes", "verdict"), [(199, FAIL), (201, WARN), (1023, WARN), (1025, OK)]
)
def test_a_disk_that_fills_up_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int, verdict: Verdict
) -> None:
    free = SimpleNamespace(free=megabytes * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    found = machine_checks.disk_space(options(data_dir=tmp_path / "not" / "yet"))
    assert (found.verdict, f"{megabytes} MB" in found.message) == (verdict, True)


@pytest.mark.parametrize(
    ("files", "verdict"), [(10_999, WARN), (11_000, OK), (resource.RLIM_INFINITY, OK)]
)
def test_too_few_files_are_told(
    monkeypatch: pytest.MonkeyPatch, files: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (files, files))
    assert machine_checks.open_files(options()).verdict is verdict


def test_python_without_time_zones_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_checks.time_zones(options()).verdict is OK
    monkeypatch.setattr(machine_checks, "available_timezones", set)
    assert machine_checks.time_zones(options()).verdict is FAIL


def test_a_redis_that_is_away_fails_without_its_password() -> None:
    found = machine_checks.redis(options(redis_url="redis://:secret@127.0.0.1:1/0"))
    assert (found.verdict, "secret" in found.message) == (FAIL, False)
    assert machine_checks.redis(options()).verdict is OK


def test_a_data_dir_is_told_whether_or_not_it_is_there(tmp_path: Path) -> None:
    assert machine_checks.data_dir(options(data_dir=tmp_path)).verdict is OK
    missing = machine_checks.data_dir(options(data_dir=tmp_path / "x"))
    assert "first start" in missing.message
