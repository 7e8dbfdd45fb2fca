"""Every setting of the service, read once from the environment and `.env`."""

import os
import re
import secrets
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent
# Tests and checks name another file here, to be free of a developer's own settings.
ENV_FILE = os.environ.get("ENV_FILE", PROJECT_DIR / ".env")
SECRET_KEY_MIN_LENGTH = 32


def _check_api_prefix(prefix: str) -> str:
    if prefix and re.fullmatch(r"(/[A-Za-z0-9._-]+)+", prefix) is None:
        raise ValueError("must start with a slash and not end with one, like /api/v1")
    return prefix


def _check_database_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(
        ("postgresql://", "postgres://", "postgresql+psycopg://")
    ):
        raise ValueError(
            "must name a PostgreSQL database, like postgresql://user:password@host:5432/stint"
        )
    return url


def _split(names: object) -> object:
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return names


def _check_origin(origin: str) -> str:
    if re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin) is None:
        raise ValueError("must be origins like https://app.example.org, without a path")
    return origin


Origin = Annotated[str, AfterValidator(_check_origin)]


class Settings(BaseSettings):
    """The one place where a knob is declared; `.env.example` explains each to operators."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Literal["development", "test", "production"] = Field(
        "development", description="production refuses to start with insecure values"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="signs tokens and cursors, at least 32 characters; "
        "made and kept in DATA_DIR outside production",
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    web_concurrency: PositiveInt = Field(2, description="number of web worker processes")
    api_prefix: Annotated[str, AfterValidator(_check_api_prefix)] = Field(
        "/api/v1", description="where the API is mounted"
    )
    request_body_seconds: PositiveFloat = Field(
        30, description="how long a client may take to send one request's body"
    )
    max_body_bytes: PositiveInt = Field(1_048_576, description="largest JSON body accepted")
    max_import_bytes: PositiveInt = Field(20_971_520, description="largest import file accepted")

    data_dir: Path = Field(
        PROJECT_DIR / ".data", description="where the embedded PostgreSQL and generated keys live"
    )
    database_url: Annotated[SecretStr, AfterValidator(_check_database_url)] | None = Field(
        None, description="PostgreSQL 15 or newer; the embedded PostgreSQL is started when unset"
    )
    database_pool_size: PositiveInt = Field(15, description="connections per worker process")
    database_connect_seconds: PositiveInt = Field(3, description="give up connecting after this")
    database_statement_ms: NonNegativeInt = Field(5_000, description="longest single statement")
    database_lock_ms: NonNegativeInt = Field(2_000, description="longest wait for a row lock")
    database_idle_transaction_ms: NonNegativeInt = Field(
        10_000, description="longest pause inside a transaction"
    )
    database_transaction_ms: NonNegativeInt = Field(
        30_000, description="longest transaction, where the server is PostgreSQL 17 or newer"
    )

    redis_url: SecretStr | None = Field(
        None, description="carries hints between processes; PostgreSQL does where it is unset"
    )
    event_days: PositiveInt = Field(
        30, description="how long a client may be away and still be told exactly what it missed"
    )
    socket_connections: PositiveInt = Field(
        10_000, description="connections that a worker process holds at once, sockets included"
    )
    socket_buffer_bytes: PositiveInt = Field(
        2_097_152, description="what may wait for a slow reader before its socket is closed"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="other sites whose pages may use the service, separated by commas"
    )

    access_token_minutes: PositiveInt = Field(15, description="lifetime of an access token")
    refresh_token_days: PositiveInt = Field(
        30, description="lifetime of a session unless refreshed"
    )
    principal_cache_seconds: PositiveFloat = Field(
        1, le=60, description="how long a worker trusts a session before it looks again"
    )
    password_memory_kib: int = Field(
        19_456, ge=8, description="argon2id memory per hash; the OWASP minimum by default"
    )
    idempotency_hours: PositiveInt = Field(24, description="how long an Idempotency-Key is kept")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe log line written"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto writes JSON in production and readable lines elsewhere"
    )

    @model_validator(mode="after")
    def refuse_insecure_values(self) -> Self:
        """Outside development and tests nothing may run on a generated or weak secret."""
        if self.secret_key is not None:
            secret = self.secret_key.get_secret_value()
            if len(secret) < SECRET_KEY_MIN_LENGTH:
                raise ValueError(
                    f"SECRET_KEY must have at least {SECRET_KEY_MIN_LENGTH} characters; "
                    "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
                )
        if self.environment == "production":
            if self.secret_key is None:
                raise ValueError(
                    "SECRET_KEY must be set in production; "
                    "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
                )
            if self.password_memory_kib < 19_456:
                raise ValueError("PASSWORD_MEMORY_KIB must be at least 19456 in production")
        return self

    @cached_property
    def signing_key(self) -> str:
        """SECRET_KEY, or outside production a random key kept in DATA_DIR across restarts."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _read_or_create_secret(self.data_dir / "secret_key")

    @property
    def project_dir(self) -> Path:
        """Where the code, the migrations and the built-in page are."""
        return PROJECT_DIR

    @property
    def json_logs(self) -> bool:
        """True when log lines are for machines."""
        if self.log_format == "auto":
            return self.environment == "production"
        return self.log_format == "json"


def _read_or_create_secret(path: Path) -> str:
    """Return the key in `path`; of several processes that start at once, one makes it."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def load_settings() -> Settings:
    """Read the settings, or say in one line which one is wrong and exit."""
    try:
        return Settings()
    except ValidationError as error:
        sys.exit(_explain(error))


def _explain(error: ValidationError) -> str:
    reasons = []
    for problem in error.errors(include_url=False, include_input=False):
        name = "_".join(str(part) for part in problem["loc"][:1]).upper()
        message = problem["msg"].removeprefix("Value error, ")
        reasons.append(f"{name}: {message}" if name else message)
    return "stint: bad setting: " + "; ".join(reasons)


settings = load_settings()
