"""Mail by SendGrid's web API, version 3."""

from email.utils import parseaddr
from http import HTTPStatus

import requests

from models.mail import Message
from services.mail.transport import MailError
from utils.trace_context import outgoing_headers

BASE_URL = "https://api.sendgrid.com"
CONNECT_SECONDS, ANSWER_SECONDS = 5, 15


class SendGridTransport:
    """Posts each message to SendGrid."""

    def __init__(self, api_key: str, base_url: str = BASE_URL) -> None:
        self._api_key = api_key
        self._url = f"{base_url}/v3/mail/send"

    def send(self, message: Message, sender: str) -> None:
        """Hand a message over to SendGrid."""
        try:
            answer = requests.post(
                self._url,
                json=_body(message, sender),
                headers={"Authorization": f"Bearer {self._api_key}", **outgoing_headers()},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise MailError(f"SendGrid was not reached: {type(error).__name__}") from None
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise MailError(f"SendGrid did not take it: {answer.status_code}")


def _body(message: Message, sender: str) -> dict[str, object]:
    name, address = parseaddr(sender)
    return {
        "personalizations": [{"to": [{"email": message.to}]}],
        "from": {"email": address, "name": name} if name else {"email": address},
        "subject": message.subject,
        "content": [
            {"type": "text/plain", "value": message.text},
            {"type": "text/html", "value": message.html},
        ],
        # Links hold tokens: nobody in between gets to rewrite and count them.
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
