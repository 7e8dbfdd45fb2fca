"""Every setting of the service, read once from the environment and `.env`."""

import os
import re
import secrets
import sys
from email.utils import formataddr, parseaddr
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

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
SECRET_KEY_MIN_VARIETY = 8  # different characters; what is drawn at random has more
MAKE_A_KEY = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
TRACE_BATCH = 64  # spans: to encode so many takes the event loop of a web process 2 ms
TRACE_NUMBERS = r"OTEL_(BSP_\w+|\w+_(COUNT|LENGTH)_LIMIT)"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SMTP_URL = (
    r"(?P<scheme>smtp|smtps|smtp\+plain)://"
    r"((?P<user>[^:@/]+)(:(?P<password>[^:@/]+))?@)?"
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?"
)


def _check_api_prefix(prefix: str) -> str:
    if prefix and re.fullmatch(r"(/[A-Za-z0-9._-]+)+", prefix) is None:
        raise ValueError("must start with a slash and not end with one, like /api/v1")
    return prefix


def _check_database_url(url: SecretStr) -> SecretStr:
    if re.match(r"postgres(ql|ql\+psycopg)?://", url.get_secret_value()) is None:
        raise ValueError(
            "must name a PostgreSQL database, like postgresql://user:password@host:5432/stint"
        )
    return url


def _check_redis_url(url: SecretStr) -> SecretStr:
    if re.fullmatch(r"(rediss?|unix)://[^\s]+", url.get_secret_value()) is None:
        raise ValueError("must be like redis://user:password@host:6379/0")
    return url


def _split(names: object) -> object:
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    return names


def _check_origin(origin: str) -> str:
    if origin == "*":
        raise ValueError(
            "must name each site: with * any page could act for whoever is signed in; "
            "list them like https://app.example.org"
        )
    if re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", origin) is None:
        raise ValueError("must be origins like https://app.example.org, without a path")
    return origin


def _check_public_url(url: str) -> str:
    if re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*", url) is None:
        raise ValueError("must be an address like https://stint.example.org, without a final slash")
    return url


def _is_in_the_open(url: str) -> bool:
    """Tell whether people on the way can read along; on this very machine there is nobody."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK


def _check_sender(sender: str) -> str:
    name, address = parseaddr(sender)
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", address) or not sender.isprintable():
        raise ValueError("must be an e-mail address, like Stint <stint@example.org>")
    return formataddr((name, address))


def _check_smtp_url(url: SecretStr) -> SecretStr:
    parts = re.fullmatch(SMTP_URL, url.get_secret_value())
    if parts is None or (parts["user"] is None) != (parts["password"] is None):
        raise ValueError("must be like smtps://user:password@host:465 or smtp://host:587")
    if parts["scheme"] == "smtp+plain" and parts["user"] is not None:
        raise ValueError("takes no password with smtp+plain, which would not be encrypted")
    return url


def _check_issuer(issuer: str) -> str:
    if re.fullmatch(r"https?://[!-~]+", issuer) is None or "?" in issuer or "#" in issuer:
        raise ValueError("must be an address like https://login.example.org")
    return issuer


def _check_rate(rate: str) -> str:
    if rate != "off" and re.fullmatch(r"[1-9][0-9]* per (second|minute|hour|day)", rate) is None:
        raise ValueError("must be like 600 per minute, or off")
    return rate


def _check_collector(url: str) -> str:
    if re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?", url) is None:
        raise ValueError("must be an address like http://127.0.0.1:4318")
    try:
        version("opentelemetry-exporter-otlp-proto-http")
    except PackageNotFoundError:
        raise ValueError(
            "needs more packages; leave it empty, or get them with: "
            f"{sys.executable} -m pip install --require-hashes -r requirements-tracing.txt"
        ) from None
    return url.removesuffix("/")


def _check_network(network: str) -> str:
    try:
        return str(ip_network(network))
    except ValueError:
        raise ValueError("must be networks like 10.0.0.0/8, without host bits") from None


Network = Annotated[str, AfterValidator(_check_network)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Rate = Annotated[str, AfterValidator(_check_rate)]


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
    old_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="earlier values, separated by commas; they read what they once encrypted",
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    public_url: Annotated[str, AfterValidator(_check_public_url)] | None = Field(
        None, description="where people reach the service, for links; http://HOST:PORT when unset"
    )
    web_concurrency: PositiveInt = Field(2, description="number of web worker processes")
    api_prefix: Annotated[str, AfterValidator(_check_api_prefix)] = Field(
        "/api/v1", description="where the API is mounted"
    )
    trusted_proxies: NonNegativeInt = Field(
        0,
        description="how many proxies in front set X-Forwarded-For, -Proto and -Host; "
        "those headers count for nothing where there are none",
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

    worker_jobs: PositiveInt = Field(
        4, description="jobs that a worker process does at once: letters, reminders, clearing up"
    )
    worker_webhooks: PositiveInt = Field(
        10, description="webhooks that a worker process calls at once, besides"
    )

    webhook_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="networks that webhooks may reach beside the internet, like 10.0.0.0/8, "
        "separated by commas",
    )
    webhook_http: bool = Field(False, description="whether webhooks may go without encryption")
    webhook_seconds: PositiveFloat = Field(15, description="how long a webhook's receiver may take")

    redis_url: Annotated[SecretStr, AfterValidator(_check_redis_url)] | None = Field(
        None, description="carries hints between processes; PostgreSQL does where it is unset"
    )
    event_days: PositiveInt = Field(
        30, description="how long a client may be away and still be told exactly what it missed"
    )
    socket_connections: PositiveInt = Field(
        10_000, description="connections that a worker process holds at once, sockets included"
    )
    sockets_per_user: PositiveInt = Field(
        50, description="sockets that one user may have open at each worker"
    )
    socket_buffer_bytes: PositiveInt = Field(
        2_097_152, description="what may wait for a slow reader before its socket is closed"
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), description="other sites whose pages may use the service, separated by commas"
    )

    mail_from: Annotated[str, AfterValidator(_check_sender)] = Field(
        "Stint <stint@localhost>", description="who e-mail comes from"
    )
    smtp_url: Annotated[SecretStr, AfterValidator(_check_smtp_url)] | None = Field(
        None,
        description="sends e-mail: smtps://user:password@host, smtp:// for STARTTLS, "
        "smtp+plain:// without TLS",
    )
    sendgrid_api_key: SecretStr | None = Field(
        None,
        description="sends e-mail where SMTP_URL is unset; "
        "without either it becomes files in DATA_DIR/mail",
    )

    access_token_minutes: PositiveInt = Field(15, description="lifetime of an access token")
    refresh_token_days: PositiveInt = Field(
        30, description="lifetime of a session unless refreshed"
    )
    session_days: PositiveInt = Field(
        90, description="lifetime of a session however often it is refreshed"
    )
    principal_cache_seconds: PositiveFloat = Field(
        1, le=60, description="how long a worker trusts a session before it looks again"
    )
    password_memory_kib: int = Field(
        19_456, ge=8, description="argon2id memory per hash; the OWASP minimum by default"
    )
    attempts_per_account: PositiveInt = Field(
        10, description="failed attempts to sign in that are checked for one account in a while"
    )
    attempts_per_address: PositiveInt = Field(
        50, description="the same for one network address; letters asked for and sign-ups likewise"
    )
    attempt_minutes: PositiveInt = Field(15, description="how long that while is")
    rate_limit_reads: Rate = Field(
        "600 per minute",
        description="requests of one user or, unknown, one address that read; off for no limit; "
        "counted by each worker alone where REDIS_URL is unset",
    )
    rate_limit_writes: Rate = Field("300 per minute", description="the same that write")
    rate_limit_sign_ins: Rate = Field(
        "60 per minute", description="the same that sign in, sign up or refresh"
    )
    rate_limit_transfers: Rate = Field(
        "60 per hour", description="the same that import or export everything"
    )
    rate_limit_messages: Rate = Field(
        "60 per hour", description="messages of one user to others, which may go by mail"
    )
    idempotency_hours: PositiveInt = Field(24, description="how long an Idempotency-Key is kept")

    google_client_id: str | None = Field(None, description="lets people sign in with Google")
    google_client_secret: SecretStr | None = Field(None, description="what Google gave with it")
    github_client_id: str | None = Field(None, description="lets people sign in with GitHub")
    github_client_secret: SecretStr | None = Field(None, description="what GitHub gave with it")
    oidc_issuer: Annotated[str, AfterValidator(_check_issuer)] | None = Field(
        None, description="lets people sign in with this OpenID provider, by its exact issuer"
    )
    oidc_client_id: str | None = Field(None, description="how that provider knows this service")
    oidc_client_secret: SecretStr | None = Field(
        None, description="what that provider gave with it, if it asks for a secret"
    )
    oidc_name: str = Field("OpenID", description="what people call that provider")
    audit_days: PositiveInt = Field(
        365, description="how long it is kept who signed in and who changed who belongs to what"
    )

    flask_debug: bool = Field(
        False, description="lets `flask run` show tracebacks; refused in production"
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="what Prometheus sends to read /metrics, which is closed while this is unset",
    )
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_check_collector)] | None = Field(
        None,
        description="where traces go: a collector of OpenTelemetry, like http://127.0.0.1:4318; "
        "needs requirements-tracing.txt",
    )
    otel_sdk_disabled: bool = Field(
        False, description="whether that is to count for nothing, as if it were unset"
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="what it wants to see with them, like authorization=Bearer%20secret"
    )
    otel_service_name: str = Field("stint", description="what this installation is called in them")
    otel_traces_sampler_arg: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of the traces that begin here that are recorded; of those that callers "
        "began, what they say holds",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe log line written"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto writes JSON in production and readable lines elsewhere"
    )

    @model_validator(mode="before")
    @classmethod
    def overlook_what_means_nothing(cls, given: dict[str, object]) -> dict[str, object]:
        """Nobody sees blanks around, but a key is what it is; and platforms tell all who trace."""
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        texts.pop("secret_key", None)
        given |= {name: value.strip() for name, value in texts.items()}
        nothing = {name for name, value in texts.items() if value.isspace()}
        if str(given.get("otel_sdk_disabled")).lower() == "true":
            nothing.add("otel_exporter_otlp_endpoint")
        if "otel_exporter_otlp_endpoint" not in given.keys() - nothing:
            nothing |= {"otel_traces_sampler_arg", "otel_sdk_disabled"}
        return {name: value for name, value in given.items() if name not in nothing}

    @model_validator(mode="after")
    def refuse_what_stops_traces(self) -> Self:
        """OpenTelemetry reads these itself, late, and each request would end with its error."""
        for name, value in os.environ.items() if self.otel_exporter_otlp_endpoint else ():
            least = TRACE_BATCH if name == "OTEL_BSP_MAX_QUEUE_SIZE" else "_LIMIT" not in name
            is_number = value.isdecimal() and int(value) >= least
            if value and re.fullmatch(TRACE_NUMBERS, name) and not is_number:
                raise ValueError(f"{name} must be a whole number, {least:d} or more")
        return self

    @model_validator(mode="after")
    def refuse_insecure_values(self) -> Self:
        """Outside development and tests nothing may run on a generated or weak secret."""
        self._refuse_unfit_key()
        if self.environment == "production":
            if self.secret_key is None:
                raise ValueError(f"SECRET_KEY must be set in production; {MAKE_A_KEY}")
            if len(set(self.secret_key.get_secret_value())) < SECRET_KEY_MIN_VARIETY:
                raise ValueError(
                    "SECRET_KEY must be random in production: who guesses it can sign in as "
                    f"anybody; {MAKE_A_KEY}"
                )
            if self.password_memory_kib < 19_456:
                raise ValueError(
                    "PASSWORD_MEMORY_KIB must be at least 19456 in production, or stolen hashes "
                    "are guessed too fast"
                )
            if self.flask_debug:
                raise ValueError("FLASK_DEBUG must be off in production, or strangers see code")
            self._refuse_pages_in_the_open()
            self._require_names_for_mail()
        return self

    def _refuse_unfit_key(self) -> None:
        secret = self.secret_key.get_secret_value() if self.secret_key is not None else None
        if secret is not None and len(secret) < SECRET_KEY_MIN_LENGTH:
            raise ValueError(
                f"SECRET_KEY must have at least {SECRET_KEY_MIN_LENGTH} characters; {MAKE_A_KEY}"
            )
        if secret is not None and ("," in secret or secret != secret.strip()):
            raise ValueError(
                "SECRET_KEY must have no comma, and no blank at its ends, or OLD_SECRET_KEYS "
                f"could not list it one day; {MAKE_A_KEY}"
            )

    def _refuse_pages_in_the_open(self) -> None:
        """Cookies and tokens go with pages: over plain HTTP everybody on the way reads them."""
        for name, urls in (
            ("PUBLIC_URL", (self.public_url,) if self.public_url else ()),
            ("CORS_ORIGINS", self.cors_origins),
        ):
            if any(_is_in_the_open(url) for url in urls):
                raise ValueError(
                    f"{name} must be https in production, or everybody on the way reads the cookies"
                )

    def _require_names_for_mail(self) -> None:
        """Links to this very machine, from nobody, are of no use to people elsewhere."""
        for name in ("public_url", "mail_from"):
            if (self.smtp_url or self.sendgrid_api_key) and name not in self.model_fields_set:
                raise ValueError(f"{name.upper()} must be set in production to send e-mail")

    @model_validator(mode="after")
    def refuse_unsafe_sign_on(self) -> Self:
        """Whoever could read or change what goes to and fro could sign in as anybody."""
        providers = {
            "GOOGLE_CLIENT_SECRET": (self.google_client_id, self.google_client_secret),
            "GITHUB_CLIENT_SECRET": (self.github_client_id, self.github_client_secret),
            "OIDC_CLIENT_ID": (self.oidc_issuer, self.oidc_client_id),
        }
        for missing, (known, needed) in providers.items():
            if known is not None and needed is None:
                raise ValueError(f"{missing} must be set too, or people cannot sign in there")
        used = any(known is not None for known, _ in providers.values())
        if used and self.environment == "production":
            for name, url in (("PUBLIC_URL", self.site_url), ("OIDC_ISSUER", self.oidc_issuer)):
                if url is not None and not url.startswith("https://"):
                    raise ValueError(f"{name} must be set and https in production, to sign in by")
        return self

    @cached_property
    def signing_key(self) -> str:
        """SECRET_KEY, or outside production a random key kept in DATA_DIR across restarts."""
        if self.secret_key is not None:
            return self.secret_key.get_secret_value()
        return _read_or_create_secret(self.data_dir / "secret_key")

    @property
    def site_url(self) -> str:
        """PUBLIC_URL, or where a browser on this machine finds the service; never a client's word.

        It ends without a slash.
        """
        if self.public_url is not None:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - what to call instead of it
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

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
