"""Imports: time or tasks from another service's export, into projects of one's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from models.archive import Archive
from models.imports import ImportForm, ImportFormat, ImportResult, LineProblem
from models.membership import ProjectRole
from models.principal import Principal
from models.project import Project, ProjectCreate
from models.upload import Upload
from models.user import UserKind
from services.access_service import AccessService, access_service, refuse_below
from services.archives.reader import read_archive
from services.archives.writer import ArchiveWriter, archive_writer
from services.db_client import DatabaseClient, db
from services.imports.contract import Progress, Source, Writer, Written
from services.imports.task_writer import task_import_writer
from services.imports.time_writer import import_writer
from services.project_service import ProjectService, project_service
from services.time_entry_service import TimeEntryService, time_entry_service
from utils.errors import BadRequestError, ForbiddenError
from utils.offload import offload
from utils.parsers import (
    ParsedFile,
    UnreadableFileError,
    parse_clockify,
    parse_ticktick,
    parse_toggl,
)


@dataclass(frozen=True, slots=True)
class Format:
    """How files of a format are read, and who writes what is in them."""

    parse: Callable[[bytes, ZoneInfo], ParsedFile[Any]]
    writer: Writer


FORMATS: dict[ImportFormat, Format] = {
    "clockify": Format(parse_clockify, import_writer),
    "toggl": Format(parse_toggl, import_writer),
    "ticktick": Format(parse_ticktick, task_import_writer),
}

ERRORS_TOLD = 1_000
COLUMNS_TOLD = 50
LINES_MAX = 200_000


@dataclass(frozen=True, slots=True)
class ParsedImport:
    """A file that was read, and the zone of its wall clocks."""

    file: ParsedFile[Any] | Archive
    timezone: str

    @property
    def lines(self) -> int:
        """How many lines there are to tell progress by."""
        return len(self.file) if isinstance(self.file, Archive) else len(self.file.entries)


class ImportService:
    """Brings files in: all good lines or, after an error of our own, none."""

    def __init__(
        self,
        database: DatabaseClient,
        access: AccessService,
        projects: ProjectService,
        entries: TimeEntryService,
        archives: ArchiveWriter,
        formats: dict[ImportFormat, Format],
    ) -> None:
        self._db = database
        self._access = access
        self._entries = entries
        self._projects = projects
        self._archives = archives
        self._formats = formats

    def parse(self, principal: Principal, form: ImportForm, upload: Upload) -> ParsedImport:
        """Check the right to import, then read the file, outside of any transaction.

        UnreadableFileError says what is wrong with the file as a whole.
        """
        if form.format == "stint":
            _check_archive_form(principal, form)
            return ParsedImport(offload(read_archive, upload.content), principal.timezone)
        if form.project_id is not None:
            self._db.reading(lambda: self._find_project(principal, form, "", Written()))
        # Either of them ends a line for csv.
        if max(upload.content.count(b"\n"), upload.content.count(b"\r")) > LINES_MAX:
            raise UnreadableFileError(
                f"The file has more than {LINES_MAX:,} lines; split it and import the parts."
            )
        timezone = form.timezone or principal.timezone
        parsed = offload(self._formats[form.format].parse, upload.content, ZoneInfo(timezone))
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
        if isinstance(parsed.file, Archive):
            return self._write_archive(principal, parsed.file, progress)
        source = Source(form.format, parsed.timezone)
        writer = self._formats[form.format].writer
        total = Written(errors=parsed.file.errors)
        for name, entries in _by_project(form, parsed.file.entries):
            project = self._find_project(principal, form, name, total)
            if project is not None:
                self._access.lock(principal, project.id, ProjectRole.OWNER)
            total.add(writer.write(principal, project, source, entries, progress))
        return _result(total, parsed.file.unknown_columns)

    def _write_archive(
        self, principal: Principal, archive: Archive, progress: Progress
    ) -> ImportResult:
        run = self._archives.write(principal, archive, progress)
        return ImportResult(
            created=run.counts["time_entries"],
            matched=run.matched,
            skipped=run.skipped,
            overlapping=run.overlapping,
            projects_created=run.counts["projects"],
            people_created=run.counts["people"],
            tasks_created=run.counts["tasks"],
            items_created=run.counts["items"],
            counts=dict(run.counts),
            unknown_columns=[],
            errors=run.problems[:ERRORS_TOLD],
        )

    def _find_project(
        self, principal: Principal, form: ImportForm, name: str, total: Written
    ) -> Project | None:
        """Return the project that lines go to: the given one, one of that name, or a new one."""
        if form.project_id is not None:
            project = self._projects.open_for_work(principal, form.project_id)
            refuse_below(ProjectRole.OWNER, project.role)
            return project
        if not name:
            return None
        owned = self._projects.find_owned(principal, name)
        if owned is not None:
            return owned
        total.projects_created += 1
        return self._projects.create(principal, ProjectCreate(name=name))


def _check_archive_form(principal: Principal, form: ImportForm) -> None:
    if form.project_id is not None or form.timezone is not None:
        raise BadRequestError(
            "An archive brings its own projects and zones; leave project_id and timezone out.",
            code="not_for_archives",
        )
    if principal.kind is UserKind.AGENT:
        raise ForbiddenError("An archive becomes a person's account; let a person import it.")


def _by_project(form: ImportForm, entries: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Group entries by the project they go to; the file's own names do not matter with an id."""
    if form.project_id is not None:
        yield "", entries
        return
    for name, group in groupby(sorted(entries, key=attrgetter("project")), attrgetter("project")):
        yield name, list(group)


def _result(total: Written, unknown_columns: list[str]) -> ImportResult:
    errors = sorted(total.errors, key=attrgetter("line"))
    return ImportResult(
        created=total.created,
        matched=total.matched,
        skipped=len({error.line for error in errors if error.severity == "error"}),
        overlapping=total.overlapping,
        projects_created=total.projects_created,
        people_created=total.people_created,
        tasks_created=total.tasks_created,
        items_created=total.items_created,
        unknown_columns=unknown_columns[:COLUMNS_TOLD],
        errors=[LineProblem.model_validate(error) for error in errors[:ERRORS_TOLD]],
    )


import_service = ImportService(
    db, access_service, project_service, time_entry_service, archive_writer, FORMATS
)
