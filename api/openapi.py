"""The OpenAPI 3.1 document, written from the contracts of the views."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, current_app
from pydantic import BaseModel, TypeAdapter
from werkzeug.routing import Rule

from api.contract import Access, Contract
from api.cookies import ACCESS_COOKIE, CSRF_HEADER
from api.examples import example_of
from api.idempotency import KEY_MAX_LENGTH
from api.links import Link, Links, Step
from api.middleware.rate_limit import kinds_of
from api.problem import Problem
from models.download import Download
from models.identity import ProviderName
from models.scope import Scope
from utils.validators import UUID_PATTERN

REFERENCE = "#/components/schemas/{model}"
JSON = "application/json"
PROBLEM = "application/problem+json"

INTRODUCTION = """\
Tasks, the people and agents on them, and how long it took.

Sign up with `POST /users`, sign in with `POST /auth/login`, then send the access token as
`Authorization: Bearer ...`. Programs send an API token instead, from `POST /users/me/tokens` or
for an agent from `POST /agents/{agent_id}/tokens`; it does what its scopes name.

Errors are problem details (RFC 9457) with a stable `code`. Lists are bare arrays; the next page
is in the `Link` header. Single resources carry an `ETag`: send it as `If-Match` to change only
what you have seen. Send an `Idempotency-Key` with a write and repeat it safely when an answer
got lost.

Language models' clients connect to `/mcp` with the same tokens. It speaks JSON-RPC and describes
itself, by `tools/list`: its tools are routes of this document under other names.
"""

SAFE = ("GET", "HEAD")
VERSION = "0.1.0"


class _Document:
    """Collects paths and the schemas that they refer to."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}
        self.paths: dict[str, dict[str, Any]] = {}
        self.add_schema(TypeAdapter(Problem), "serialization")

    def add_schema(self, adapter: TypeAdapter[Any], mode: Any) -> dict[str, Any]:
        """Return the schema of a type; models in it go to the components."""
        schema = adapter.json_schema(mode=mode, ref_template=REFERENCE)
        self.schemas |= schema.pop("$defs", {})
        title = schema.get("title")
        if "properties" in schema and title:
            self.schemas[title] = schema
            return {"$ref": REFERENCE.format(model=title)}
        return schema

    def add(self, rule: Rule, step: Step, links: dict[str, Link]) -> None:
        """Describe one route, and where its answer leads."""
        method, contract = step.method, step.contract
        operation: dict[str, Any] = {
            "operationId": step.operation_id,
            "tags": [contract.view.__module__.rsplit(".", 1)[-1]],
            **_texts(contract),
            "parameters": [*self._parameters(rule, method, contract)],
            "responses": self._responses(rule, method, contract),
            "security": _security(contract),
        }
        body = self._request_body(contract)
        if body is not None:
            operation["requestBody"] = body
        if links:
            operation["responses"][str(int(contract.status))]["links"] = links
        self.paths.setdefault(step.path, {})[method.lower()] = operation

    def _parameters(self, rule: Rule, method: str, contract: Contract) -> Iterator[dict[str, Any]]:
        for variable, name in _parts(rule):
            if variable:
                yield {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        if contract.takes("query"):
            yield from self._query_parameters(contract.parameters["query"])
        if contract.takes("if_match"):
            yield _header(
                "If-Match",
                "Refuse with 412 when the ETag is not this one. Agents must send it: 428 without.",
                '"v1"',
            )
        if contract.has_version and method == "GET":
            yield _header("If-None-Match", "Answer 304 when the ETag is still this one.", '"v1"')
        if method not in SAFE:
            yield _header("X-Client-Id", "Names this client in the event of the change.", "laptop")
            if contract.recorded:
                yield _header(
                    "Idempotency-Key",
                    "Do this once: a repeat with the key gets the first answer for 24 hours.",
                    "8e03978e-40d5-43e8-bc93-6894a57f9324",
                    max_length=KEY_MAX_LENGTH,
                )

    def _query_parameters(self, model: type[BaseModel]) -> Iterator[dict[str, Any]]:
        schema = model.model_json_schema(ref_template=REFERENCE)
        self.schemas |= schema.get("$defs", {})
        required = schema.get("required", [])
        for name, shape in schema["properties"].items():
            parameter = {"name": name, "in": "query", "required": name in required}
            if "description" in shape:
                parameter["description"] = shape.pop("description")
            yield parameter | {"schema": _without_null(shape)}

    def _request_body(self, contract: Contract) -> dict[str, Any] | None:
        if contract.takes("body"):
            model = contract.parameters["body"]
            content: dict[str, Any] = {"schema": self.add_schema(TypeAdapter(model), "validation")}
            if example := _example_of(model):
                content["example"] = example
            required = any(field.is_required() for field in model.model_fields.values())
            return {"required": required, "content": {JSON: content}}
        if contract.takes("form"):
            form = contract.parameters["form"].model_json_schema(ref_template=REFERENCE)
            file = {"type": "string", "contentMediaType": "application/octet-stream"}
            form["properties"] = {"file": file} | {
                name: _without_null(shape) for name, shape in form["properties"].items()
            }
            form["required"] = ["file", *form.get("required", [])]
            return {"required": True, "content": {"multipart/form-data": {"schema": form}}}
        return None

    def _file(self, kind: type[Download]) -> dict[str, Any]:
        if kind.content is None:
            return {}  # bytes: no schema of JSON's
        return {"schema": self.add_schema(TypeAdapter(kind.content), "serialization")}

    def _responses(self, rule: Rule, method: str, contract: Contract) -> dict[str, Any]:
        success: dict[str, Any] = {"description": HTTPStatus(contract.status).phrase}
        headers = dict(_response_headers(method, contract))
        if contract.is_file:
            success["content"] = {contract.answer.media_type: self._file(contract.answer)}
        elif contract.answer_type is not None:
            schema = self.add_schema(contract.adapter(), "serialization")
            example = example_of(schema, self.schemas)
            success["content"] = {JSON: {"schema": schema, "example": example}}
            if contract.csv is not None:
                success["content"]["text/csv"] = {"schema": {"type": "string"}}
        responses = {str(int(contract.status)): success | {"headers": headers}}
        if contract.has_version and method == "GET":
            responses["304"] = {"description": "You have this version already."}
        if contract.may_redirect:
            location = {"description": "Where to go on.", "schema": {"type": "string"}}
            responses["303"] = {
                "description": "For browsers: go on there.",
                "headers": {"Location": location},
            }
        for status in sorted(_problem_statuses(rule, method, contract)):
            responses[str(int(status))] = {
                "description": status.phrase,
                "content": {PROBLEM: {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
            }
        return responses


def _security(contract: Contract) -> list[dict[str, list[str]]]:
    """Return the credentials that a route takes, each with the scopes that it needs."""
    if contract.access is Access.PUBLIC:
        return []
    signed_in: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
    if isinstance(contract.access, Scope):
        return [*signed_in, {"api_token": [contract.access]}]
    return signed_in


def _problem_statuses(rule: Rule, method: str, contract: Contract) -> set[HTTPStatus]:
    """Return the statuses of the problems that a route may answer with."""
    statuses = {
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.LENGTH_REQUIRED,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
    # What is no id may name another route.
    statuses |= {HTTPStatus.METHOD_NOT_ALLOWED} if rule.arguments else set()
    takes_credentials = contract.takes("body") or contract.takes("query")
    if contract.access is not Access.PUBLIC or (takes_credentials and not contract.recorded):
        statuses.add(HTTPStatus.UNAUTHORIZED)
    if contract.access is not Access.PUBLIC:
        statuses.add(HTTPStatus.FORBIDDEN)  # for API tokens, of other scopes or networks
    if (
        rule.arguments
        or contract.takes("body")
        or contract.takes("form")
        or contract.takes("query")
    ):
        statuses |= {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
    if contract.before is not None:
        statuses.add(HTTPStatus.CONFLICT)  # another such piece of work, or a log that is cut
    if method not in SAFE:
        statuses |= {HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST}
    if contract.takes("body") or contract.takes("form"):
        statuses |= {
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        }
    if contract.is_conditional:
        statuses |= {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED}
    return statuses


def _response_headers(method: str, contract: Contract) -> Iterator[tuple[str, Any]]:
    text = {"type": "string"}
    yield "X-Request-Id", {"description": "Name it when you report a problem.", "schema": text}
    if kinds_of(contract)[method not in SAFE] is not None:
        number = {"type": "integer"}
        yield "RateLimit-Limit", {"description": "Requests in a while.", "schema": number}
        yield "RateLimit-Remaining", {"description": "Those that are left.", "schema": number}
        yield "RateLimit-Reset", {"description": "Seconds until all are.", "schema": number}
    if contract.has_version:
        yield "ETag", {"description": "The version of what is answered.", "schema": text}
    if contract.is_file:
        yield "Content-Disposition", {"description": "The name of the file.", "schema": text}
    if contract.is_list:
        yield "Link", {"description": 'The next page, rel="next".', "schema": text}
    if method not in SAFE and contract.recorded:
        yield "Idempotency-Replayed", {"description": "The first answer again.", "schema": text}


def _texts(contract: Contract) -> dict[str, str]:
    """Return the first line of a view's docstring as the summary and the rest as description."""
    summary, _, rest = (contract.view.__doc__ or "").partition("\n")
    description = " ".join(line.strip() for line in rest.splitlines()).strip()
    return {"summary": summary.rstrip("."), "description": description or summary}


def _parts(rule: Rule) -> list[tuple[bool, str]]:
    """Split a rule into its fixed parts and the names of its variables."""
    parts = re.split(r"<(?:[^:>]+:)?([^>]+)>", rule.rule)
    return [(index % 2 == 1, part) for index, part in enumerate(parts) if part]


def _path_schema(name: str) -> dict[str, Any]:
    if name == "room":
        return {
            "type": "string",
            "examples": ["project:01890a5d-ac96-774b-bcce-b302099a8057"],
            "pattern": f"^(project|user):{UUID_PATTERN[1:]}",
        }
    if name == "job_id":
        return {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    if name == "provider":
        return {"type": "string", "enum": [each.value for each in ProviderName]}
    return {"type": "string", "format": "uuid", "pattern": UUID_PATTERN}


def _header(name: str, description: str, example: str, max_length: int = 64) -> dict[str, Any]:
    """Describe a header of printable ASCII; proxies take little else."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": max_length,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        },
        "example": example,
    }


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out, never null."""
    options = [option for option in shape.get("anyOf", []) if option.get("type") != "null"]
    kept = {name: value for name, value in shape.items() if name not in ("anyOf", "default")}
    if shape.get("default") is not None:
        kept["default"] = shape["default"]
    if len(options) == 1:
        return kept | dict(options[0])
    return kept | ({"anyOf": options} if options else {})


def _example_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a body made of the examples of the fields that have one."""
    return {
        field.alias or name: field.examples[0]
        for name, field in model.model_fields.items()
        if field.examples
    }


def _steps(app: Flask) -> Iterator[tuple[Rule, Step]]:
    for rule in app.url_map.iter_rules():
        contract = getattr(app.view_functions[rule.endpoint], "contract", None)
        if contract is not None:
            path = "".join(f"{{{part}}}" if variable else part for variable, part in _parts(rule))
            variables = tuple(part for variable, part in _parts(rule) if variable)
            name = rule.endpoint.replace(".", "_")
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, Step(name, method, path, variables, contract)


def describe(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    document = _Document()
    steps = list(_steps(app))
    links = Links(step for _, step in steps)
    for rule, step in steps:
        document.add(rule, step, links.of(step))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stint",
            "version": VERSION,
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(document.paths.items())),
        "components": {
            "schemas": dict(sorted(document.schemas.items())),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of a session.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": ACCESS_COOKIE,
                    "description": f"For browsers; writes need the header {CSRF_HEADER} as well.",
                },
                "api_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "stint_pat_... or stint_agt_...",
                    "description": "An API token with the scope that is named, or with the "
                    "one to write the same resource.",
                },
            },
        },
    }


@cache
def document_of() -> bytes:
    """Return the current application's document as it is sent; written once for each process."""
    return orjson.dumps(describe(current_app), option=orjson.OPT_INDENT_2)
