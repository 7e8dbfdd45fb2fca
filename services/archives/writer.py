"""Writing an archive into an account: everything gets an id of its own, always the same one.

So the same archive again finds all of it by its ids and makes nothing, also of what is in the
trash by now; and it changes nothing of what is here.
"""

from collections.abc import Callable

from models.archive import Archive
from models.principal import Principal
from services.archives.people import ArchivePeople, archive_people
from services.archives.projects import ArchiveProjects, archive_projects
from services.archives.run import ArchiveRun
from services.archives.tasks import ArchiveTasks, archive_tasks
from services.archives.time import ArchiveTime, archive_time


class ArchiveWriter:
    """Writes inside the caller's transaction."""

    def __init__(
        self,
        people: ArchivePeople,
        projects: ArchiveProjects,
        tasks: ArchiveTasks,
        time: ArchiveTime,
    ) -> None:
        self._people = people
        self._projects = projects
        self._tasks = tasks
        self._time = time

    def write(
        self, principal: Principal, archive: Archive, progress: Callable[[int], None]
    ) -> ArchiveRun:
        """Make everything that is not here yet; returns what became of it."""
        people, made = self._people.resolve(principal, archive)
        run = ArchiveRun(principal, archive, people, progress)
        run.counts.update(made)
        run.matched += len(archive.agents) + len(archive.people) - sum(made.values())
        self._projects.write(run)
        self._tasks.write(run)
        self._time.write(run)
        return run


archive_writer = ArchiveWriter(archive_people, archive_projects, archive_tasks, archive_time)
