"""The receiver in docs/webhooks.rst does what it says."""

import re
from textwrap import dedent
from typing import Any

from config import PROJECT_DIR
from services.webhooks.signing import new_secret, signed_headers
from utils.helpers import utc_now

BODY = b'{"seq": 17, "type": "task.created"}'


def test_the_receiver_to_copy_takes_what_is_signed_once(capsys: Any) -> None:
    document = (PROJECT_DIR / "docs" / "webhooks.rst").read_text()
    found = re.search(r"^    from flask import.*?^(?=\S)", document, re.DOTALL | re.MULTILINE)
    assert found is not None
    secret = new_secret()
    names: dict[str, Any] = {"__name__": __name__}
    exec(dedent(found[0]).replace("whsec_...", secret), names)  # noqa: S102 - our own
    client = names["app"].test_client()
    headers = signed_headers("one", utc_now(), BODY, [new_secret(), secret])
    bodies = (BODY, BODY, BODY + b" ")
    statuses = [client.post("/stint", data=each, headers=headers).status_code for each in bodies]
    assert statuses == [204, 204, 401]
    assert capsys.readouterr().out == "17 task.created\n"
