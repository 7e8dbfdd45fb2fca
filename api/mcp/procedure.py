"""A view as MCP calls it: one set of arguments from path, query and body, one object as answer."""

from collections.abc import Set
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import to_json

from api.answers import Answer
from api.arguments import field_errors, unfit
from api.contract import Contract, ContractError
from api.idempotency import IdempotencyKey
from api.middleware.auth import authorise
from api.middleware.rate_limit import kinds_of
from api.operation import Operation
from models.principal import Principal
from models.scope import Scope, includes
from services.rate_limiter import RateKind
from utils.errors import FieldError
from utils.preconditions import IfMatch, tag_of
from utils.rows import dump_json
from utils.validators import Id

PLACE = "arguments"
PARTS = ("query", "body")

# Models pay for each word. Titles say names again, and whoever calls a tool with what breaks a
# pattern is told its meaning; what is answered speaks for itself.
NO_WORDS_ON_ARGUMENTS = {"title", "pattern"}
NO_WORDS_ON_ANSWERS = NO_WORDS_ON_ARGUMENTS | {"description", "examples"}


class _OfPath(BaseModel):
    """Base of what a view takes besides its query and its body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Procedure:
    """Calls a view with arguments from a JSON object, as whoever sent them.

    `narrowed` is a query that asks for more than the view does. A view that takes If-Match has the
    argument `version`: the number in the ETag.
    """

    def __init__(self, operation: Operation, narrowed: type[BaseModel] | None = None) -> None:
        contract = operation.contract
        self._operation = operation
        self._contract = contract
        self._access = _scope_of(contract)
        self._adapter = contract.adapter()
        self._parts = {kind: contract.parameters[kind] for kind in PARTS if contract.takes(kind)}
        if narrowed is not None:
            self._parts["query"] = narrowed
        self._path = _model_of_path(contract)
        self._place_of = _places({"path": self._path} | self._parts)

    @property
    def reads(self) -> bool:
        """True where nothing is changed."""
        return not self._access.is_write

    @property
    def kind(self) -> RateKind | None:
        """What a call counts as, which is what REST counts it as."""
        return kinds_of(self._contract)[self._access.is_write]

    def is_permitted(self, principal: Principal) -> bool:
        """Tell whether somebody's scopes let them call it."""
        return principal.scopes is None or includes(principal.scopes, self._access)

    def run(
        self, principal: Principal, given: dict[str, Any], key: IdempotencyKey | None = None
    ) -> Answer:
        """Return the answer to these arguments; ServiceError where REST would refuse them."""
        authorise(principal, self._access)
        values = self._values_of(principal, given)
        if self.reads:
            return self._operation.read(principal, values, self._render)
        return self._operation.write(principal, values, self._render, key)

    def input_schema(self) -> JsonSchemaValue:
        """Return the JSON schema of the arguments."""
        models = (self._path, *self._parts.values())
        schemas = [_terse(model.model_json_schema(), NO_WORDS_ON_ARGUMENTS) for model in models]
        return {
            "type": "object",
            "properties": _union(schemas, "properties"),
            "required": [name for schema in schemas for name in schema.get("required", [])],
            "additionalProperties": False,
            "$defs": _union(schemas, "$defs"),
        }

    def output_schema(self) -> JsonSchemaValue:
        """Return the JSON schema of the answer: of an object, as older versions want it."""
        schema: JsonSchemaValue = _terse(
            self._adapter.json_schema(mode="serialization"), NO_WORDS_ON_ANSWERS
        )
        if not self._contract.is_list:
            return schema
        definitions = schema.pop("$defs", {})
        return {
            "type": "object",
            "properties": {"items": schema, "next_cursor": {"type": ["string", "null"]}},
            "required": ["items", "next_cursor"],
            "$defs": definitions,
        }

    def _values_of(self, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
        """Validate arguments as the bodies of requests are; returns those of the view."""
        errors = [
            FieldError(f"{PLACE}.{name[:100]}", "is unknown here", "extra_forbidden")
            for name in given
            if name not in self._place_of
        ]
        values: dict[str, Any] = {}
        for place, model in (("path", self._path), *self._parts.items()):
            mine = {
                name: value for name, value in given.items() if self._place_of.get(name) == place
            }
            try:
                values[place] = model.model_validate_json(to_json(mine))
            except ValidationError as error:
                errors += field_errors(error, PLACE)
        if errors:
            raise unfit(errors)
        values |= dict(values.pop("path"))
        if self._contract.takes("if_match"):
            values["if_match"] = IfMatch((tag_of(values.pop("version")),))
        return values | ({"principal": principal} if self._contract.takes("principal") else {})

    def _render(self, result: Any) -> Answer:
        if not self._contract.is_list:
            return Answer(self._contract.status, self._adapter.dump_json(result))
        items, cursor = dump_json(self._adapter, result.items), to_json(result.next_cursor)
        return Answer(
            self._contract.status, b'{"items":' + items + b',"next_cursor":' + cursor + b"}"
        )


def _scope_of(contract: Contract) -> Scope:
    name = contract.view.__qualname__
    if not isinstance(contract.access, Scope):
        raise ContractError(f"{name} needs no scope, so no tool may call it")
    if contract.answer_type is None or not contract.recorded or contract.may_redirect:
        raise ContractError(f"{name} answers with what is no JSON, or a secret")
    return contract.access


def _model_of_path(contract: Contract) -> type[BaseModel]:
    apart = {"principal", "if_match", *PARTS}
    fields: dict[str, Any] = {name: (Id, ...) for name in contract.parameters if name not in apart}
    if contract.takes("if_match"):
        fields["version"] = (int, ...)
    return create_model("Path", __base__=_OfPath, **fields)


def _places(models: dict[str, type[BaseModel]]) -> dict[str, str]:
    """Return in which part of a request each argument belongs."""
    places: dict[str, str] = {}
    for place, model in models.items():
        for field_name, field in model.model_fields.items():
            name = field.alias or field_name
            if name in places:
                raise ContractError(f"{name} would be two arguments of one tool")
            places[name] = place
    return places


def _terse(schema: Any, left_out: Set[str]) -> Any:
    """Return a JSON schema without some keywords, and without defaults that are null.

    A property may be called like a keyword: it is an object, which none of these keywords is.
    """
    match schema:
        case dict():
            return {
                name: _terse(part, left_out)
                for name, part in schema.items()
                if isinstance(part, dict) or not (name in left_out or part is None)
            }
        case list():
            return [_terse(part, left_out) for part in schema]
    return schema


def _union(schemas: list[JsonSchemaValue], member: str) -> dict[str, Any]:
    """Return what the schemas have in a member, together."""
    return {name: part for schema in schemas for name, part in schema.get(member, {}).items()}
