"""The shape of the code, where import-linter is blind."""

import ast
import base64
import hashlib
import inspect
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel

import models.all  # noqa: F401 - maps every table
from api.contract import Access, ContractError
from api.endpoint import endpoint
from config import PROJECT_DIR
from models.base import Base
from models.download import ZipDownload
from models.principal import Principal
from tests.cases import for_each
from utils.preconditions import IfMatch

LINES_MAX = 500
VENDORS = (PROJECT_DIR / "web" / "vendor", PROJECT_DIR / "tests" / "browser" / "vendor")
OF_A_REQUEST = {"principal", "body", "query", "form", "upload", "if_match", "prepared"}
ROUTES = "api/routes/"
SENDS_FILES = "api.routes.docs"
SENDS_METRICS = "api.routes.metrics"
SPEAKS_MCP = "api.routes.mcp"  # its messages have models of their own


@cache
def files() -> list[str]:
    """Every file of the project, also those that are not yet added, by its path in it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=PROJECT_DIR, check=True, capture_output=True, text=True)
    return [path for path in output.stdout.splitlines() if (PROJECT_DIR / path).is_file()]


def modules(prefix: str = "") -> list[str]:
    return [path for path in files() if path.startswith(prefix) and path.endswith(".py")]


def route_modules() -> list[str]:
    return modules(ROUTES)


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((PROJECT_DIR / path).read_text())


def imports(path: str) -> Iterator[str]:
    """Full names of all that a module imports, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names(path: str) -> set[str]:
    """Every name that a module mentions, imported, plain or behind a dot."""
    nodes = list(ast.walk(tree(path)))
    plain = {node.id for node in nodes if isinstance(node, ast.Name)}
    dotted = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return plain | dotted | {name.rpartition(".")[2] for name in imports(path)}


def is_generated(path: str) -> bool:
    """True for what nobody reads from top to bottom."""
    folders = ("migrations/versions/", "web/vendor/", "tests/browser/vendor/", "tests/data/")
    lists = ("requirements.txt", "-dev.txt", "-tracing.txt", "services/common_passwords.txt")
    return path.startswith(folders) or path.endswith(lists)


# Files


def test_documentation_is_restructured_text() -> None:
    assert [path for path in files() if path.lower().endswith((".md", ".markdown"))] == []


@for_each("path", [path for path in files() if not is_generated(path)])
def test_a_file_can_be_read_in_one_go(path: str) -> None:
    lines = (PROJECT_DIR / path).read_bytes().count(b"\n")
    assert lines <= LINES_MAX


@for_each("path", modules())
def test_a_module_opens_with_what_it_is_for(path: str) -> None:
    source = (PROJECT_DIR / path).read_text()
    if path.startswith("tests/") and path.endswith("__init__.py") and not source:
        return
    first_line, _, _ = (ast.get_docstring(tree(path)) or "").partition("\n")
    assert len(first_line) > 5
    assert first_line[0].isupper() or first_line[0] in "@`"


# Imports


def test_nothing_imports_main() -> None:
    assert [path for path in modules() if "main" in imports(path)] == []


def test_config_imports_nothing_of_ours() -> None:
    ours = {path.partition("/")[0].removesuffix(".py") for path in modules()}
    assert {name.partition(".")[0] for name in imports("config.py")} & ours == set()


def test_tables_are_named_row() -> None:
    tables = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert len(tables) > 5
    assert {name for name in tables if not name.endswith("Row")} == set()


@for_each("path", modules("api/"))
def test_the_api_knows_no_table(path: str) -> None:
    tables = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert names(path) & tables == set()


@for_each("path", route_modules())
def test_routes_leave_the_database_to_the_services(path: str) -> None:
    drivers = {"sqlalchemy", "psycopg", "flask_migrate", "alembic"}
    assert {name.partition(".")[0] for name in imports(path)} & drivers == set()
    assert "services.db_client" not in imports(path)
    assert "db" not in names(path)


# Views


def is_registration(decorator: ast.expr) -> bool:
    """True for `@tasks.get("/tasks")` and its like."""
    methods = ("route", "get", "post", "put", "patch", "delete")
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in methods
    )


def is_socket(decorator: ast.expr) -> bool:
    """Whether a function serves a WebSocket, whose messages have models of their own."""
    return is_registration(decorator) and ast.unparse(decorator).startswith("sock.")


def is_endpoint(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "endpoint"
    )


def views() -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions in api/routes that answer requests, except those that send files."""
    for path in route_modules():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and any(map(is_registration, node.decorator_list)):
                yield path, node


VIEWS = {f"{path}-{node.name}": node for path, node in views()}
VIEWS_OF_DATA = {
    f"{path}-{node.name}": node
    for path, node in views()
    if path not in ("api/routes/docs.py", "api/routes/mcp.py", "api/routes/metrics.py")
    and not any(map(is_socket, node.decorator_list))
}


@for_each("view", VIEWS_OF_DATA)
def test_a_view_is_made_by_endpoint(view: ast.FunctionDef) -> None:
    *_, registration, made = view.decorator_list
    assert (is_registration(registration), is_endpoint(made)) == (True, True)


@for_each("view", VIEWS)
def test_a_view_says_what_it_returns(view: ast.FunctionDef) -> None:
    assert view.returns is not None


@for_each("view", VIEWS)
def test_a_view_is_a_few_lines(view: ast.FunctionDef) -> None:
    statements = view.body[1:]  # behind the docstring
    assert sum(len(list(each_statement(statement))) for statement in statements) <= 8


def each_statement(statement: ast.stmt) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(statement) if isinstance(node, ast.stmt))


def test_every_address_is_answered_from_the_routes(app: Flask) -> None:
    sockets = {rule.endpoint for rule in app.url_map.iter_rules() if rule.websocket}
    for name, view in app.view_functions.items():
        assert view.__module__.startswith("api.routes."), name
        has_models = hasattr(view, "contract") or name in sockets
        assert has_models or view.__module__ in (SENDS_FILES, SENDS_METRICS, SPEAKS_MCP), name


def test_a_view_takes_what_its_path_and_its_request_give(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        contract = getattr(app.view_functions[rule.endpoint], "contract", None)
        if contract is not None:
            taken = set(contract.parameters)
            if contract.before is not None:
                taken |= set(inspect.signature(contract.before).parameters)
            assert taken - OF_A_REQUEST == rule.arguments, rule
            assert contract.before is not None or not contract.takes("prepared"), rule


# What @endpoint refuses when a view is defined


def without_return(principal: Principal):  # type: ignore[no-untyped-def]  # that is refused
    """A view."""


def without_docstring(principal: Principal) -> str:
    return principal.id


def with_a_parameter_unannotated(principal: Principal, thing) -> str:  # type: ignore[no-untyped-def]  # that is refused
    """A view."""
    return principal.id


def returning_nothing() -> None:
    """A view."""


def taking_a_dict(body: dict[str, Any]) -> str:
    """A view."""
    return str(body)


def taking_a_dict_of_questions(query: dict[str, Any]) -> str:
    """A view."""
    return str(query)


def taking_somebody_else(principal: BaseModel) -> str:
    """A view."""
    return str(principal)


def taking_a_bare_tag(if_match: str) -> str:
    """A view."""
    return if_match


def taking_bare_bytes(upload: bytes) -> str:
    """A view."""
    return str(upload)


def returning_a_file() -> ZipDownload:
    """A view."""
    return ZipDownload("nothing.zip", BytesIO())


def sound(principal: Principal, thing_id: str, if_match: IfMatch) -> str:
    """A view."""
    return f"{principal}{thing_id}{if_match}"


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (without_return, "does not say what it returns"),
        (without_docstring, "has no docstring"),
        (with_a_parameter_unannotated, "does not annotate"),
        (returning_nothing, "its status is 204"),
        (taking_a_dict, "a body that is no model"),
        (taking_a_dict_of_questions, "a query that is no model"),
        (taking_somebody_else, "a principal that is no Principal"),
        (taking_a_bare_tag, "an? if_match that is no IfMatch"),
        (taking_bare_bytes, "a upload that is no Upload"),
        (returning_a_file, "a file, which is not recorded"),
    ],
)
def test_a_view_that_leaves_something_open_is_refused(
    view: Callable[..., Any], reason: str
) -> None:
    with pytest.raises(ContractError, match=reason):
        endpoint(access=Access.SESSION)(view)


def test_a_public_view_that_takes_a_principal_is_refused() -> None:
    with pytest.raises(ContractError, match="is public and takes a principal"):
        endpoint(access=Access.PUBLIC)(sound)


def test_a_view_that_does_not_say_who_may_call_it_is_refused() -> None:
    with pytest.raises(TypeError, match="access"):
        endpoint()(sound)  # type: ignore[call-arg]  # that is refused


def test_a_view_that_leaves_nothing_open_is_taken() -> None:
    assert hasattr(endpoint(access=Access.SESSION)(sound), "contract")


# What others have written


@dataclass(frozen=True)
class Package:
    """A package in a folder of vendored ones, as its manifest describes it."""

    version: str
    license: str
    source: str
    changed: str
    files: dict[str, str]


def manifest(vendor: Path) -> dict[str, Package]:
    described = json.loads((vendor / "manifest.json").read_text())
    return {name: Package(**package) for name, package in described.items()}


VENDORED = [(vendor, name) for vendor in VENDORS for name in manifest(vendor)]


def integrity(path: Path) -> str:
    """The digest of a file, as in the attribute `integrity` of HTML."""
    digest = hashlib.sha384(path.read_bytes()).digest()
    return f"sha384-{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_manifest_names_every_vendored_file(vendor: Path) -> None:
    packages = manifest(vendor)
    named = {f"{name}/{file}" for name, package in packages.items() for file in package.files}
    found = {path.relative_to(vendor).as_posix() for path in vendor.rglob("*") if path.is_file()}
    assert named == found - {"manifest.json"}


@pytest.mark.parametrize(("vendor", "name"), VENDORED)
def test_vendored_files_are_as_they_were_taken(vendor: Path, name: str) -> None:
    package = manifest(vendor)[name]
    assert {file: integrity(vendor / name / file) for file in package.files} == package.files


def test_the_vendored_swagger_ui_is_the_version_that_the_manifest_names() -> None:
    package = manifest(VENDORS[0])["swagger-ui"]
    bundle = (VENDORS[0] / "swagger-ui" / "swagger-ui-bundle.js").read_text()
    assert f'PACKAGE_VERSION:"{package.version}"' in bundle
    assert package.version in package.source
