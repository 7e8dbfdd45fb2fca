"""The provider that tests of sign-on use, and a browser to go there with."""

import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from pydantic import SecretStr

from models.identity import ProviderName
from services.identity_providers import identity_providers
from services.sign_on.openid import OpenIdProvider
from services.sign_on.wire import Client
from tests.factories import Person, email_of
from tests.sign_on.fake_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, running_provider

CLIENT = Client(CLIENT_ID, SecretStr(CLIENT_SECRET), "http://localhost/callback")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    """A provider that people can sign in with here, and Ada's account there."""
    account = {
        "sub": uuid.uuid4().hex,
        "email": email_of("Ada"),
        "email_verified": True,
        "name": "Ada Lovelace",
    }
    with running_provider(account) as running:
        known = OpenIdProvider(ProviderName.OIDC, "Example", running.url, CLIENT)
        monkeypatch.setitem(identity_providers, "oidc", known)
        yield running


@pytest.fixture
def ada(app: Flask) -> Person:
    """Ada's browser; nobody is signed in."""
    return Person(app.test_client())
