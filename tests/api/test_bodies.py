"""Bodies that cannot be read, and text and numbers that nothing here can hold."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse, encode_multipart

from config import settings
from tests.api.access_world import Guests, Ids, ask, import_form, people, promote
from tests.api.rights import contracts
from tests.factories import PASSWORD, Person, email_of

JSON = "application/json"

MALFORMED = {
    "nothing": b"",
    "half an object": b'{"title": "Write"',
    "no JSON": b"title=Write",
    "more behind it": b'{"title": "Write"} {}',
    "a trailing comma": b'{"title": "Write",}',
    "single quotes": b"{'title': 'Write'}",
    "bytes that are no UTF-8": b'{"title": "\xff"}',
    "half a character": b'{"title": "\xc3"}',
    "UTF-16": '{"title": "Write"}'.encode("utf-16"),
    "half a surrogate pair": rb'{"title": "\ud800"}',
    "a control character": b'{"title": "a\nb"}',
    "brackets without an end": b"[" * 100_000,
    "a number of 5,000 digits": b'{"title": "Write", "metadata": {"n": %s}}' % (b"9" * 5_000),
}

NOT_STORABLE = {
    "NUL": r'"a\u0000b"',
    "NUL in a list": r'["a", ["\u0000"]]',
    "NUL in a name": r'{"a\u0000b": 1}',
    "not a number": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "infinity by its exponent": "1e999",
    "an integer of 65 bits": str(2**63),
    "a negative integer of 65 bits": str(-(2**63)),
    "an integer that no float comes near": "9" * 400,
    "a very long integer": "1" + "0" * 300,
    "too deep a list": "[" * 16 + "]" * 16,
    "too deep an object": '{"a":' * 16 + "1" + "}" * 16,
}

STORABLE: dict[str, Any] = {
    "the largest integer": 2**63 - 1,
    "a float": 1.5e300,
    "text of any alphabet": "日本 ελλ \U0001f600 \u202e \x7f",
    "the deepest list": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]],
    "nothing": None,
    "no and yes": [False, True],
}

TEXTS = [
    ("/tasks", {"title": "a\0b"}),
    ("/tasks", {"title": "Write", "description": "a\0b"}),
    ("/tasks", {"title": "Write", "labels": ["a\0b"]}),
    ("/projects", {"name": "a\0b"}),
    ("/projects", {"name": "Website", "description": "\0"}),
    ("/timer/start", {"note": "a\0b"}),
    ("/users", {"email": email_of("Ada"), "password": PASSWORD, "name": "a\0b"}),
    ("/users", {"email": "a\0b@example.org", "password": PASSWORD, "name": "Ada"}),
    ("/users", {"email": email_of("Ada"), "password": PASSWORD, "name": "Ada", "timezone": "U\0"}),
]


def send(person: Person, body: bytes, content_type: str = JSON) -> TestResponse:
    return person.send("POST", "/tasks", headers={"Content_Type": content_type}, data=body)


def refused(answer: TestResponse) -> tuple[int, str, str | None]:
    return answer.status_code, answer.get_json()["code"], answer.mimetype


def expected(status: int, code: str) -> tuple[int, str, str]:
    return status, code, "application/problem+json"


@pytest.mark.parametrize("malformed", MALFORMED)
def test_what_is_no_json_in_utf8_is_malformed(alice: Person, malformed: str) -> None:
    answer = send(alice, MALFORMED[malformed])
    assert refused(answer) == expected(400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"title"', b"1", b"true"])
def test_json_that_is_no_object_does_not_fit(alice: Person, body: bytes) -> None:
    assert refused(send(alice, body)) == expected(422, "invalid_input")


@pytest.mark.parametrize("value", NOT_STORABLE)
def test_metadata_that_cannot_be_kept_is_refused(alice: Person, value: str) -> None:
    body = '{"title": "Write", "metadata": {"value": %s}}' % NOT_STORABLE[value]  # noqa: UP031 - braces
    answer = send(alice, body.encode())
    assert refused(answer) == expected(422, "invalid_input")
    assert [error["field"] for error in answer.get_json()["errors"]] == ["body.metadata"]


@pytest.mark.parametrize("value", STORABLE)
def test_metadata_comes_back_as_it_was_sent(alice: Person, value: str) -> None:
    metadata = {"value": STORABLE[value]}
    task = alice.post("/tasks", {"title": "Write", "metadata": metadata}).get_json()
    assert alice.get(f"/tasks/{task['id']}").get_json()["metadata"] == metadata


@pytest.mark.parametrize(("path", "body"), TEXTS)
def test_text_with_nul_is_refused(alice: Person, path: str, body: Any) -> None:
    assert refused(alice.post(path, body)) == expected(422, "invalid_input")


def test_a_search_for_nul_is_refused(alice: Person) -> None:
    assert refused(alice.get("/tasks?search=%00")) == expected(422, "invalid_input")


def test_nul_in_a_path_leads_nowhere(alice: Person) -> None:
    assert refused(alice.get(f"/rooms/user:{alice.id}%00/events")) == expected(404, "not_found")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp"],
)
def test_a_body_of_another_type_is_refused(alice: Person, content_type: str) -> None:
    answer = send(alice, b'{"title": "Write"}', content_type)
    assert refused(answer) == expected(415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=utf-8", "Application/JSON"])
def test_json_may_be_announced_in_any_way(alice: Person, content_type: str) -> None:
    assert send(alice, b'{"title": "Write"}', content_type).status_code == 201


def test_an_upload_that_is_no_form_is_refused(alice: Person) -> None:
    answer = alice.post("/imports", {"format": "clockify"})
    assert refused(answer) == expected(415, "unsupported_media_type")


def test_a_form_without_its_file_is_refused(alice: Person) -> None:
    answer = alice.send(
        "POST",
        "/imports",
        headers={},
        data={"format": "clockify"},
        content_type="multipart/form-data",
    )
    assert refused(answer) == expected(422, "invalid_input")
    assert answer.get_json()["errors"][0]["field"] == "form.file"


def test_a_body_of_the_largest_size_is_read(alice: Person) -> None:
    answer = send(alice, b'{"title": "Write"}'.ljust(settings.max_body_bytes))
    assert answer.status_code == 201


def test_a_larger_body_is_refused(alice: Person) -> None:
    answer = send(alice, b'{"title": "Write"}'.ljust(settings.max_body_bytes + 1))
    assert refused(answer) == expected(413, "body_too_large")


@pytest.fixture(scope="module")
def guests(app: Flask, database: str) -> Guests:
    """People, of whom the owner is an administrator as well."""
    guests = people(app)
    promote(database, guests.by_role["owner"])
    return guests


@pytest.fixture(scope="module")
def ids(guests: Guests) -> Ids:
    return guests.project().complete()


def test_an_upload_may_be_larger_than_a_body(guests: Guests, ids: Ids) -> None:
    parts = import_form(ids, padding="," * settings.max_body_bytes)
    boundary, body = encode_multipart(parts["data"])
    answer = guests.by_role["owner"].send(
        "POST",
        "/imports",
        headers={"Content_Type": f"multipart/form-data; boundary={boundary}"},
        data=body,
    )
    assert answer.status_code == 200, answer.text


def test_a_larger_upload_is_refused(alice: Person) -> None:
    answer = alice.send(
        "POST",
        "/imports",
        headers={"Content_Type": "multipart/form-data; boundary=x"},
        environ_overrides={"CONTENT_LENGTH": str(settings.max_import_bytes + 1)},
    )
    assert refused(answer) == expected(413, "body_too_large")


def test_a_chunked_body_is_refused(alice: Person) -> None:
    answer = alice.send(
        "POST",
        "/tasks",
        headers={"Content_Type": JSON, "Transfer_Encoding": "chunked"},
        data=b'{"title": "Write"}',
    )
    assert refused(answer) == expected(411, "length_required")


@pytest.mark.parametrize("depth", [33, 150, 5_000])
@pytest.mark.parametrize(
    "route", [each for each, made in contracts().items() if made.takes("body")]
)
def test_no_route_takes_json_that_is_nested_deeply(
    guests: Guests, ids: Ids, route: str, depth: int
) -> None:
    """Values of any shape go 16 levels deep, whole bodies a few more; parsing ends at 200."""
    nested = "[" * depth + "]" * depth
    names = contracts()[route].parameters["body"].model_fields
    body = "{%s}" % ", ".join(f'"{name}": {nested}' for name in names)  # noqa: UP031 - braces
    parts = {"data": body, "content_type": JSON}
    answer = ask(guests.by_role["owner"], route, ids, lambda _: parts, If_Match='"v1"')
    code = answer.get_json()["code"]
    assert (answer.status_code, code) in {(422, "invalid_input"), (400, "malformed_json")}
