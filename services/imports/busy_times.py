"""Which stretches of a person's time are taken."""

from bisect import bisect_left, bisect_right
from datetime import datetime


class BusyTimes:
    """Half-open stretches that do not overlap each other; those that would are only reported."""

    def __init__(self) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []

    def take(self, start: datetime, end: datetime) -> bool:
        """Take [start, end) if it is free; return whether it overlaps what was taken before.

        A stretch without length overlaps nothing.
        """
        if start == end:
            return False
        first = bisect_right(self._ends, start)
        behind = bisect_left(self._starts, end)
        if first < behind:
            return True
        self._starts.insert(first, start)
        self._ends.insert(first, end)
        return False
