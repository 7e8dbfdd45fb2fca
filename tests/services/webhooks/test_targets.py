"""Which addresses webhooks may call: none inside the operator's network, whatever it is called."""

import socket
from typing import Any

import pytest

from services.webhooks.caller import WebhookCaller
from services.webhooks.targets import Resolve, TargetGuard, TargetRefusedError, look_up
from tests.factories import Person
from tests.records import Record, refusal

PUBLIC = "93.184.216.34"
NAMED = "https://hooks.example.org/"

# Read by the system itself, as it reads them for every program.
WRITTEN = """
    127.0.0.1 127.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0 localhost
    localhost. foo.localhost LOCALHOST \u2460\u2461\u2466.\u24ea.\u24ea.\u2460 10.1.2.3 0xa.1
    172.16.0.1 172.31.255.255 192.168.1.1 3232235777 169.254.169.254 0xa9fea9fe 100.64.0.1
    100.100.100.200 192.0.0.192 192.0.2.1 198.18.0.1 168.63.129.16 224.0.0.1 240.0.0.1
    255.255.255.255
    [::1] [::] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:a00:1] [::ffff:8.8.8.8] [fe80::1] [fc00::1]
    [fd00:ec2::254] [ff02::1] [64:ff9b::10.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::a00:1]
    [2002:7f00:1::1] [2002:a00:1::1] [2001:0:7f00:1::1] [2001:db8::1] [3fff::1] [5f00::1]
"""

# Of a name server that the attacker keeps.
NAMES: list[list[str]] = [
    ["127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    [PUBLIC, "192.168.0.1"],
    ["2606:2800:220:1::1", "::1"],
    ["::ffff:10.0.0.1"],
    ["64:ff9b::c0a8:1"],
    ["fe80::1%lo"],
    [],
]

MALFORMED = [
    "http://hooks.example.org/",
    "ftp://hooks.example.org/",
    "gopher://127.0.0.1:6379/_INFO",
    "file:///etc/passwd",
    "//hooks.example.org/",
    "https://",
    "https:///path",
    "https://:443/",
    "https://user:password@hooks.example.org/",
    "https://hooks.example.org@127.0.0.1/",
    "https://@hooks.example.org/",
    "https://hooks.example.org\\@127.0.0.1/",
    "https://hooks.example.org%2f@127.0.0.1/",
    "https://hooks.example.org/#@127.0.0.1/",
    "https://hooks.example.org:22/",
    "https://hooks.example.org:0/",
    "https://hooks.example.org:65536/",
    "https://hooks.example.org:x/",
    "https://[::1/",
]


class Network:
    """Keeps who is connected to, and lets nobody in."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def connect(self, address: tuple[str, int], _timeout: float) -> socket.socket:
        self.asked.append(address)
        raise ConnectionRefusedError


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(socket, "create_connection", network.connect)
    return network


def call(url: str, resolve: Resolve = look_up) -> str:
    """Call an address; returns why that failed."""
    answer = WebhookCaller(TargetGuard([], http=False, resolve=resolve), 5).post(url, {}, b"{}")
    assert answer.error is not None
    return answer.error


def test_no_internal_address_is_called_however_it_is_written(network: Network) -> None:
    reasons = {host: call(f"https://{host}/") for host in WRITTEN.split()}
    assert {host: why for host, why in reasons.items() if "WEBHOOK_NETWORKS" not in why} == {}
    assert network.asked == []


def test_no_name_leads_to_an_internal_address(network: Network) -> None:
    for addresses in NAMES:
        call(NAMED, lambda *_, found=addresses: found)
    assert network.asked == []


def test_a_name_server_that_changes_its_mind_gains_nothing(network: Network) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    assert call(NAMED, lambda *_: next(answers)) == "the host refuses connections"
    assert network.asked == [(PUBLIC, 443)]
    assert "WEBHOOK_NETWORKS" in call(NAMED, lambda *_: next(answers))
    assert network.asked == [(PUBLIC, 443)]


def test_each_address_of_a_host_is_tried(network: Network) -> None:
    call("https://hooks.example.org:8443/", lambda *_: ["2606:2800:220:1::1", "64:ff9b::808:808"])
    assert network.asked == [("2606:2800:220:1::1", 8443), ("64:ff9b::808:808", 8443)]


def test_a_name_server_that_does_not_answer_holds_nobody_up(network: Network) -> None:
    def hang(*_: Any) -> list[str]:
        raise TimeoutError

    assert call(NAMED, hang) == "no answer in time"


def test_what_can_be_read_in_two_ways_or_is_no_web_address_is_refused(network: Network) -> None:
    for url in MALFORMED:
        with pytest.raises(TargetRefusedError):
            TargetGuard([], http=False).parse(url)
        call(url)
    assert "WEBHOOK_HTTP=true" in call("http://hooks.example.org/")
    assert network.asked == []


def test_what_the_operator_allows_may_be_called_and_nothing_beside_it(network: Network) -> None:
    guard = TargetGuard(["10.1.0.0/16", "fd00::/8"], http=True, resolve=look_up)
    assert guard.parse("http://10.1.2.3:8080/a?b=c").path == "/a?b=c"
    assert guard.parse("http://[fd00::1]/").authority == "[fd00::1]"
    for host in ("10.2.0.1", "127.0.0.1", "[::ffff:10.1.2.3]"):
        with pytest.raises(TargetRefusedError):
            guard.parse(f"http://{host}/")
    with pytest.raises(TargetRefusedError, match=r"https:// or http://\.$"):
        guard.parse("ftp://10.1.2.3/")


def test_whoever_gives_such_an_address_is_told_so(alice: Person, project: Record) -> None:
    path = f"/projects/{project['id']}/webhooks"
    for host in ("10.0.0.1", "0xa9fea9fe", "[::1]"):
        assert refusal(alice.post(path, {"url": f"https://{host}/"})) == (400, "address_refused")
    webhook = alice.post(path, {"url": NAMED}).get_json()
    changed = alice.patch(f"/webhooks/{webhook['id']}", {"url": "https://192.168.1.1/"})
    assert refusal(changed) == (400, "address_refused")
