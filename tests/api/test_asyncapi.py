"""The AsyncAPI document says what the models of the messages say."""

from typing import Any

import pytest

from api.asyncapi import describe
from models.live import CLIENT_MESSAGES, SERVER_MESSAGES, CloseCode

MODELS = [*CLIENT_MESSAGES, *SERVER_MESSAGES]


def references(node: Any) -> list[str]:
    """All references in a document."""
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [each for value in node.values() for each in references(value)]
    if isinstance(node, list):
        return [each for value in node for each in references(value)]
    return []


def resolve(document: Any, reference: str) -> Any:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_leads_somewhere() -> None:
    document = describe()
    found = references(document)
    assert len(found) > len(MODELS)
    for reference in found:
        assert resolve(document, reference) is not None


@pytest.mark.parametrize("model", MODELS)
def test_every_message_is_there_with_its_fields(model: Any) -> None:
    components = describe()["components"]
    message = components["messages"][model.__name__]
    schema = components["schemas"][model.__name__]
    assert message["payload"]["$ref"].endswith(f"/{model.__name__}")
    assert schema["properties"].keys() == model.model_fields.keys()
    assert schema["properties"]["type"]["const"] == message["name"]


def test_clients_and_the_server_send_their_own_messages() -> None:
    operations = describe()["operations"]
    for action, models in (("receive", CLIENT_MESSAGES), ("send", SERVER_MESSAGES)):
        names = [each["$ref"].rsplit("/", 1)[1] for each in operations[action]["messages"]]
        assert (operations[action]["action"], names) == (action, [each.__name__ for each in models])


def test_every_close_code_is_explained() -> None:
    codes = describe()["channels"]["live"]["x-close-codes"]
    assert {int(code) for code in codes} == set(CloseCode)
    assert all(codes.values())
