"""What a page costs in a project of 1,000, 100,000 and 1,000,000 tasks: it should be the same.

All three are in one database, so that only what a reader may see differs. `python -m
benchmarks.curve`; BENCH_DATABASE_URL names a server to use instead of an embedded one.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import LiteralString

from benchmarks.__main__ import running_stint
from benchmarks.database import Database, temporary_database
from benchmarks.reader import Reader

SIZES = (1_000, 100_000, 1_000_000)

# One in 3 tasks has a common word and label, one in 97 a less common one, 20 of any project a rare
# one; all are spread evenly over its age.
FILL: LiteralString = """
    INSERT INTO tasks (id, title, description, created_by, project_id, status, priority, due_at,
                       labels, position)
    SELECT (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7'
            || substr(md5(%(salt)s || n), 1, 3) || '8' || substr(md5(%(salt)s || n), 4, 15))::uuid,
           'Task ' || n || CASE WHEN n %% 3 = 0 THEN ' often' ELSE '' END
               || CASE WHEN n %% 97 = 0 THEN ' sometimes' ELSE '' END
               || CASE WHEN n %% (%(size)s / 20) = 0 THEN ' seldom' ELSE '' END,
           'Collect what the teams sent, check the sums, and note what is missing.',
           %(user_id)s, %(project_id)s,
           (ARRAY['pending', 'in_progress', 'completed', 'cancelled'])[1 + n %% 4],
           (ARRAY['none', 'low', 'medium', 'high', 'urgent'])[1 + n %% 5]::task_priority,
           CASE WHEN n %% 2 = 0 THEN now() + n * interval '1 minute' END,
           array_remove(ARRAY[CASE WHEN n %% 3 = 0 THEN 'often' END,
               CASE WHEN n %% (%(size)s / 20) = 0 THEN 'seldom' END], NULL),
           'i' || lpad(n::text, 9, '0') || 'V'
    FROM generate_series(1, %(size)s) AS n
"""

QUESTIONS = {
    "newest": "",
    "by position": "sort=position",
    "by due date": "sort=due_at",
    "by priority": "sort=-priority",
    "by change": "sort=-updated_at",
    "in progress": "status=in_progress",
    "label, common": "label=often",
    "label, rare": "label=seldom",
    "label, none": "label=never",
    "search, common": "search=often",
    "search, less common": "search=sometimes",
    "search, rare": "search=seldom",
    "search, none": "search=never",
    "search, two words": "search=often+seldom",
    "search, newest first": "search=sometimes&sort=-created_at",
}


def fill(database: Database, reader: Reader, size: int) -> None:
    """Give a reader's project its tasks."""
    values = {
        "size": size,
        "salt": secrets.token_hex(8),
        "user_id": reader.user_id,
        "project_id": reader.project_id,
    }
    with database.connect() as connection:
        connection.execute(FILL, values)


def main() -> int:
    """Fill, measure and print a table; every figure is the median of some requests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curve", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="requests for each figure")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    options.workers = 1
    with (
        tempfile.TemporaryDirectory(prefix="stint-curve-") as logs,
        temporary_database(os.environ.get("BENCH_DATABASE_URL")) as database,
        running_stint(options, database, Path(logs)) as server,
    ):
        readers = [Reader(server) for _ in options.sizes]
        for reader, size in zip(readers, options.sizes, strict=True):
            fill(database, reader, size)
        with database.connect() as connection:
            connection.execute("VACUUM (ANALYZE) tasks")
        sys.stdout.write(f"{'ms a page of 50':24}" + _row(f"{each:,}" for each in options.sizes))
        for name, question in QUESTIONS.items():
            _report(name, question, readers, options.times)
    return 0


def _report(name: str, question: str, readers: list[Reader], times: int) -> None:
    paths = [f"/tasks?project_id={reader.project_id}&{question}" for reader in readers]
    took = [reader.milliseconds(path, times) for reader, path in zip(readers, paths, strict=True)]
    sys.stdout.write(f"{name:24}" + _row(f"{each:.1f}" for each in took))
    sys.stdout.flush()


def _row(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>12}" for cell in cells) + "\n"


if __name__ == "__main__":
    sys.exit(main())
