"""Which pages passkeys are for, by where people reach the service."""

import pytest

from services.web_authn import WebAuthn


@pytest.mark.parametrize(
    ("site_url", "origin", "name"),
    [
        ("https://stint.example.org", "https://stint.example.org", "stint.example.org"),
        ("https://Stint.example.org:443/work", "https://stint.example.org", "stint.example.org"),
        ("https://stint.example.org:8443", "https://stint.example.org:8443", "stint.example.org"),
        ("http://stint.internal:80", "http://stint.internal", "stint.internal"),
        ("http://127.0.0.1:8000", "http://localhost:8000", "localhost"),
        ("http://[::1]:8000", "http://localhost:8000", "localhost"),
        ("http://localhost:8000", "http://localhost:8000", "localhost"),
    ],
)
def test_a_site_has_one_origin_and_a_name(site_url: str, origin: str, name: str) -> None:
    site = WebAuthn(site_url)
    assert (site.origin, site.name) == (origin, name)
