"""The OpenAPI document."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.contract import Access, Contract
from api.openapi import describe
from config import settings
from models.scope import Scope
from tests.api.rights import contracts
from tests.cases import for_each

Operation = dict[str, Any]

ROUTES = list(contracts())
WITH_BODY = [route for route in ROUTES if contracts()[route].takes("body")]
WRITES = [route for route in ROUTES if not route.startswith("GET")]


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return describe(app)


def operation_of(document: dict[str, Any], route: str) -> Operation:
    method, rule = route.split(" ")
    path = settings.api_prefix + re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule)
    operation: Operation = document["paths"][path][method.lower()]
    return operation


def headers_of(operation: Operation) -> set[str]:
    """The headers that an operation says it reads."""
    return {each["name"] for each in operation["parameters"] if each["in"] == "header"}


def success_of(operation: Operation, contract: Contract) -> dict[str, Any]:
    success: dict[str, Any] = operation["responses"][str(int(contract.status))]
    return success


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_the_document_has_every_route_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    described = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    answered = {
        (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "contract")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == answered


def test_every_operation_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    ids = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    ]
    assert len(set(ids)) == len(ids)


@for_each("route", ROUTES)
def test_an_operation_says_what_it_does(document: dict[str, Any], route: str) -> None:
    operation = operation_of(document, route)
    assert re.fullmatch(r"[A-Z][^\n]{5,100}[^.]", operation["summary"])
    assert len(operation["description"]) >= len(operation["summary"])


@for_each("route", ROUTES)
def test_an_operation_describes_its_success(document: dict[str, Any], route: str) -> None:
    contract = contracts()[route]
    success = success_of(operation_of(document, route), contract)
    is_empty = contract.answer is type(None)
    assert ("content" in success) != is_empty
    if contract.is_file:
        assert set(success["content"]) == {contract.answer.media_type}
    elif not is_empty:
        assert success["content"]["application/json"]["schema"]


@for_each("route", ROUTES)
def test_an_operation_describes_its_problems(document: dict[str, Any], route: str) -> None:
    contract, responses = contracts()[route], operation_of(document, route)["responses"]
    problems = {status: answer for status, answer in responses.items() if status >= "400"}
    assert {"422", "503"} <= set(problems)
    for answer in problems.values():
        schema = answer["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    assert contract.is_conditional == ({"412", "428"} <= set(problems))
    assert contract.access is Access.PUBLIC or {"401", "403"} <= set(problems)


def test_a_problem_names_what_it_is_about(document: dict[str, Any]) -> None:
    members = document["components"]["schemas"]["Problem"]["properties"]
    named = {"current", "conflicting_ids", "index", "task_id", "task_ids", "user_ids"}
    assert all(members[name]["description"] for name in named)


@for_each("route", ROUTES)
def test_an_operation_says_who_may_call_it(document: dict[str, Any], route: str) -> None:
    access = contracts()[route].access
    expected: list[dict[str, list[str]]] = []
    if access is not Access.PUBLIC:
        expected += [{"bearer": []}, {"cookie": []}]
    if isinstance(access, Scope):
        expected += [{"api_token": [access]}]
    assert operation_of(document, route)["security"] == expected


@for_each("route", WITH_BODY)
def test_a_json_body_has_an_example_that_fits(document: dict[str, Any], route: str) -> None:
    content = operation_of(document, route)["requestBody"]["content"]["application/json"]
    assert content["example"]
    contracts()[route].parameters["body"].model_validate_json(json.dumps(content["example"]))


@for_each("route", WRITES)
def test_a_write_can_be_repeated_by_its_key_or_says_that_it_cannot(
    document: dict[str, Any], route: str
) -> None:
    operation, recorded = operation_of(document, route), contracts()[route].recorded
    assert ("Idempotency-Key" in headers_of(operation)) == recorded
    assert ("Idempotency-Key is ignored here" in operation["description"]) != recorded


@for_each("route", ROUTES)
def test_an_operation_names_the_headers_about_versions_and_pages(
    document: dict[str, Any], route: str
) -> None:
    operation, contract = operation_of(document, route), contracts()[route]
    answered = success_of(operation, contract)["headers"]
    assert ("If-Match" in headers_of(operation)) == contract.takes("if_match")
    for header in operation["parameters"]:
        assert header["name"] != "If-Match" or "428" in header["description"]
    assert ("ETag" in answered) == contract.has_version
    assert ("Link" in answered) == contract.is_list
    assert ("Content-Disposition" in answered) == contract.is_file
    assert "X-Request-Id" in answered


@for_each("route", ROUTES)
def test_the_example_of_an_answer_fits_it(document: dict[str, Any], route: str) -> None:
    contract = contracts()[route]
    content = success_of(operation_of(document, route), contract).get("content")
    if content is None or contract.is_file:
        assert contract.answer_type is None
    else:
        contract.adapter().validate_json(
            json.dumps(content["application/json"]["example"]), by_name=True, by_alias=True
        )
