"""Network addresses."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

IPV6_SITE_BITS = 64  # what one household or server gets


@lru_cache(1_024)
def site_of(address: str) -> str:
    """Return what one person can hardly change: an IPv4 address, or an IPv6 network."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address  # what a test or a socket in the file system calls itself
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip_network((int(ip), IPV6_SITE_BITS), strict=False))
