"""What the commands have in common: how they are called, and how they end."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import click
from flask import Blueprint
from pydantic import BaseModel, ValidationError

from utils.errors import ServiceError

Form = TypeVar("Form", bound=BaseModel)

ENDING = (signal.SIGTERM, signal.SIGHUP)

commands = Blueprint("commands", __name__, cli_group=None)


def read_form(model: type[Form], **values: object) -> Form:
    """Return what was said on the line as a model, or say which part of it does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        name = _name_on_the_line(str(problem["loc"][0]))
        raise click.UsageError(f"{name}: {problem['msg']}") from None


def _name_on_the_line(field: str) -> str:
    """Return what the help calls a value, or else what it was asked for as."""
    option = f"--{field.replace('_', '-')}"
    for each in click.get_current_context().command.params:
        if isinstance(each, click.Argument) and each.name == field:
            return field.upper()
        if field == each.name or option in each.opts:
            return each.opts[0]
    return field.capitalize()


@contextmanager
def explaining_errors() -> Iterator[None]:
    """What went wrong in one line and exit code 1, as programs on a terminal do."""
    try:
        yield
    except ServiceError as error:
        raise click.ClickException(error.detail) from None


@contextmanager
def tidy_when_stopped() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: what it began is taken away.

    What nohup made it deaf to does not end it.
    """
    heard = [each for each in ENDING if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, _leave) for each in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
