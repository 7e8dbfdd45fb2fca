"""Examples for the OpenAPI document, made from its schemas."""

from typing import Any

REFERENCE = "#/components/schemas/"

BY_FORMAT = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "date-time": "2026-03-02T09:00:00Z",
    "date": "2026-03-02",
    "email": "ada@example.org",
}
BY_TYPE = {"string": "text", "integer": 1, "number": 1.0, "boolean": False, "null": None}


def example_of(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return a value that fits a JSON schema; its own examples come first."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(REFERENCE)], components)
    for own in ("examples", "enum"):
        if own in schema:
            return schema[own][0]
    for own in ("const", "default"):
        if own in schema:
            return schema[own]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    return _by_type(schema, components)


def _by_type(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: example_of(part, components) for name, part in properties.items()}
        case "array":
            return [example_of(schema["items"], components)]
        case kind:
            return BY_FORMAT.get(schema.get("format", ""), BY_TYPE.get(kind or ""))
