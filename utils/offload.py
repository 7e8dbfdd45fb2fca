"""CPU-heavy work kept off the event loop of a gevent worker."""

from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from typing import Any, ParamSpec, TypeVar

from gevent import monkey
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2  # for each kind of work: logins do not wait behind imports


def offload(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work` in a native thread while other greenlets go on; elsewhere call it at once."""
    if not monkey.is_module_patched("threading"):
        return work(*args, **kwargs)
    pool = _pool_of(getattr(work, "__qualname__", ""))
    # A thread knows nothing of the request that it works for, unless it is told.
    result, error = pool.apply(copy_context().run, (_outcome_of, work, args, kwargs))
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]  # what `work` returned


def _outcome_of(work: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    """gevent prints what a thread raises; errors of people belong to the caller alone."""
    try:
        return work(*args, **kwargs), None
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return None, error


@cache
def _pool_of(_kind: str) -> ThreadPool:
    return ThreadPool(THREADS)
