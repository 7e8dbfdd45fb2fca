"""The links of the OpenAPI document: what can be asked about the thing that an answer holds.

An answer with an id leads to every operation that has a parameter for it. None of that is written
down by hand: paths and answers tell what an id is called, so a new route is linked by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel

from api.contract import Contract

Link = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One operation of the document."""

    operation_id: str
    method: str
    path: str
    variables: tuple[str, ...]
    contract: Contract

    @property
    def queried(self) -> Iterable[str]:
        """The names of its query parameters."""
        return (
            self.contract.parameters["query"].model_fields if self.contract.takes("query") else ()
        )


@dataclass(frozen=True)
class _Found:
    """A thing in an answer: where, as a JSON pointer, and what a path calls its id."""

    model: type[BaseModel]
    pointer: str
    name: str


class Links:
    """Knows which operations the answer of each one leads to."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = list(steps)
        self._names = {
            step.contract.answer: step.variables[-1]
            for step in self._steps
            if step.method == "GET" and step.path.endswith("}")
        }

    def of(self, source: Step) -> dict[str, Link]:
        """Return the links of an operation's success, by the operations that they lead to."""
        links: dict[str, Link] = {}
        for found in self._found(source):
            for target in self._steps:
                parameters = _parameters(source, found, target)
                if parameters and target is not source:
                    link = {"operationId": target.operation_id, "parameters": parameters}
                    links.setdefault(target.operation_id, link)
        return links

    def _found(self, source: Step) -> Iterator[_Found]:
        for model, pointer in _things(source.contract):
            name = self._name_in_collection(source) if pointer in ("", "/0") else None
            name = name or next(
                (self._names[kind] for kind in model.mro() if kind in self._names), ""
            )
            if name:
                yield _Found(model, pointer, name)

    def _name_in_collection(self, source: Step) -> str | None:
        """Return what the id of a thing of /things is called in /things/{thing_id}."""
        below = f"{source.path}/{{"
        inside = (step for step in self._steps if step.path.startswith(below))
        names = (step.variables[len(source.variables)] for step in inside)
        return next((name for name in names if name.endswith("_id")), None)


def _things(contract: Contract) -> Iterator[tuple[type[BaseModel], str]]:
    """Return what has an id in an answer: itself, the first of a list, or one of its parts."""
    if contract.is_list:
        parts = {"/0": get_args(contract.answer)[0]}
    else:
        fields = getattr(contract.answer, "model_fields", {})
        parts = {"": contract.answer} | {
            f"/{name}": part.annotation for name, part in fields.items()
        }
    for pointer, kind in parts.items():
        options = get_args(kind) if isinstance(kind, UnionType) else [kind]
        for option in options:
            if "id" in getattr(option, "model_fields", {}):
                yield option, pointer


def _parameters(source: Step, found: _Found, target: Step) -> dict[str, str]:
    """Return where an operation's parameters come from; nothing where it cannot be asked."""
    if found.name not in (*target.variables, *target.queried):
        return {}
    parameters = {found.name: f"$response.body#{found.pointer}/id"}
    for variable in target.variables:
        if variable in source.variables:
            parameters.setdefault(variable, f"$request.path.{variable}")
        elif variable in found.model.model_fields:
            parameters.setdefault(variable, f"$response.body#{found.pointer}/{variable}")
    if not {*target.variables} <= parameters.keys():
        return {}
    if _is_guarded(source, found, target):
        parameters["If-Match"] = "$response.header.ETag"
    return parameters


def _is_guarded(source: Step, found: _Found, target: Step) -> bool:
    """Tell whether an operation changes just what was answered, and takes the version of it."""
    is_whole_answer = source.contract.has_version and not found.pointer
    return (
        is_whole_answer and target.contract.takes("if_match") and target.variables[-1] == found.name
    )
