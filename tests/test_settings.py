"""Settings: documented, and refused at boot where they are wrong or insecure."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError

from config import PROJECT_DIR, Settings, load_settings

GOOD_KEY = "0123456789abcdef" * 2
FIELDS = Settings.model_fields

ENTRY_POINTS = {
    "a laptop": ["main.py"],
    "gunicorn": ["-m", "gunicorn", "-c", "gunicorn.conf.py", "main:app"],
    "flask": ["-m", "flask", "--app", "main", "routes"],
}

SECURE = {"SECRET_KEY": GOOD_KEY, "PASSWORD_MEMORY_KIB": "19456"}
OIDC = {"OIDC_ISSUER": "https://login.example.org", "OIDC_CLIENT_ID": "stint"}
PUBLIC = {"PUBLIC_URL": "https://stint.example.org"}

OF_A_PLATFORM = {
    "OTEL_TRACES_SAMPLER": "parentbased_jaeger_remote",
    "OTEL_TRACES_SAMPLER_ARG": "endpoint=http://127.0.0.1:14250,initialSamplingRate=0.25",
    "OTEL_PROPAGATORS": "tracecontext,b3",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_WHATEVER_COMES_NEXT": "1",
}

INSECURE = {
    "no key": ({"SECRET_KEY": ""}, "SECRET_KEY must be set in production"),
    "a key that is easily guessed": (
        {"SECRET_KEY": "changeme" * 4, "PASSWORD_MEMORY_KIB": "19456"},
        "SECRET_KEY must be random in production: who guesses it can sign in as anybody",
    ),
    "pages of everybody": (
        {**SECURE, "CORS_ORIGINS": "*"},
        "CORS_ORIGINS: must name each site: with * any page could act for whoever is signed in",
    ),
    "a key that could not be an old one": (
        {**SECURE, "SECRET_KEY": GOOD_KEY + ",k"},
        "SECRET_KEY must have no comma, and no blank at its ends",
    ),
    "a key with a blank that nobody sees": (
        {**SECURE, "SECRET_KEY": GOOD_KEY + " "},
        "SECRET_KEY must have no comma, and no blank at its ends",
    ),
    "a short key": ({"SECRET_KEY": "k" * 31}, "SECRET_KEY must have at least 32 characters"),
    "mail without links": (
        {**SECURE, "SMTP_URL": "smtp://mail", "MAIL_FROM": "stint@example.org"},
        "PUBLIC_URL must be set in production to send e-mail",
    ),
    "mail from nobody": (
        {**SECURE, "SENDGRID_API_KEY": "k", "PUBLIC_URL": "https://example.org"},
        "MAIL_FROM must be set in production to send e-mail",
    ),
    "a weak hash": (
        {"SECRET_KEY": GOOD_KEY, "PASSWORD_MEMORY_KIB": "19455"},
        "PASSWORD_MEMORY_KIB must be at least 19456 in production",
    ),
    "a provider in the open": (
        {"SECRET_KEY": GOOD_KEY, "PASSWORD_MEMORY_KIB": "", **OIDC, **PUBLIC}
        | {"OIDC_ISSUER": "http://login.example.org"},
        "OIDC_ISSUER must be set and https in production",
    ),
    "debugging": ({**SECURE, "FLASK_DEBUG": "1"}, "FLASK_DEBUG must be off in production"),
    "pages in the open": (
        {**SECURE, "PUBLIC_URL": "http://stint.example.org"},
        "PUBLIC_URL must be https in production",
    ),
    "others' pages in the open": (
        {**SECURE, "CORS_ORIGINS": "https://a.example.org,http://b.example.org"},
        "CORS_ORIGINS must be https in production",
    ),
    "people coming back in the open": (
        {"SECRET_KEY": GOOD_KEY, "PASSWORD_MEMORY_KIB": "", **OIDC},
        "PUBLIC_URL must be set and https in production",
    ),
}

BAD_VALUES = [
    ("ENVIRONMENT", "prod"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("WEB_CONCURRENCY", "0"),
    ("API_PREFIX", "api/v1"),
    ("API_PREFIX", "/api/v1/"),
    ("PUBLIC_URL", "stint.example.org"),
    ("PUBLIC_URL", "https://stint.example.org/"),
    ("PUBLIC_URL", "https://stint.example.org/#a"),
    ("OIDC_ISSUER", "login.example.org"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318//"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/?a=b"),
    ("OIDC_ISSUER", "https://login.example.org?a=b"),
    ("REQUEST_BODY_SECONDS", "0"),
    ("MAX_BODY_BYTES", "1MB"),
    ("DATABASE_URL", "mysql://stint@localhost/stint"),
    ("REDIS_URL", "redis.internal:6379"),
    ("REDIS_URL", "http://redis.internal"),
    ("DATABASE_POOL_SIZE", "0"),
    ("DATABASE_LOCK_MS", "-1"),
    ("MAIL_FROM", "Stint"),
    ("MAIL_FROM", "Stint <stint@example.org>\nBcc: eve@example.org"),
    ("SMTP_URL", "mail.example.org"),
    ("SMTP_URL", "http://mail.example.org"),
    ("SMTP_URL", "smtps://user@mail.example.org"),
    ("SMTP_URL", "smtp+plain://user:password@mail.example.org"),
    ("ACCESS_TOKEN_MINUTES", "-15"),
    ("PRINCIPAL_CACHE_SECONDS", "61"),
    ("CORS_ORIGINS", "*"),
    ("METRICS_TOKEN", "short"),
    ("TRUSTED_PROXIES", "-1"),
    ("TRUSTED_PROXIES", "127.0.0.1"),
    ("RATE_LIMIT_READS", "600"),
    ("RATE_LIMIT_SIGN_INS", "0 per minute"),
    ("ATTEMPTS_PER_ACCOUNT", "0"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_FORMAT", "xml"),
]


def test_on_this_very_machine_pages_need_no_tls() -> None:
    done = boot(
        ["-c", "import config"],
        ENVIRONMENT="production",
        **SECURE,
        PUBLIC_URL="http://localhost:8000",
        CORS_ORIGINS="http://127.0.0.1:5173",
    )
    assert (done.returncode, done.stderr) == (0, "")


def example() -> dict[str, tuple[list[str], str]]:
    """What .env.example says: by name the lines of comment and the value, in its order."""
    _, *blocks = (PROJECT_DIR / ".env.example").read_text().rstrip("\n").split("\n\n")
    entries = {}
    for block in blocks:
        *comment, assignment = [line.removeprefix("# ") for line in block.splitlines()]
        name, _, value = assignment.partition("=")
        entries[name] = (comment, value)
    return entries


def boot(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the project with these settings."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], reason: str) -> None:
    """It ended with one line that a person can act on."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("stint: bad setting: ")
    assert reason in done.stderr


def test_the_example_lists_every_setting_in_order() -> None:
    assert list(example()) == [name.upper() for name in FIELDS]


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_explains_each_setting(name: str) -> None:
    field = FIELDS[name]
    expected = [field.description]
    if get_origin(field.annotation) is Literal:
        expected.append("one of: " + ", ".join(get_args(field.annotation)))
    comment, _ = example()[name.upper()]
    assert comment == expected


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_shows_each_default(name: str) -> None:
    field = FIELDS[name]
    _, shown = example()[name.upper()]
    if not shown:
        assert not field.default  # an empty value is an unset one
        return
    annotation: Any = field.annotation
    meant: Any = TypeAdapter(annotation).validate_python(shown)
    if isinstance(meant, Path):
        meant = PROJECT_DIR / meant
    assert meant == field.default


def test_the_example_changes_nothing_as_it_is() -> None:
    lines = (PROJECT_DIR / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("# ")] == []


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_production_does_not_boot_on_a_weak_key(entry_point: str) -> None:
    environment = {"ENVIRONMENT": "production", "SECRET_KEY": "too-weak-to-be-shown"}
    done = boot(ENTRY_POINTS[entry_point], **environment)
    assert_refused(done, "SECRET_KEY must have at least 32 characters")
    assert "too-weak-to-be-shown" not in done.stderr


@pytest.mark.parametrize("insecure", INSECURE)
def test_production_does_not_boot_with(insecure: str) -> None:
    environment, reason = INSECURE[insecure]
    done = boot(["-c", "import config"], ENVIRONMENT="production", **environment)
    assert_refused(done, reason)


def test_production_boots_with_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    monkeypatch.delenv("PASSWORD_MEMORY_KIB")
    assert load_settings().signing_key == GOOD_KEY


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_by_the_name_of_its_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^stint: bad setting: {name}: [^\n]+$"):
        load_settings()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
        ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"),
        ("OIDC_ISSUER", "OIDC_CLIENT_ID"),
    ],
)
def test_a_provider_by_halves_is_refused(
    given: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(given, "https://login.example.org")
    with pytest.raises(SystemExit, match=f"{missing} must be set too"):
        load_settings()


def test_people_reach_the_service_where_it_listens_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert load_settings().site_url == "http://127.0.0.1:8123"
    monkeypatch.setenv("PUBLIC_URL", PUBLIC["PUBLIC_URL"])
    assert load_settings().site_url == PUBLIC["PUBLIC_URL"]


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "0")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(SystemExit, match=r"PORT: .*; LOG_LEVEL: "):
        load_settings()


def test_a_refused_database_url_keeps_its_password_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://stint:canary-7d1f@localhost/stint")
    with pytest.raises(SystemExit) as refusal:
        load_settings()
    assert "canary-7d1f" not in str(refusal.value)


def test_a_refused_smtp_url_keeps_its_password_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://stint:canary-7d1f@mail:port")
    with pytest.raises(SystemExit) as refusal:
        load_settings()
    assert "canary-7d1f" not in str(refusal.value)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"HOST": "0.0.0.0", "PORT": "80"}, "http://127.0.0.1:80"),  # noqa: S104 - not listened on
        ({"HOST": "::1"}, "http://[::1]:8000"),
        ({"PUBLIC_URL": "https://stint.example.org/app"}, "https://stint.example.org/app"),
    ],
)
def test_links_lead_where_the_settings_say(
    environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().site_url == url


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert load_settings().port == 8000


def test_settings_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", f"canary-{GOOD_KEY}")
    assert "canary" not in repr(load_settings())


def test_a_generated_key_survives_a_restart(tmp_path: Path) -> None:
    first, second = (Settings(data_dir=tmp_path / "data", secret_key=None) for _ in range(2))
    assert first.signing_key == second.signing_key
    assert len(first.signing_key) >= 32


def test_a_generated_key_is_for_its_owner_only(tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path / "data", secret_key=None).signing_key
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("log_format", "environment", "as_json"),
    [
        ("auto", "production", True),
        ("auto", "development", False),
        ("json", "development", True),
        ("console", "production", False),
    ],
)
def test_logs_are_json_in_production_or_when_asked_for(
    log_format: Literal["auto", "json", "console"],
    environment: Literal["production", "development"],
    as_json: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    options = Settings(
        environment=environment,
        log_format=log_format,
        secret_key=GOOD_KEY,
        password_memory_kib=19_456,
    )
    assert options.json_logs is as_json


@pytest.mark.parametrize("path", ["", "/", "/otlp", "/otlp/"])
def test_where_traces_go_may_end_with_a_slash(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:4318{path}")
    expected = f"http://127.0.0.1:4318{path}".removesuffix("/")
    assert load_settings().otel_exporter_otlp_endpoint == expected


def test_what_a_platform_tells_all_who_trace_stops_nobody_who_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in OF_A_PLATFORM.items():
        monkeypatch.setenv(name, value)
    assert load_settings().otel_traces_sampler_arg == 1.0


@pytest.mark.parametrize("share", ["1.5", "half", OF_A_PLATFORM["OTEL_TRACES_SAMPLER_ARG"]])
def test_who_traces_is_told_of_a_wrong_share(share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    with pytest.raises(SystemExit, match=r"^stint: bad setting: OTEL_TRACES_SAMPLER_ARG: [^\n]+$"):
        load_settings()


@pytest.mark.parametrize("said", ["true", "TRUE"])
def test_traces_that_are_disabled_go_nowhere(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv("OTEL_SDK_DISABLED", said)
    assert load_settings().otel_exporter_otlp_endpoint is None


BAD_NUMBERS = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "-1",
    "OTEL_BSP_MAX_QUEUE_SIZE": "63",
    "OTEL_BSP_SCHEDULE_DELAY": "0",
}


@pytest.mark.parametrize(("name", "value"), BAD_NUMBERS.items())
def test_numbers_that_stop_traces_stop_only_who_traces(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    load_settings()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    with pytest.raises(SystemExit, match=rf"^stint: bad setting: {name} must be a whole number, "):
        load_settings()


def test_blanks_around_a_setting_count_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    url, token = "postgresql://stint@localhost/stint", "a-token-of-prometheus"
    for name, value in {"DATABASE_URL": url, "METRICS_TOKEN": token, "PORT": "81"}.items():
        monkeypatch.setenv(name, f" {value}\r")
    monkeypatch.setenv("PUBLIC_URL", " ")
    found = load_settings()
    assert found.database_url is not None
    assert found.metrics_token is not None
    assert found.database_url.get_secret_value() == url
    assert found.metrics_token.get_secret_value() == token
    assert (found.port, found.public_url) == (81, None)


def test_traces_without_their_packages_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("config.version", find)
    with pytest.raises(ValidationError) as refused:
        Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318")
    told = f"{sys.executable} -m pip install --require-hashes -r requirements-tracing.txt"
    assert told in str(refused.value)
    assert (PROJECT_DIR / "requirements-tracing.txt").is_file()
