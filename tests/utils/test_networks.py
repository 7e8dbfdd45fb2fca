"""Networks and the addresses in them."""

from ipaddress import ip_network

import pytest

from utils.networks import lies_in

NETWORKS = [ip_network(each) for each in ("192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32")]


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "192.0.2.255", "2001:db8::1", "198.51.100.7", "::ffff:192.0.2.1"]
)
def test_an_address_lies_in_its_network(address: str) -> None:
    assert lies_in(NETWORKS, address)


@pytest.mark.parametrize(
    "address", ["192.0.3.1", "2001:db9::1", "198.51.100.8", "::ffff:192.0.3.1", "::192.0.2.1"]
)
def test_an_address_of_elsewhere_does_not(address: str) -> None:
    assert not lies_in(NETWORKS, address)


@pytest.mark.parametrize("address", [None, "", "unknown", "192.0.2.1:80", "192.0.2.0/24"])
def test_what_is_no_address_lies_nowhere(address: str | None) -> None:
    assert not lies_in(NETWORKS, address)
