"""Sign-on with a provider that others have written, and the service under gunicorn."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Event
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.factories import email_of
from tests.processes import stop
from tests.proxy import Proxy
from tests.server import Server, free_port
from tests.waiting import wait_until

WORKERS = 2


@dataclass
class Mock:
    """oidc-provider-mock, in a process of its own behind a door."""

    door: Proxy

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.door.port}"

    def know(self, **claims: object) -> str:
        """Make an account there; returns its subject."""
        subject = uuid.uuid4().hex
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=5).raise_for_status()
        return subject


@pytest.fixture(scope="module")
def mock(service: Server, starting: Mock) -> Mock:
    """The provider; it refuses whoever sends no nonce."""
    wait_until(lambda: answers(starting.url))
    return starting


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """The provider, which starts while the service does."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    log = tmp_path_factory.mktemp("provider") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        with Proxy(("127.0.0.1", port)).opened() as door:
            yield Mock(door)
    finally:
        stop(process)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def service(
    database: str, starting: Mock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Two workers that know the provider by their settings alone."""
    log = tmp_path_factory.mktemp("service") / "log"
    settings = {
        "ENVIRONMENT": "development",  # cookies without TLS
        "OIDC_ISSUER": starting.url,
        "OIDC_CLIENT_ID": "stint",
        "OIDC_CLIENT_SECRET": "canary-of-the-client",
        "OIDC_NAME": "Mock",
        "LOG_LEVEL": "DEBUG",
    }
    with Server.running(log, **settings) as running:
        yield running


@pytest.fixture
def browser(service: Server) -> Iterator[requests.Session]:
    """Keeps cookies and connects anew for every request, so to either worker."""
    with requests.Session() as session:
        session.headers["Connection"] = "close"
        yield session


def leave(browser: requests.Session, service: Server, **body: object) -> str:
    answer = browser.post(f"{service.url}/api/v1/auth/sign-on/oidc", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["authorization_url"])


def allow(browser: requests.Session, url: str, **form: str) -> requests.Response:
    """Fill in the provider's form and go wherever that leads."""
    assert "Authorize Client" in browser.get(url, timeout=10).text
    return browser.post(url, data=form, timeout=10)


def me(browser: requests.Session, service: Server) -> requests.Response:
    return browser.get(f"{service.url}/api/v1/users/me", timeout=10)


def test_a_browser_signs_in_and_ends_on_the_page_it_came_from(
    mock: Mock, service: Server, browser: requests.Session
) -> None:
    email = email_of("Ada")
    ada = mock.know(email=email, email_verified=True, name="Ada Lovelace")
    answer = allow(browser, leave(browser, service, cookies=True, return_to="/docs"), sub=ada)
    assert (answer.status_code, answer.url) == (200, f"{service.url}/docs")
    assert [step.status_code for step in answer.history] == [302, 303]
    assert answer.history[1].headers["Cache-Control"] == "no-store"
    assert me(browser, service).json()["email"] == email


def test_a_program_gets_tokens_instead(
    mock: Mock, service: Server, browser: requests.Session
) -> None:
    ada = mock.know(email=email_of("Ada"), email_verified=True, name="Ada")
    answer = allow(browser, leave(browser, service), sub=ada)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    browser.cookies.clear()
    found = browser.get(f"{service.url}/api/v1/users/me", headers=headers, timeout=10)
    assert found.status_code == 200, found.text


def test_an_address_that_the_provider_has_not_verified_is_refused(
    mock: Mock, service: Server, browser: requests.Session
) -> None:
    ada = mock.know(email=email_of("Ada"), email_verified=False)
    answer = allow(browser, leave(browser, service, cookies=True), sub=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "address_unverified")
    assert me(browser, service).status_code == 401


def test_who_denies_it_is_told_so(mock: Mock, service: Server, browser: requests.Session) -> None:
    answer = allow(browser, leave(browser, service, cookies=True), action="deny")
    assert (answer.status_code, answer.json()["code"]) == (400, "sign_on_denied")


def test_the_state_and_the_nonce_of_another_attempt_are_refused(
    mock: Mock, service: Server, browser: requests.Session
) -> None:
    ada = mock.know(email=email_of("Ada"), email_verified=True)
    url = leave(browser, service, cookies=True)
    query = dict(parse_qsl(urlsplit(url).query))
    answer = allow(browser, url.replace(query["state"], "x" * 43), sub=ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "sign_on_other_browser")
    url = leave(browser, service, cookies=True)
    query = dict(parse_qsl(urlsplit(url).query))
    answer = allow(browser, url.replace(query["nonce"], "x" * 43), sub=ada)
    assert (answer.status_code, answer.json()["code"]) == (401, "id_token_invalid")
    assert "nonce" in answer.json()["detail"]
    assert me(browser, service).status_code == 401


def test_no_log_line_holds_what_only_the_browser_and_the_provider_know(
    mock: Mock, service: Server, browser: requests.Session
) -> None:
    ada = mock.know(email=email_of("Ada"), email_verified=True)
    url = leave(browser, service, cookies=True)
    query = dict(parse_qsl(urlsplit(url).query))
    answer = allow(browser, url, sub=ada)
    back = dict(parse_qsl(urlsplit(answer.history[1].url).query))
    log = service.log.read_text()
    secrets = [query["state"], query["nonce"], back["code"], "canary-of-the-client"]
    assert [secret for secret in secrets if secret in log] == []
    assert "/auth/sign-on/<provider>/callback" in log


def test_waiting_for_a_provider_holds_nobody_else_up(mock: Mock, service: Server) -> None:
    browsers = [requests.Session() for _ in range(WORKERS + 1)]
    ways_back = []
    for browser in browsers:
        ada = mock.know(email=email_of("Ada"), email_verified=True)
        url = leave(browser, service)
        sent = browser.post(url, data={"sub": ada}, timeout=10, allow_redirects=False)
        ways_back.append(partial(browser.get, sent.headers["Location"], timeout=30))
    mock.door.cut()
    wait_until(lambda: mock.door.connections == 0)
    opened = Event()
    mock.door.on_answer = lambda _: opened.wait(20)
    with ThreadPoolExecutor(len(browsers)) as pool:
        waiting = [pool.submit(come_back) for come_back in ways_back]
        wait_until(lambda: mock.door.connections > WORKERS, 4)
        assert requests.get(f"{service.url}/api/v1/auth/providers", timeout=4).status_code == 200
        assert not any(each.done() for each in waiting)
        opened.set()
        assert {each.result().status_code for each in waiting} == {200}
    for browser in browsers:
        browser.close()
