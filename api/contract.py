"""What a view promises, read from its signature once, when it is defined."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter

from models.download import Download
from models.principal import Principal
from models.redirect import Redirect
from models.scope import Scope
from models.upload import Upload
from utils.pages import Page
from utils.preconditions import IfMatch

View = Callable[..., Any]


class Access(Enum):
    """Who may call a view at all, where that is not said by the Scope that an API token needs.

    What they may see and do in it is the services' affair.
    """

    PUBLIC = auto()
    SESSION = auto()  # signed in: no API token does
    ADMIN = auto()  # signed in as an administrator of the installation


class ContractError(TypeError):
    """A view that does not say what it takes, returns or who may call it."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The promises of one view.

    `parameters` are the names it takes, in order: `principal`, `body`, `query`, `form`, `upload`,
    `if_match`, `prepared` (what `before` returned), and those of its path. `within` are those that
    tell which project it is about; see api/confinement.py.
    """

    view: View
    access: Access | Scope
    status: int
    recorded: bool
    before: View | None
    within: tuple[str, ...]
    csv: Callable[[Any], bytes] | None
    parameters: dict[str, Any]
    answer: Any

    @classmethod
    def of(cls, view: View, **promises: Any) -> "Contract":
        """Read the contract off a view; raises ContractError when it leaves something open."""
        hints = get_type_hints(view, include_extras=True)
        if "return" not in hints:
            raise ContractError(f"{view.__qualname__} does not say what it returns")
        if not view.__doc__:
            raise ContractError(f"{view.__qualname__} has no docstring for the documentation")
        names = list(inspect.signature(view).parameters)
        missing = [name for name in names if name not in hints]
        if missing:
            raise ContractError(f"{view.__qualname__} does not annotate {missing}")
        contract = cls(
            view=view,
            parameters={name: hints[name] for name in names},
            answer=hints["return"],
            **promises,
        )
        contract.check()
        return contract

    def check(self) -> None:
        """Raise ContractError for promises that contradict each other."""
        name = self.view.__qualname__
        if self.takes("principal") and self.access is Access.PUBLIC:
            raise ContractError(f"{name} is public and takes a principal")
        if self.answer is type(None) and self.status == 200:
            raise ContractError(f"{name} returns nothing: its status is 204")
        if self.is_file and self.recorded:
            raise ContractError(f"{name} returns a file, which is not recorded for repeats")
        for kind in ("body", "query", "form"):
            if self.takes(kind) and not issubclass(self.parameters[kind], BaseModel):
                raise ContractError(f"{name} takes a {kind} that is no model")
        for kind, expected in (("principal", Principal), ("if_match", IfMatch), ("upload", Upload)):
            if self.takes(kind) and self.parameters[kind] is not expected:
                raise ContractError(f"{name} takes a {kind} that is no {expected.__name__}")

    def takes(self, name: str) -> bool:
        """Tell whether the view has this parameter."""
        return name in self.parameters

    @property
    def is_conditional(self) -> bool:
        """True where callers may say which version is to be changed: by If-Match or in the body."""
        return self.takes("if_match") or getattr(
            self.parameters.get("body"), "takes_versions", False
        )

    @property
    def is_list(self) -> bool:
        """True for a page of a list, which becomes a bare array and a Link header."""
        return get_origin(self.answer) is Page

    @property
    def is_file(self) -> bool:
        """True for a file of another type than JSON, sent in pieces."""
        return isinstance(self.answer, type) and issubclass(self.answer, Download)

    @property
    def may_redirect(self) -> bool:
        """True where a browser may be sent on instead of getting the JSON that a program gets."""
        return Redirect in get_args(self.answer)

    @property
    def answer_type(self) -> Any:
        """The type of the JSON that is the body; None when there is none."""
        if self.answer is type(None) or self.is_file:
            return None
        if self.may_redirect:
            (answered,) = (kind for kind in get_args(self.answer) if kind is not Redirect)
            return answered
        if self.is_list:
            return list[get_args(self.answer)[0]]  # type: ignore[misc]  # a type made at run time
        return self.answer

    @property
    def has_version(self) -> bool:
        """True for single resources, which carry an ETag."""
        return isinstance(self.answer, type) and "version" in getattr(
            self.answer, "model_fields", {}
        )

    def adapter(self) -> TypeAdapter[Any]:
        """Return what turns an answer into JSON."""
        return TypeAdapter(self.answer_type)
