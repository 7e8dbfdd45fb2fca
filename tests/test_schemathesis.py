"""Whatever is sent, the answers are those that the OpenAPI document promises."""

import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis.strategies import DrawFn, composite
from requests import Request
from schemathesis.core.errors import InvalidSchema
from schemathesis.generation import GenerationMode

from tests.schema import CHECKS, OPERATIONS, Case
from tests.schema_world import World, headers_of
from tests.server import Server

# Of each operation, valid ones and as many that are not; any number may be tried.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
URL_MAX = 8_000  # gunicorn itself refuses longer ones

TAKING_INPUT = [
    name
    for name, operation in OPERATIONS.items()
    if operation.definition.raw["parameters"] or "requestBody" in operation.definition.raw
]
SENT = [
    *((name, GenerationMode.POSITIVE) for name in OPERATIONS),
    *((name, GenerationMode.NEGATIVE) for name in TAKING_INPUT),
]

# Where more is wanted than a request: the tests that have it.
DONE_ELSEWHERE = {
    "passkeys_add_passkey": "api/test_passkeys.py",  # the signature of an authenticator
    "passkeys_get_confirmation_options": "api/test_passkeys.py",
    "passkeys_remove_passkey": "api/test_passkeys.py",
    "passkeys_sign_in_with_passkey": "api/test_passkeys.py",
    "second_factors_confirm_totp": "api/test_second_factors.py",  # a code of now
    "second_factors_finish_sign_in": "api/test_second_factors.py",
    "second_factors_renew_recovery_codes": "api/test_second_factors.py",
    "second_factors_turn_off_totp": "api/test_second_factors.py",
    "sign_on_start_sign_on": "sign_on",  # a provider
    "sign_on_finish_sign_on": "sign_on",
    "sign_on_link_identity": "sign_on",
    "mail_reset_password": "test_mail.py",  # a letter
    "mail_verify_email": "test_mail.py",
    "jobs_retry_job": "api/test_jobs.py",  # a job that failed
    "jobs_discard_job": "api/test_jobs.py",
}


@composite
def cases(draw: DrawFn, name: str, mode: GenerationMode) -> Case:
    """Make a request; a few changes to a schema allow no value at all, and are passed over."""
    try:
        case: Case = draw(OPERATIONS[name].as_strategy(generation_mode=mode))
    except InvalidSchema:
        reject()
    return case


def example_of(name: str) -> Case:
    """Make the request that the document gives as an example, and leave out what may be."""
    operation = OPERATIONS[name]
    parameters = [each for each in operation.definition.raw["parameters"] if each["required"]]
    named: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
    for each in parameters:
        named[each["in"]][each["name"]] = each["schema"].get("examples", [""])[0]
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    parts: dict[str, Any] = {}
    for media_type, part in content.items():
        parts = {"body": part.get("example", {}), "media_type": media_type}
    return operation.Case(path_parameters=named["path"], query=named["query"], **parts)


@pytest.fixture(scope="module")
def world(app: Flask) -> World:
    return World(app)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_the_document_gives_as_an_example_is_done(
    name: str, server: Server, world: World
) -> None:
    case = example_of(name)
    world.renew()
    world.fill_in(name, case)
    answer = case.call_and_validate(
        base_url=server.url, headers=headers_of(world.asker(name)), checks=CHECKS
    )
    is_done = 200 <= answer.status_code < 300
    assert is_done != (name in DONE_ELSEWHERE), answer.text


def test_what_is_done_elsewhere_is() -> None:
    assert DONE_ELSEWHERE.keys() <= OPERATIONS.keys()
    assert all((Path(__file__).parent / path).exists() for path in DONE_ELSEWHERE.values())


@pytest.mark.parametrize(("name", "mode"), SENT)
def test_every_answer_is_one_that_the_document_promises(
    name: str, mode: GenerationMode, server: Server, world: World
) -> None:
    @given(case=cases(name, mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        if zlib.crc32(repr([case.path_parameters, case.query, case.body]).encode()) % 4:
            world.fill_in(name, case)  # three of four are about things that exist
        url = Request("GET", server.url + case.formatted_path, params=case.query).prepare().url
        assume(len(url or "") < URL_MAX)
        answer = case.call_and_validate(
            base_url=server.url, headers=headers_of(world.asker(name)), checks=CHECKS
        )
        if answer.status_code == 204:
            world.renew()

    ask()
