"""The built-in page: the files it is made of, and the name under which browsers keep them."""

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from api import web_files
from api.web_files import WebFile
from config import settings

WEB = settings.project_dir / "web"
# In the order in which they apply.
SHEETS = (
    "base",
    "layout",
    "lists",
    "board",
    "task",
    "keeping",
    "reports",
    "project",
    "time",
    "settings",
)
STYLES = [f"styles/{name}.css" for name in SHEETS]
VENDORED = ["vendor/uplot/uPlot.esm.js", "vendor/uplot/uPlot.min.css"]
OF_THE_DOCUMENTS = ("docs.js", "live.js")
MODULES = sorted(
    path.relative_to(WEB).as_posix()
    for path in (*WEB.glob("*.js"), *WEB.glob("time/*.js"), *WEB.glob("views/**/*.js"))
    if path.name not in OF_THE_DOCUMENTS
)
PATHS = {name: WEB / name for name in (*STYLES, *MODULES, *VENDORED)}

ENTRY = "app.js"
# What has to be there before a module runs; what it asks for later is `import("...")`.
IMPORT = re.compile(rb'^import [^;(]*"(\.[^"]+)";', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class State:
    """The files as they are at a time; `first` are the modules that the first view takes."""

    digest: str
    files: Mapping[str, WebFile]
    first: list[str]


def needed_by(module: str, files: Mapping[str, WebFile]) -> list[str]:
    """Return a module with all that it imports, and what that imports."""
    found = {module}
    waiting = [module]
    while waiting:
        importer = waiting.pop()
        for path in IMPORT.findall(files[importer].plain):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(importer), path.decode()))
            if name not in found:
                found.add(name)
                waiting.append(name)
    return sorted(found)


class BuiltInPage:
    """The files under `paths`, looked at once for each page and not for each of its files."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._known = State("", {}, [])

    def look(self) -> State:
        """Return the files as they are now: they change where somebody works on them."""
        files = {name: web_files.read(path) for name, path in self._paths.items()}
        if files != self._known.files:
            digests = "".join(file.digest for file in files.values())
            digest = hashlib.sha256(digests.encode()).hexdigest()[:16]
            self._known = State(digest, files, needed_by(ENTRY, files))
        return self._known

    def find(self, name: str, digest: str) -> tuple[WebFile, bool] | None:
        """
        Return a file and whether this state has the digest; None where there is no such file.

        During an update the asker may know of another state. The page may then come from both, but
        a page that is there takes no view of another one, which may not fit it.
        """
        if name not in self._paths:
            return None
        file = web_files.read(self._paths[name])
        state = self._known
        if (digest, file) != (state.digest, state.files.get(name)):
            state = self.look()
        is_known = digest == state.digest
        if not is_known and name not in (*STYLES, *state.first):
            return None
        return state.files[name], is_known


built_in_page = BuiltInPage(PATHS)
