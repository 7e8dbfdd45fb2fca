"""Whether this machine, and what runs beside the database, has what the service needs."""

import os
import resource
import shutil
from collections.abc import Callable
from zoneinfo import available_timezones

from config import Settings
from services.doctor.outcome import Outcome, fail, ok, warn

FILES_BESIDE = 1_000  # as in gunicorn.conf.py
ZONES_MIN = 400  # the whole of the database has some 600
MEGABYTE = 1024 * 1024
DISK_FAIL, DISK_WARN = 200 * MEGABYTE, 1024 * MEGABYTE
PING_SECONDS = 2


def data_dir(options: Settings) -> Outcome:
    """Keys, letters and perhaps the database are there."""
    path = options.data_dir.absolute()
    if not path.exists():
        return ok(f"{path} is made at the first start")
    if not os.access(path, os.W_OK | os.X_OK):
        return warn(f"{path} cannot be written by this user; run as the user of the service")
    return ok(str(path))


def disk_space(options: Settings) -> Outcome:
    """A full disk stops everything."""
    path = options.data_dir.absolute()
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    told = f"{free // MEGABYTE} MB are free at {path}"
    if free < DISK_FAIL:
        return fail(f"{told}; make room now")
    if free < DISK_WARN:
        return warn(f"{told}; make room soon")
    return ok(told)


def open_files(options: Settings) -> Outcome:
    """Every socket is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = options.socket_connections + FILES_BESIDE
    if most != resource.RLIM_INFINITY and most < needed:
        return warn(
            f"a process may have {most}, and SOCKET_CONNECTIONS asks for {needed}; raise it "
            "(LimitNOFILE= in a systemd unit, ulimit -n elsewhere)"
        )
    return ok(f"a process may have {most if most != resource.RLIM_INFINITY else 'any number'}")


def time_zones(_options: Settings) -> Outcome:
    """Days are cut by them."""
    found = len(available_timezones())
    if found < ZONES_MIN:
        return fail(f"Python knows {found} only; install the package tzdata")
    return ok(f"Python knows {found}")


def redis(options: Settings) -> Outcome:
    """It carries hints between processes, and counts for limits."""
    if options.redis_url is None:
        return ok("is not used; PostgreSQL carries the hints")
    from redis import Redis, RedisError  # noqa: PLC0415 - slow to import

    try:
        client = Redis.from_url(
            options.redis_url.get_secret_value(),
            socket_connect_timeout=PING_SECONDS,
            socket_timeout=PING_SECONDS,
        )
        with client:
            client.ping()
    except (RedisError, ValueError) as error:
        kind = type(error).__name__  # its words may quote the URL, with the password
        return fail(f"does not answer ({kind}); start it, or look at REDIS_URL")
    return ok("answers")


CHECKS: tuple[Callable[[Settings], Outcome], ...] = (
    data_dir,
    disk_space,
    open_files,
    time_zones,
    redis,
)
