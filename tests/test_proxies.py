"""Behind proxies: what they say of a request counts, and what its sender says does not."""

from collections.abc import Callable, Iterator

import pytest
import requests
from flask import Flask

from api import create_app
from config import settings
from tests.factories import Person, make_token, sign_up
from tests.live.sockets import Sockets
from tests.live.test_sign_in import refused_upgrade
from tests.records import done
from tests.server import Server

PEER = "192.0.2.1"  # whoever the connection comes from
TLS = "Strict-Transport-Security"
HSTS = "max-age=31536000"

Behind = Callable[[int], Flask]


@pytest.fixture
def behind(database: str, monkeypatch: pytest.MonkeyPatch) -> Behind:
    """Makes the application with so many proxies in front."""

    def make(hops: int) -> Flask:
        options = settings.model_copy(update={"trusted_proxies": hops})
        monkeypatch.setattr("api.middleware.proxies.settings", options)
        return create_app()

    return make


def address_seen(app: Flask, forwarded: str) -> str:
    """Sign in through proxies; return the address that the session is said to come from."""
    person = sign_up(app, "Remote")
    person.client.environ_base["REMOTE_ADDR"] = PEER
    credentials = {"email": person.email, "password": "correct horse battery"}
    person.tokens = done(person.post("/auth/login", credentials, X_Forwarded_For=forwarded))
    newest, *_ = done(person.get("/auth/sessions"))
    return str(newest["ip"])


@pytest.mark.parametrize(
    ("hops", "forwarded", "seen"),
    [
        (0, "198.51.100.1", PEER),
        (0, "127.0.0.1", PEER),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1,10.0.0.2,198.51.100.1", "198.51.100.1"),
        (2, "127.0.0.1, 198.51.100.1, 198.51.100.2", "198.51.100.1"),
        (2, "198.51.100.1", PEER),
    ],
)
def test_an_address_counts_only_as_far_as_proxies_were_told_of(
    behind: Behind, hops: int, forwarded: str, seen: str
) -> None:
    assert address_seen(behind(hops), forwarded) == seen


@pytest.mark.parametrize(("hops", "expected"), [(0, None), (1, HSTS)])
def test_tls_is_what_the_proxy_says_it_is(behind: Behind, hops: int, expected: str | None) -> None:
    client = behind(hops).test_client()
    answer = client.get("/health", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers.get(TLS) == expected
    spoofed = client.get("/health", headers={"X-Forwarded-Proto": "https, http"})
    assert spoofed.headers.get(TLS) is None


@pytest.mark.parametrize(("hops", "status"), [(0, 403), (1, 200)])
def test_the_own_origin_is_what_the_proxy_says_it_is(
    behind: Behind, hops: int, status: int
) -> None:
    app = behind(hops)
    person = sign_up(app, "Remote")
    credentials = {"email": person.email, "password": "correct horse battery", "cookies": True}
    done(person.post("/auth/login", credentials))
    person.tokens = {}
    csrf = person.client.get_cookie("__Host-stint_csrf")
    assert csrf is not None
    answer = person.patch(
        "/users/me",
        {"name": "New"},
        Origin="https://stint.example",
        X_Forwarded_Host="stint.example",
        X_CSRF_TOKEN=csrf.value,
    )
    assert answer.status_code == status


# A real server


@pytest.fixture(scope="module")
def proxied(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The application as if one proxy were in front; tests speak as the proxy does."""
    log = tmp_path_factory.mktemp("proxied") / "server.log"
    options = {"TRUSTED_PROXIES": "1", "FORWARDED_ALLOW_IPS": "*", "WEB_CONCURRENCY": "1"}
    with Server.running(log, **options) as running:
        yield running


@pytest.mark.parametrize("name", ["X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Ssl"])
def test_gunicorn_believes_nothing_by_itself(server: Server, name: str) -> None:
    value = "on" if name.endswith("Ssl") else "https"
    answer = requests.get(f"{server.url}/health", headers={name: value}, timeout=10)
    assert (answer.status_code, answer.headers.get(TLS)) == (200, None)


@pytest.mark.parametrize("name", ["Script-Name", "SCRIPT_NAME", "Path-Info", "Remote-User"])
def test_nobody_names_paths_by_header(server: Server, name: str) -> None:
    headers = {name: "/elsewhere"}
    assert requests.get(f"{server.url}/health", headers=headers, timeout=10).status_code == 200


def test_tls_at_the_proxy_is_tls(proxied: Server) -> None:
    headers = {"X-Forwarded-Proto": "https"}
    answer = requests.get(f"{proxied.url}/health", headers=headers, timeout=10)
    assert answer.headers[TLS] == HSTS


def test_own_pages_open_sockets_through_a_proxy_and_others_do_not(
    proxied: Server, app: Flask
) -> None:
    alice: Person = sign_up(app, "Alice")
    told = {"X-Forwarded-Host": "stint.example", "X-Forwarded-Proto": "https"}
    token = {"Authorization": f"Bearer {alice.tokens['access_token']}"}
    with Sockets.at(proxied) as sockets:
        own = sockets.unwelcomed(headers=told | token, origin="https://stint.example")
        assert own.receive("welcome")["user_id"] == alice.id
        for origin in ("https://stint.example.attacker.example", proxied.url, "null"):
            refused = refused_upgrade(sockets, headers=told | token | {"Origin": origin})
            assert refused == 403


def test_what_a_client_adds_before_the_proxy_does_is_not_the_host(
    proxied: Server, app: Flask
) -> None:
    told = {"X-Forwarded-Host": "attacker.example, stint.example"}
    with Sockets.at(proxied) as sockets:
        headers = told | {"Origin": "https://attacker.example"}
        assert refused_upgrade(sockets, headers=headers) == 403


def test_a_token_works_from_its_networks_as_the_proxy_tells_them(
    proxied: Server, app: Flask
) -> None:
    """By request and by socket, whatever its holder wrote in front of that."""
    token = make_token(sign_up(app, "Alice"), networks=["192.0.2.0/24"])["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    inside = {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}
    outside = {"X-Forwarded-For": "192.0.2.7, 198.51.100.1"}
    with Sockets.at(proxied) as sockets:
        for told, status in ((inside, 200), (outside, 403)):
            url = f"{proxied.url}{settings.api_prefix}/users/me"
            assert requests.get(url, headers=told | bearer, timeout=10).status_code == status
            by_header = sockets.unwelcomed(headers=told | bearer)
            by_message = sockets.unwelcomed(headers=told)
            by_message.send("authenticate", token=token)
            for socket in (by_header, by_message):
                if told is inside:
                    socket.receive("welcome")
                else:
                    assert (socket.closed()[0], socket.messages) == (4003, [])
