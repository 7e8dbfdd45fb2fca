"""Passkeys of a real browser: an authenticator that Chromium plays, and pages where it works."""

from dataclasses import dataclass, replace
from typing import Any, Self

from playwright.sync_api import CDPSession, Page

from tests.server import Server

# A device that checks whose finger it is, and finds that it is the right one.
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# As browsers were that leave it to the page to write what they say.
FORGET_JSON = """
  const known = window.PublicKeyCredential;  // an empty page has none
  delete known?.parseCreationOptionsFromJSON;
  delete known?.parseRequestOptionsFromJSON;
  delete known?.prototype.toJSON;
"""


def by_name(server: Server) -> Server:
    """Return where browsers take passkeys: at a name, and at no address."""
    return replace(server, url=server.url.replace("127.0.0.1", "localhost"))


@dataclass
class VirtualAuthenticator:
    """What holds passkeys for one page."""

    browser: CDPSession
    id: str

    @classmethod
    def of(cls, page: Page) -> Self:
        browser = page.context.new_cdp_session(page)
        browser.send("WebAuthn.enable")
        made = browser.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        return cls(browser, made["authenticatorId"])

    def passkeys(self) -> list[dict[str, Any]]:
        found = self.browser.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def refuse(self) -> None:
        """Find from now on that it is the wrong finger."""
        wrong = {"authenticatorId": self.id, "isUserVerified": False}
        self.browser.send("WebAuthn.setUserVerified", wrong)
