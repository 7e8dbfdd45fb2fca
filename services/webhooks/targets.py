"""Which addresses may be called: what people give must not lead into the operator's network.

An address is looked up anew for each call, and the call goes to the very address that was checked:
a name server that answers differently the next time gains nothing.
"""

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urlsplit

from utils.errors import BadRequestError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], list[str]]

PORTS = {"https": 443, "http": 80}
FREE_PORTS = 1_024  # below, only the ports of the web
LOOKUPS_AT_ONCE = 64

BY_HTTP = "The address must begin with https:// or http://."
BY_HTTPS = "The address must begin with https://; the operator may allow http by WEBHOOK_HTTP=true."

# The special-purpose registries of IANA (RFC 6890), multicast, what is reserved, and the address
# by which a large cloud serves its machines' secrets.
NOT_PUBLIC_V4 = [
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
# Nothing else of version 6 is global unicast; of that, no protocol's own addresses (Teredo among
# them), no documentation and no 6to4.
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = [
    IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
NAT64 = IPv6Network("64:ff9b::/96")  # how networks without version 4 reach it


class TargetRefusedError(BadRequestError):
    """An address that is not to be called."""

    default_code = "address_refused"


@dataclass(frozen=True, slots=True)
class Target:
    """What to call, taken apart once; nothing reads the address in another way later."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_public(address: Address) -> bool:
    """Tell whether an address is global unicast, that of one machine on the internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in PUBLIC_V6 and not any(address in network for network in NOT_PUBLIC_V6)


def look_up(host: str, port: int) -> list[str]:
    """Return all addresses of a host; numbers in any form are read as the system reads them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class TargetGuard:
    """Says what may be called: the internet by https, and what the operator allows besides."""

    def __init__(self, networks: Iterable[str], *, http: bool, resolve: Resolve = look_up) -> None:
        self._networks = [ip_network(each) for each in networks]
        self._schemes = ("https", "http") if http else ("https",)
        self._scheme_wanted = BY_HTTP if http else BY_HTTPS
        self._resolve = resolve
        # A name server may take longer than a call may; its thread comes back by itself.
        self._lookups = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

    def parse(self, url: str) -> Target:
        """Take an address apart; names are not looked up yet.

        TargetRefusedError where it shows already that it must not be called.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise TargetRefusedError("This is no address; send one like https://...") from None
        self._check_form(url, parts)
        target = Target(
            parts.scheme,
            parts.hostname or "",
            PORTS[parts.scheme] if port is None else port,
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        )
        if target.port not in PORTS.values() and target.port < FREE_PORTS:
            raise TargetRefusedError("Use port 443 or 80, or one from 1024 on.")
        if (written := _written(target.host)) is not None:
            self._require_allowed([written])
        return target

    def _check_form(self, url: str, parts: SplitResult) -> None:
        if parts.scheme not in self._schemes:
            raise TargetRefusedError(self._scheme_wanted)
        if not parts.hostname or "\\" in url or "%" in parts.netloc:
            raise TargetRefusedError("The address names no host; send one like https://...")
        if parts.username is not None or parts.password is not None:
            raise TargetRefusedError(
                "Leave user and password out of the address; messages are signed instead."
            )
        if parts.fragment:
            raise TargetRefusedError("Leave out what comes after #; it is never sent.")

    def addresses_of(self, target: Target, seconds: float) -> list[str]:
        """Look a host up; TargetRefusedError unless each of its addresses may be called.

        OSError where it has none, TimeoutError where that takes longer than `seconds`.
        """
        found = self._lookups.submit(self._resolve, target.host, target.port).result(seconds)
        if not found:
            raise OSError("the host has no address")
        self._require_allowed(found)
        return found

    def _require_allowed(self, addresses: Iterable[str]) -> None:
        for each in addresses:
            address = ip_address(each)
            if not is_public(address) and not any(address in net for net in self._networks):
                raise TargetRefusedError(
                    "The host is not on the internet; the operator may allow its network in "
                    "WEBHOOK_NETWORKS."
                )


def _written(host: str) -> str | None:
    """Return the address that a host is written as: in numbers, also of old forms, or localhost."""
    if f".{host}".rstrip(".").endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
