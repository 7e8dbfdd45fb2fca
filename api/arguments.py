"""From a request to the arguments of a view: JSON bodies, query strings, forms, paths."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from flask import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.datastructures import MultiDict

from api.contract import Contract
from api.request_body import read_body, read_json_body
from config import settings
from models.principal import Principal
from models.upload import Upload
from services.access_service import require_version
from utils.errors import (
    BadRequestError,
    FieldError,
    RequestRefusedError,
    UnprocessableError,
)
from utils.preconditions import IfMatch, parse_tags
from utils.validators import PATTERN_MEANINGS

PROBLEMS_TOLD = 50
PROBLEMS_NAMED = 5

Source = Callable[[Request, dict[str, Any]], Any]


class Arguments:
    """Collects what one view takes, in the order of its parameters."""

    def __init__(self, contract: Contract) -> None:
        sources: dict[str, Source] = {
            "body": lambda request, _: _read_json(request, contract.parameters["body"]),
            "query": lambda request, _: _read_query(request, contract.parameters["query"]),
            "form": lambda request, _: _read_form(request, contract.parameters["form"]),
            "upload": lambda request, _: _read_upload(request),
            "if_match": lambda request, known: require_version(
                known.get("principal"), IfMatch(parse_tags(request.headers.get("If-Match")))
            ),
        }
        self._sources = [(name, sources[name]) for name in contract.parameters if name in sources]
        self._takes_principal = contract.takes("principal")
        self._takes_body = contract.takes("body") or contract.takes("form")
        self._takes_query = contract.takes("query")

    def of_request(
        self, request: Request, principal: Principal | None, path: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments of a request; `path` comes from the router."""
        values = path
        if self._takes_principal:
            values["principal"] = principal
        for name, read in self._sources:
            values[name] = read(request, values)
        if not self._takes_body and request.content_length:
            read_body(request, settings.max_body_bytes)  # whoever needs it later finds it read
        if not self._takes_query and request.query_string:
            _refuse_query(request)
        return values


def _read_json(request: Request, model: type[BaseModel]) -> BaseModel:
    if not request.content_length and not request.mimetype:
        return _validate(model, {}, "body")  # nothing was sent, and that may be enough
    body = read_json_body(request)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise BadRequestError(
                f"The body is not JSON in UTF-8: {error.errors()[0]['ctx']['error']}.",
                code="malformed_json",
            ) from None
        raise unfit(field_errors(error, "body")) from None


def _read_query(request: Request, model: type[BaseModel]) -> BaseModel:
    if not request.query_string:
        return _without_input(model)
    return _validate(model, _single_values(request.args, "query"), "query")


def _read_form(request: Request, model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "multipart/form-data":
        raise RequestRefusedError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "This takes a form with a file; send Content-Type: multipart/form-data.",
            code="unsupported_media_type",
        )
    read_body(request, settings.max_import_bytes)
    return _validate(model, _single_values(request.form, "form"), "form")


def _read_upload(request: Request) -> Upload:
    file = request.files.get("file")
    if file is None:
        raise UnprocessableError(
            "The form has no file; send it as the part named file.",
            errors=[FieldError("form.file", "is missing", "missing")],
        )
    return Upload(file.filename or "", file.stream.read())


@cache
def _without_input(model: type[BaseModel]) -> BaseModel:
    """Most lists are asked for without any parameter; models are not changed by services."""
    return _validate(model, {}, "query")


def _validate(model: type[BaseModel], values: dict[str, str], place: str) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise unfit(field_errors(error, place)) from None


def _single_values(values: MultiDict[str, str], place: str) -> dict[str, str]:
    doubled = [name for name, given in values.lists() if len(given) > 1]
    if doubled:
        raise UnprocessableError(
            "A parameter was given more than once; send each once.",
            errors=[
                FieldError(f"{place}.{name}", "was given more than once", "doubled")
                for name in doubled
            ],
        )
    return values.to_dict()


def _refuse_query(request: Request) -> None:
    """A filter that does nothing would be taken for one that works."""
    errors = [
        FieldError(f"query.{name}", "is unknown here", "extra_forbidden") for name in request.args
    ]
    raise UnprocessableError("This takes no query parameters; leave them out.", errors=errors)


def field_errors(error: ValidationError, place: str) -> list[FieldError]:
    """Turn pydantic's findings into ours; the input itself is not repeated, it may be secret."""
    return [
        FieldError(
            ".".join([place, *(str(part)[:100] for part in problem["loc"])]),
            _message_of(problem),
            problem["type"],
        )
        for problem in error.errors(include_url=False, include_input=False)[:PROBLEMS_TOLD]
    ]


def unfit(errors: list[FieldError]) -> UnprocessableError:
    """The answer to input that does not fit its schema."""
    names = ", ".join(dict.fromkeys(found.field[:100] for found in errors[:PROBLEMS_NAMED]))
    return UnprocessableError(f"The input does not fit; look at {names}.", errors=errors)


def _message_of(problem: ErrorDetails) -> str:
    """Say what a pattern means; pydantic would repeat the pattern."""
    if problem["type"] == "string_pattern_mismatch":
        return PATTERN_MEANINGS.get(problem["ctx"]["pattern"], problem["msg"])
    return problem["msg"].removeprefix("Value error, ")
