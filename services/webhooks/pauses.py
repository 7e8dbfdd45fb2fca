"""How long a receiver of webhooks is left alone after it failed."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from services.job_queue import JITTER
from utils.helpers import utc_now

# Seconds from each failed attempt to the next; the first is made at once.
PAUSES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
RETRY_AFTER_MAX = 86_400

# The longer a receiver goes on to time out, the more rest it gets.
TIMEOUTS_TO_REST = 3
REST_SECONDS, REST_MAX_SECONDS = 60, 900


def next_attempt(made: int, retry_after: str | None) -> datetime | None:
    """Return when to try again after `made` attempts failed before this one; None: never.

    That is a little later than planned, or when the receiver asks for it.
    """
    if made >= len(PAUSES):
        return None
    planned = PAUSES[made] * random.uniform(1, 1 + JITTER)  # noqa: S311 - jitter
    asked = min(_seconds_asked(retry_after or ""), RETRY_AFTER_MAX)
    return utc_now() + timedelta(seconds=max(planned, asked))


def end_of_rest(timeouts: int) -> datetime | None:
    """Return until when a receiver is left alone that timed out so often in a row."""
    if timeouts < TIMEOUTS_TO_REST:
        return None
    seconds = REST_SECONDS * 2 ** min(timeouts - TIMEOUTS_TO_REST, 10)
    return utc_now() + timedelta(seconds=min(seconds, REST_MAX_SECONDS))


def _seconds_asked(retry_after: str) -> float:
    """Return what Retry-After asks for, in seconds or as a date; 0 where it makes no sense."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:10])
    try:
        date = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError):
        return 0
    # Of its three forms one names no zone; all of them are in UTC (RFC 9110, 5.6.7).
    return (date.replace(tzinfo=date.tzinfo or UTC) - utc_now()).total_seconds()
