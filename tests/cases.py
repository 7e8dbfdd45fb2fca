"""Tests of hundreds of cases that share all they need: as many tests would cost more than they do.

Unlike pytest's `parametrize` the fixtures are made once, so no case may change what they hold.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from traceback import format_exception
from typing import Any

Test = Callable[..., None]


def for_each(name: str, cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Give a test one case after the other by this name; all that go wrong are told at the end.

    Where `cases` is a mapping its keys say which was which, else they do so themselves. Of names
    with commas between them each gets its part of a case.
    """
    known = cases if isinstance(cases, Mapping) else _by_label(list(cases))
    names = name.split(",")

    def decorate(test: Test) -> Test:
        @wraps(test)
        def all_of_them(**fixtures: Any) -> None:
            assert known, "there is nothing to try"
            failures: list[str] = []
            for label, case in known.items():
                given = dict(zip(names, case if len(names) > 1 else [case], strict=True))
                try:
                    test(**fixtures, **given)
                except Exception as error:  # noqa: BLE001 - told below
                    failures.append(f"With {name} {label}:\n{''.join(format_exception(error))}")
            # No ExceptionGroup: schemathesis drops those of its exceptions that look alike.
            assert not failures, "\n".join([f"{len(failures)} of {len(known)} fail.", *failures])

        signature = inspect.signature(test)
        left = [each for each in signature.parameters.values() if each.name not in names]
        all_of_them.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # what pytest looks at
        return all_of_them

    return decorate


def _by_label(cases: list[Any]) -> dict[str, Any]:
    known = {str(case): case for case in cases}
    if len(known) < len(cases):
        raise ValueError("some cases look alike: name them by a mapping")
    return known
