"""Imports: time from another service's export, into projects of one's own."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from models.imports import ImportForm, ImportResult, LineProblem
from models.membership import ProjectRole
from models.principal import Principal
from models.project import Project, ProjectCreate
from models.upload import Upload
from services.access_service import AccessService, access_service, refuse_below
from services.db_client import DatabaseClient, db
from services.import_writer import ImportWriter, Source, import_writer
from services.project_service import ProjectService, project_service
from services.time_entry_service import TimeEntryService, time_entry_service
from utils.offload import offload
from utils.parsers import (
    LineError,
    ParsedEntry,
    ParsedFile,
    UnreadableFileError,
    parse_clockify,
)

PARSERS: dict[str, Callable[[bytes, ZoneInfo], ParsedFile]] = {"clockify": parse_clockify}

ERRORS_TOLD = 1_000
COLUMNS_TOLD = 50
LINES_MAX = 200_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ParsedImport:
    """A file that was read, and the zone of its wall clocks."""

    file: ParsedFile
    timezone: str


class ImportService:
    """Brings files in: all good lines or, after an error of our own, none."""

    def __init__(
        self,
        database: DatabaseClient,
        access: AccessService,
        projects: ProjectService,
        entries: TimeEntryService,
        writer: ImportWriter,
    ) -> None:
        self._db = database
        self._access = access
        self._entries = entries
        self._projects = projects
        self._writer = writer

    def parse(self, principal: Principal, form: ImportForm, upload: Upload) -> ParsedImport:
        """Check the right to import, then read the file, outside of any transaction.

        UnreadableFileError says what is wrong with the file as a whole.
        """
        if form.project_id is not None:
            self._db.reading(lambda: self._find_project(principal, form, "", Counter()))
        if upload.content.count(b"\n") > LINES_MAX:
            raise UnreadableFileError(
                f"The file has more than {LINES_MAX:,} lines; split it and import the parts."
            )
        timezone = form.timezone or principal.timezone
        parsed = offload(PARSERS[form.format], upload.content, ZoneInfo(timezone))
        return ParsedImport(parsed, timezone)

    def run(
        self,
        principal: Principal,
        form: ImportForm,
        parsed: ParsedImport,
        progress: Progress = lambda _: None,
    ) -> ImportResult:
        """Write what was read, or with dry_run only count it; `progress` hears of lines done."""
        self._db.allow_long_transaction()
        if not form.dry_run:
            return self._write(principal, form, parsed, progress)
        with self._db.rehearsal():
            return self._write(principal, form, parsed, progress)

    def _write(
        self, principal: Principal, form: ImportForm, parsed: ParsedImport, progress: Progress
    ) -> ImportResult:
        # Of two imports by one person the second sees what the first has made.
        self._entries.lock_person(principal.id)
        counts: Counter[str] = Counter()
        errors = list(parsed.file.errors)
        for name, entries in _by_project(form, parsed.file.entries):
            if form.project_id is None and not name:
                errors += map(_without_project, entries)
                continue
            project = self._find_project(principal, form, name, counts)
            self._access.lock(principal, project.id, ProjectRole.OWNER)
            source = Source(form.format, parsed.timezone)
            counts += self._writer.write(principal, project, source, entries, progress)
        errors.sort(key=attrgetter("line"))
        return ImportResult(
            created=counts["created"],
            matched=counts["matched"],
            skipped=len({error.line for error in errors}),
            overlapping=counts["overlapping"],
            projects_created=counts["projects"],
            people_created=counts["people"],
            tasks_created=counts["tasks"],
            unknown_columns=parsed.file.unknown_columns[:COLUMNS_TOLD],
            errors=[LineProblem.model_validate(error) for error in errors[:ERRORS_TOLD]],
        )

    def _find_project(
        self, principal: Principal, form: ImportForm, name: str, counts: Counter[str]
    ) -> Project:
        """Return the project that lines go to: the given one, one of that name, or a new one."""
        if form.project_id is not None:
            project = self._projects.open_for_work(principal, form.project_id)
            refuse_below(ProjectRole.OWNER, project.role)
            return project
        owned = self._projects.find_owned(principal, name)
        if owned is not None:
            return owned
        counts["projects"] += 1
        return self._projects.create(principal, ProjectCreate(name=name))


def _by_project(
    form: ImportForm, entries: list[ParsedEntry]
) -> Iterator[tuple[str, list[ParsedEntry]]]:
    """Group entries by the project they go to; the file's own names do not matter with an id."""
    if form.project_id is not None:
        yield "", entries
        return
    for name, group in groupby(sorted(entries, key=attrgetter("project")), attrgetter("project")):
        yield name, list(group)


def _without_project(entry: ParsedEntry) -> LineError:
    return LineError(entry.line, "Project", "names no project; send project_id to say where to")


import_service = ImportService(
    db, access_service, project_service, time_entry_service, import_writer
)
