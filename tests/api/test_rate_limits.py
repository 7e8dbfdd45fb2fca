"""How often one may ask, and what one is told about it."""

import uuid
from types import SimpleNamespace

import pytest
from redis import Redis, RedisError
from werkzeug.test import TestResponse

from api.middleware.rate_limit import kinds_of
from config import Settings, settings
from services.rate_limiter import (
    ProcessCounts,
    RateKind,
    RateLimiter,
    Standing,
    configured_limiter,
)
from tests.api.access_world import with_own_session
from tests.api.conftest import Limiting
from tests.api.rights import contracts
from tests.factories import PASSWORD, Person, email_of, with_token
from tests.records import done, refusal

REDIS = "redis://127.0.0.1:6379/0"
NO_REDIS = "redis://127.0.0.1:1/0"
TOO_MANY = (429, "rate_limited")
DAY = 86_400


def rate_of(answer: TestResponse) -> list[str | None]:
    return [answer.headers.get(f"RateLimit-{name}") for name in ("Limit", "Remaining")]


def from_address(person: Person, path: str, address: str, **body: str) -> TestResponse:
    return person.send(
        "POST", path, headers={}, json=body, environ_overrides={"REMOTE_ADDR": address}
    )


def test_every_answer_tells_how_much_is_left(limiting: Limiting, alice: Person) -> None:
    limiting(reads=3)
    answers = [alice.get("/users/me") for _ in range(3)]
    assert [rate_of(answer) for answer in answers] == [["3", "2"], ["3", "1"], ["3", "0"]]
    assert all(0 < int(answer.headers["RateLimit-Reset"]) <= DAY for answer in answers)


def test_one_request_too_many_is_refused_and_told_when_to_come_again(
    limiting: Limiting, alice: Person
) -> None:
    limiting(reads=2)
    done(alice.get("/users/me"))
    done(alice.get("/tasks"))
    answer = alice.get("/users/me")
    assert refusal(answer) == TOO_MANY
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    assert rate_of(answer) == ["2", "0"]


def test_a_refused_write_writes_nothing(limiting: Limiting, alice: Person) -> None:
    limiting(writes=1)
    done(alice.post("/tasks", {"title": "Write"}))
    assert refusal(alice.post("/tasks", {"title": "Write"})) == TOO_MANY
    assert len(done(alice.get("/tasks"))) == 1


def test_reads_and_writes_are_counted_apart(limiting: Limiting, alice: Person) -> None:
    limiting(reads=1, writes=1)
    done(alice.post("/tasks", {"title": "Write"}))
    done(alice.get("/tasks"))
    assert refusal(alice.get("/tasks")) == TOO_MANY


def test_people_are_counted_apart(limiting: Limiting, alice: Person, bob: Person) -> None:
    limiting(reads=1)
    done(alice.get("/tasks"))
    done(bob.get("/tasks"))


def test_all_sessions_of_somebody_are_counted_together(
    limiting: Limiting, alice: Person, database: str
) -> None:
    elsewhere = with_own_session(database, alice)
    limiting(reads=1)
    done(alice.get("/tasks"))
    assert refusal(elsewhere.get("/tasks")) == TOO_MANY


def test_who_is_not_signed_in_is_counted_by_address(
    limiting: Limiting, anonymous: Person, alice: Person
) -> None:
    limiting(reads=1)
    assert anonymous.get("/tasks").status_code == 401
    forged = {"Authorization": "Bearer nonsense"}
    assert refusal(anonymous.get("/users/me", **forged)) == TOO_MANY
    done(alice.get("/tasks"))


def test_a_token_in_the_wrong_network_is_counted_by_address(
    limiting: Limiting, alice: Person
) -> None:
    """Whoever has stolen it asks no more often than anybody else, and costs its owner nothing."""
    thief = with_token(alice, networks=["192.0.2.0/24"])
    limiting(reads=1)
    assert refusal(thief.get("/users/me")) == (403, "network_not_allowed")
    assert refusal(thief.get("/users/me")) == TOO_MANY
    done(alice.get("/users/me"))


def test_signing_in_is_counted_by_network(limiting: Limiting, anonymous: Person) -> None:
    limiting(sign_ins=1)
    email, path = email_of("nobody"), "/auth/login"
    for address in ("2001:db8:1::1", "192.0.2.1"):
        answer = from_address(anonymous, path, address, email=email, password=PASSWORD)
        assert answer.status_code == 401
    neighbour = from_address(anonymous, path, "2001:db8:1::2", email=email, password=PASSWORD)
    assert refusal(neighbour) == TOO_MANY


def test_imports_and_exports_are_counted_together(limiting: Limiting, alice: Person) -> None:
    limiting(transfers=1)
    assert alice.get("/users/me/export").status_code == 200
    assert refusal(alice.post("/imports")) == TOO_MANY


def test_health_is_told_as_often_as_anybody_asks(limiting: Limiting, anonymous: Person) -> None:
    limiting(reads=1)
    for _ in range(3):
        assert anonymous.get("/health").status_code == 200


def test_every_route_that_takes_work_is_counted() -> None:
    uncounted = {
        route
        for route, contract in contracts().items()
        if kinds_of(contract)[not route.startswith("GET")] is None
    }
    assert uncounted == {"GET /health", "GET /health/ready", "GET /auth/providers"}


def test_what_is_off_is_neither_counted_nor_told(limiting: Limiting, alice: Person) -> None:
    limiting()
    for _ in range(3):
        answer = alice.get("/users/me")
        assert answer.status_code == 200
        assert rate_of(answer) == [None, None]


@pytest.mark.parametrize("rate", ["600", "0 per minute", "1.5 per day", "many per day", "5/minute"])
def test_a_rate_that_is_none_is_refused(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMIT_READS", rate)
    with pytest.raises(ValueError, match="must be like 600 per minute, or off"):
        Settings()


# Counting


def test_a_new_window_begins_with_all_of_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000 * 60.0 + 59
    monkeypatch.setattr("services.rate_limiter.time.time", lambda: now)
    limiter = RateLimiter({RateKind.READS: "1 per minute"}, ProcessCounts())
    assert limiter.take(RateKind.READS, "a") == Standing(1, 0, 2, exceeded=False)
    assert limiter.take(RateKind.READS, "a") == Standing(1, 0, 2, exceeded=True)
    now += 1
    assert limiter.take(RateKind.READS, "a") == Standing(1, 0, 61, exceeded=False)


def test_a_process_counts_only_so_many_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rate_limiter.CALLERS_MAX", 3)
    counts = ProcessCounts()
    assert [counts.incr(name, DAY) for name in ("a", "b", "a", "c", "a")] == [1, 1, 2, 1, 1]


@pytest.fixture
def redis() -> str:
    try:
        Redis.from_url(REDIS, socket_connect_timeout=1).ping()
    except RedisError:
        pytest.skip("no Redis answers on 127.0.0.1:6379")
    return REDIS


def limiter_at(redis_url: str) -> RateLimiter:
    """Return what one process would count with."""
    given = {"redis_url": redis_url, "rate_limit_reads": "3 per day"}
    return configured_limiter(Settings.model_validate(settings.model_dump() | given))


def test_processes_that_share_redis_count_together(redis: str) -> None:
    caller = uuid.uuid4().hex
    processes = [limiter_at(redis) for _ in range(2)]
    standings = [process.take(RateKind.READS, caller) for process in processes * 2]
    assert [each and (each.remaining, each.exceeded) for each in standings] == [
        (2, False),
        (1, False),
        (0, False),
        (0, True),
    ]


def test_without_redis_everybody_passes_and_one_line_says_so(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    logger = SimpleNamespace(warning=lambda event, **_: lines.append(event))
    monkeypatch.setattr("services.rate_limiter.logger", logger)
    monkeypatch.setattr("services.rate_limiter.PAUSE_SECONDS", 0)
    monkeypatch.setattr("api.middleware.rate_limit.rate_limiter", limiter_at(NO_REDIS))
    for _ in range(5):
        assert alice.get("/users/me").status_code == 200
    assert lines == ["rate_limits.off"]


def test_counting_goes_on_when_what_counts_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = ProcessCounts()
    limiter = RateLimiter({RateKind.READS: "1 per day"}, counts)
    monkeypatch.setattr(counts, "incr", raising)
    assert limiter.take(RateKind.READS, "a") is None
    monkeypatch.undo()
    assert limiter.take(RateKind.READS, "a") is None  # for a moment nobody asks it
    monkeypatch.setattr("services.rate_limiter.time.monotonic", lambda: 1e12)
    assert limiter.take(RateKind.READS, "a") is not None


def raising(*_: object) -> int:
    raise ConnectionError
