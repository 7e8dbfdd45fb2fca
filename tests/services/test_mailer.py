"""Letters: how they are written, and the ways in which they leave."""

import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from config import settings
from models.mail import Letter, Message
from services.mail import file_transport
from services.mail.file_transport import FileTransport
from services.mail.mime import to_mime
from services.mail.sendgrid_transport import SendGridTransport
from services.mail.smtp_transport import SmtpTransport
from services.mail.transport import MailError, NoTransport, Transport
from services.mailer import SUBJECTS, Mailer, configured_transport
from services.notification_letter_service import Line
from tests.letters import read
from tests.relays import PASSWORD, USER, check_login, make_certificate, relay, web_api
from tests.server import free_port

TOKEN = "t0k-en_" * 6 + "x"
ADA = "ada@example.org"
SENDER = "Stint <stint@example.org>"
LINE = Line("Ada writes", "<b>Milk</b>", "Buy\nsome <i>now</i>", "", "https://stint.example/#/x")
MESSAGE = Message(ADA, "Hello", "Dear Ada,\n\n.\n\nGood-bye\n", "<p>Dear Ada</p>\n")
LOGIN = f"{USER}:{quote(PASSWORD)}"

# aiosmtpd knows of TLS only where it came by STARTTLS.
knows_smtps = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

Certificate = tuple[ssl.SSLContext, ssl.SSLContext]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """What a relay shows, and what a client that trusts it knows."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class Kept:
    """A transport that keeps letters."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message, _sender: str) -> None:
        self.messages.append(message)


def write(letter: Letter, to: str = ADA, **values: Any) -> Message:
    kept = Kept()
    known: dict[str, Any] = {"name": "Ada", "token": TOKEN, "new_email": "new@example.org"}
    known |= {"line": LINE, "lines": [LINE]}
    options = settings.model_copy(update={"public_url": "https://stint.example"})
    Mailer(kept, options).send(letter, to, **(known | values))
    (message,) = kept.messages
    return message


# Written


@pytest.mark.parametrize("letter", Letter)
def test_every_letter_says_the_same_in_text_and_html(letter: Letter) -> None:
    message = write(letter)
    assert message.subject == SUBJECTS[letter]
    for body in (message.text, message.html):
        assert "Hello Ada," in body
        assert "https://stint.example" in body
    assert (TOKEN in message.text) == (TOKEN in message.html)


@pytest.mark.parametrize(
    ("letter", "action"),
    [
        (Letter.VERIFY, "verify"),
        (Letter.RESET, "reset"),
        (Letter.CHANGE_OLD, "verify"),
        (Letter.CHANGE_NEW, "verify"),
    ],
)
def test_a_token_comes_as_a_link_and_alone(letter: Letter, action: str) -> None:
    message = write(letter)
    assert f"https://stint.example/#{action}={TOKEN}" in message.text.splitlines()
    assert TOKEN in message.text.splitlines()
    assert f'<a href="https://stint.example/#{action}={TOKEN}">' in message.html


@pytest.mark.parametrize("letter", Letter)
def test_a_letter_to_nobody_in_particular_greets_nobody(letter: Letter) -> None:
    message = write(letter, name=None)
    assert message.text.startswith("Hello,\n")
    assert "<p>Hello,</p>" in message.html


@pytest.mark.parametrize("letter", Letter)
def test_a_name_is_no_html(letter: Letter) -> None:
    message = write(letter, name='<script>"&', new_email='<a href="//evil">@example.org')
    assert "Hello &lt;script&gt;&#34;&amp;," in message.html
    assert "//evil" not in message.html.replace("&lt;a href=&#34;//evil&#34;&gt;", "")
    assert 'Hello <script>"&,' in message.text


@pytest.mark.parametrize("letter", [Letter.NOTIFICATION, Letter.DIGEST])
def test_what_is_not_asked_for_says_where_to_turn_it_off(letter: Letter) -> None:
    message, url = write(letter), "https://stint.example/api/v1/users/me/notification-preferences"
    assert url in message.text.splitlines()
    assert url in message.html


def test_a_message_is_quoted_and_no_html() -> None:
    message = write(Letter.NOTIFICATION)
    assert "\n> Buy\n> some <i>now</i>\n" in message.text
    assert "Buy\nsome &lt;i&gt;now&lt;/i&gt;" in message.html
    assert "&lt;b&gt;Milk&lt;/b&gt;</a>" in message.html


def test_a_subject_is_one_line_whatever_it_is_of() -> None:
    line = replace(LINE, title="Milk\r\nBcc: eve@example.org\x00" + "x" * 500)
    assert line.subject.startswith("Ada writes: Milk Bcc: eve@example.org x")
    assert line.subject.isprintable()
    assert len(line.subject) <= 150


def test_a_letter_that_lacks_something_is_not_sent() -> None:
    kept = Kept()
    with pytest.raises(Exception, match="'token' is undefined"):
        Mailer(kept, settings).send(Letter.VERIFY, ADA, name=None)
    assert kept.messages == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0", "\u2028"])
@pytest.mark.parametrize("header", ["to", "subject"])
def test_nothing_breaks_out_of_a_header(header: str, end: str) -> None:
    parts = {"to": ADA, "subject": "Hello", "text": "", "html": ""}
    parts[header] += f"{end}Bcc: eve@example.org"
    with pytest.raises(ValueError, match="one printable line"):
        Message(**parts)


# By SMTP


def test_a_letter_arrives_by_smtp() -> None:
    with relay() as server:
        SmtpTransport.from_url(f"smtp+plain://127.0.0.1:{server.port}").send(MESSAGE, SENDER)
    (letter,), (envelope,) = server.letters, server.envelopes
    assert (letter.to, letter.subject) == (ADA, "Hello")
    assert (letter.text, letter.html) == (MESSAGE.text, MESSAGE.html)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("stint@example.org", [ADA])
    assert isinstance(envelope.content, bytes)
    assert b"Auto-Submitted: auto-generated" in envelope.content
    assert b"@example.org>" in envelope.content.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]


def test_a_domain_of_another_alphabet_is_written_as_every_relay_knows_it() -> None:
    message = write(Letter.VERIFY, "ada@bücher.example")
    with relay(enable_SMTPUTF8=False) as server:
        SmtpTransport.from_url(f"smtp+plain://127.0.0.1:{server.port}").send(message, SENDER)
    assert server.letters[0].to == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("word", ["Łódź, 東京", "Milk"])
def test_letters_of_all_alphabets_arrive_whole(word: str) -> None:
    message = Message("zoë@example.org", "Grüße", f"{word}\n" + "x" * 2_000 + "\n", "<p>東京\n")
    assert max(map(len, to_mime(message, SENDER).as_bytes().splitlines())) <= 998  # RFC 5322, 2.1.1
    with relay(enable_SMTPUTF8=True) as server:
        SmtpTransport.from_url(f"smtp+plain://127.0.0.1:{server.port}").send(message, SENDER)
    (letter,) = server.letters
    assert (letter.to, letter.subject) == (message.to, message.subject)
    assert (letter.text, letter.html) == (message.text, message.html)


@knows_smtps
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_sent_over_tls_only(certificate: Certificate, scheme: str) -> None:
    serving, trusting = certificate
    options: dict[str, Any] = {
        "smtp": {"tls_context": serving, "require_starttls": True},
        "smtps": {"ssl_context": serving, "auth_require_tls": False},
    }[scheme]
    login: dict[str, Any] = {"authenticator": check_login, "auth_required": True}
    with relay(**options, **login) as server:
        url = f"{scheme}://{LOGIN}@127.0.0.1:{server.port}"
        SmtpTransport.from_url(url, trusting).send(MESSAGE, SENDER)
    assert [letter.to for letter in server.letters] == [ADA]


def test_a_relay_that_offers_no_tls_gets_nothing() -> None:
    with relay() as server:
        url = f"smtp://{LOGIN}@127.0.0.1:{server.port}"
        with pytest.raises(MailError, match="SMTPNotSupportedError"):
            SmtpTransport.from_url(url).send(MESSAGE, SENDER)
    assert server.letters == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: Certificate, scheme: str
) -> None:
    serving, _ = certificate
    names = {"smtp": "tls_context", "smtps": "ssl_context"}
    options: dict[str, Any] = {names[scheme]: serving}
    with relay(**options) as server:
        url = f"{scheme}://127.0.0.1:{server.port}"
        with pytest.raises(MailError, match="SSLCertVerificationError"):
            SmtpTransport.from_url(url).send(MESSAGE, SENDER)
    assert server.letters == []


def test_a_refusal_of_a_relay_is_told_without_its_words() -> None:
    refusal = f"550 {ADA} is not known here, {MESSAGE.subject}"
    with relay(refusal) as server, pytest.raises(MailError) as error:
        SmtpTransport.from_url(f"smtp+plain://127.0.0.1:{server.port}").send(MESSAGE, SENDER)
    assert error.value.detail == "The mail server did not take it: SMTPDataError 550"
    assert error.value.__cause__ is None


def test_a_wrong_password_is_told_without_it(certificate: Certificate) -> None:
    serving, trusting = certificate
    with relay(ssl_context=serving, auth_require_tls=False, authenticator=check_login) as server:
        url = f"smtps://{USER}:canary@127.0.0.1:{server.port}"
        with pytest.raises(MailError) as error:
            SmtpTransport.from_url(url, trusting).send(MESSAGE, SENDER)
    assert error.value.detail == "The mail server did not take it: SMTPAuthenticationError 535"


def test_a_relay_that_is_away_is_an_error() -> None:
    url = f"smtp+plain://127.0.0.1:{free_port()}"
    with pytest.raises(MailError, match="ConnectionRefusedError"):
        SmtpTransport.from_url(url).send(MESSAGE, SENDER)


# By SendGrid


def test_a_letter_leaves_by_sendgrid() -> None:
    with web_api() as api:
        SendGridTransport("canary", api.url).send(MESSAGE, SENDER)
    ((path, authorization, body),) = api.requests
    assert (path, authorization) == ("/v3/mail/send", "Bearer canary")
    sent = json.loads(body)
    assert sent["personalizations"] == [{"to": [{"email": ADA}]}]
    assert sent["from"] == {"email": "stint@example.org", "name": "Stint"}
    assert [part["value"] for part in sent["content"]] == [MESSAGE.text, MESSAGE.html]


def test_sendgrid_is_told_to_leave_links_alone() -> None:
    with web_api() as api:
        SendGridTransport("canary", api.url).send(MESSAGE, SENDER)
    tracking = json.loads(api.requests[0][2])["tracking_settings"]
    assert tracking["click_tracking"] == {"enable": False, "enable_text": False}


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FOUND, HTTPStatus.OK])
def test_what_sendgrid_does_not_take_is_an_error(status: HTTPStatus) -> None:
    with web_api(status) as api, pytest.raises(MailError) as error:
        SendGridTransport("canary", api.url).send(MESSAGE, SENDER)
    assert error.value.detail == f"SendGrid did not take it: {status}"
    assert len(api.requests) == 1


def test_a_sendgrid_that_is_away_is_an_error() -> None:
    transport = SendGridTransport("canary", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(MailError, match=r"^SendGrid was not reached: ConnectionError$"):
        transport.send(MESSAGE, SENDER)


# As files


def test_a_letter_becomes_a_file_for_its_owner_only(tmp_path: Path) -> None:
    FileTransport(tmp_path / "mail").send(MESSAGE, SENDER)
    (path,) = (tmp_path / "mail").iterdir()
    letter = read(path.read_bytes())
    assert (letter.to, letter.text, letter.html) == (ADA, MESSAGE.text, MESSAGE.html)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_log_points_to_the_file_and_tells_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Log:
        def info(self, event: str, **fields: str) -> None:
            lines.append((event, fields))

    lines: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(file_transport, "logger", Log())
    FileTransport(tmp_path).send(MESSAGE, SENDER)
    (path,) = tmp_path.iterdir()
    assert lines == [("mail.written", {"path": str(path)})]


def test_a_link_in_a_file_is_in_one_piece(tmp_path: Path) -> None:
    mailer = Mailer(FileTransport(tmp_path), settings)
    mailer.send(Letter.VERIFY, ADA, name=None, token=TOKEN)
    (path,) = tmp_path.iterdir()
    assert f"{settings.site_url}/#verify={TOKEN}".encode() in path.read_bytes()


# Which way


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({}, FileTransport),
        ({"sendgrid_api_key": SecretStr("canary")}, SendGridTransport),
        ({"smtp_url": SecretStr("smtp://relay:587")}, SmtpTransport),
        (
            {"sendgrid_api_key": SecretStr("canary"), "smtp_url": SecretStr("smtps://relay")},
            SmtpTransport,
        ),
        ({"environment": "production"}, NoTransport),
    ],
)
def test_the_settings_say_which_way_letters_go(
    options: dict[str, object], way: Callable[..., Transport]
) -> None:
    assert type(configured_transport(settings.model_copy(update=options))) is way


def test_in_production_nothing_is_sent_until_it_is_set_up() -> None:
    with pytest.raises(MailError, match="set SMTP_URL or SENDGRID_API_KEY"):
        NoTransport().send(MESSAGE, SENDER)
