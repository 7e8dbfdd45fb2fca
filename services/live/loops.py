"""Work that goes on as long as the process does."""

import random
import time
from collections.abc import Callable
from threading import Thread

from utils.errors import ServiceError
from utils.logger import get_logger
from utils.metrics import LOOPS_FAILED

PAUSE_SECONDS = (0.2, 1.0)  # after a failure, at random

logger = get_logger(__name__)


def run_forever(name: str, step: Callable[[], None]) -> None:
    """Call `step` again and again in a thread of its own; a failure is logged and it goes on."""
    Thread(target=_loop, args=(name, step), name=name, daemon=True).start()


def _loop(name: str, step: Callable[[], None]) -> None:
    while True:
        try:
            step()
        except ServiceError as error:
            LOOPS_FAILED.labels(name).inc()
            logger.warning("loop.interrupted", loop=name, code=error.code, detail=error.detail)
        except Exception:
            LOOPS_FAILED.labels(name).inc()
            logger.exception("loop.failed", loop=name)
        else:
            continue
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - jitter
