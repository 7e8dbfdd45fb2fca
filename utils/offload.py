"""CPU-heavy work kept off the event loop of a gevent worker."""

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

from gevent import monkey
from gevent.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2  # for each kind of work: logins do not wait behind imports


def offload(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `work` in a native thread while other greenlets go on; elsewhere call it at once."""
    if not monkey.is_module_patched("threading"):
        return work(*args, **kwargs)
    return _pool_of(getattr(work, "__qualname__", "")).apply(work, args, kwargs)


@cache
def _pool_of(_kind: str) -> ThreadPool:
    return ThreadPool(THREADS)
