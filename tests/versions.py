"""ETags, as lists tell of them: a version is another one exactly when something else is."""

from tests.records import Record

OF_THE_VERSION = ("version", "updated_at")


class Versions:
    """Remembers what was seen last of each thing in a list."""

    def __init__(self) -> None:
        self._seen: dict[str, Record] = {}

    def see(self, listed: list[Record]) -> None:
        """Compare what is listed now; what left the list meanwhile may come back as it likes."""
        for thing in listed:
            before = self._seen.get(thing["id"], thing)
            same = _content(before) == _content(thing)
            assert (before["version"] == thing["version"]) == same, (before, thing)
            assert before["version"] <= thing["version"]
        self._seen = {thing["id"]: thing for thing in listed}


def _content(thing: Record) -> Record:
    return {name: value for name, value in thing.items() if name not in OF_THE_VERSION}
