"""JSON that is changed in place is written: nested changes of metadata survive a reload."""

import json
from typing import Any

import pytest

from models import base
from tests.factories import Person
from tests.records import done

BEFORE = {"review": {"by": "bob", "rounds": 1}}
PATCH = {"review": {"rounds": 2}}
AFTER = {"review": {"by": "bob", "rounds": 2}}

# Path, name of the JSON, what else a new one takes, and another field that a change may name.
THINGS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("/tasks", "metadata", {"title": "Write"}, {"title": "Read"}),
    ("/agents", "agent_metadata", {"name": "Builder", "kind": "ci"}, {"name": "Deployer"}),
]


def reloaded(person: Person, path: str, name: str, new: Any, other: dict[str, Any]) -> Any:
    """Change something nested, together with `other`, and return what is stored then."""
    thing = done(person.post(path, new | {name: BEFORE}))
    place = f"{path}/{thing['id']}"
    done(person.patch(place, {name: PATCH} | other))
    stored = done(person.get(place))
    assert {field: stored[field] for field in other} == other
    return stored[name]


@pytest.mark.parametrize(("path", "name", "new", "other"), THINGS)
@pytest.mark.parametrize("with_other", [True, False])
def test_a_nested_change_survives_a_reload(
    alice: Person, path: str, name: str, new: Any, other: Any, *, with_other: bool
) -> None:
    assert reloaded(alice, path, name, new, other if with_other else {}) == AFTER


@pytest.mark.parametrize(("path", "name", "new", "_other"), THINGS)
@pytest.mark.parametrize(("before", "after"), [(1, True), (True, 1), (0, False), (1, 1.0)])
def test_what_only_python_holds_to_be_equal_is_a_change(
    alice: Person, path: str, name: str, new: Any, _other: Any, before: Any, after: Any
) -> None:
    thing = done(alice.post(path, new | {name: {"is": [before]}}))
    place = f"{path}/{thing['id']}"
    done(alice.patch(place, {name: {"is": [after]}}))
    assert json.dumps(done(alice.get(place))[name]) == json.dumps({"is": [after]})


@pytest.mark.parametrize(("path", "name", "new", "other"), THINGS)
@pytest.mark.parametrize("with_other", [True, False])
def test_that_would_fail_if_the_change_were_not_flagged(
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    name: str,
    new: Any,
    other: Any,
    *,
    with_other: bool,
) -> None:
    monkeypatch.setattr(base, "flag_modified", lambda *_: None)
    assert reloaded(alice, path, name, new, other if with_other else {}) == BEFORE
