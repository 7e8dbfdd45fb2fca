"""What is asked of the database before and after a dump, and said around a load."""

from collections.abc import Iterable, Mapping

from services.schema_service import LOCK

# A long dump, or waiting for it, is no mistake.
UNHURRIED = """
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout',
                   'transaction_timeout')
"""

TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p') ORDER BY relname
"""

# Of what another role has open, only a superuser is told more than that it is there; what
# PostgreSQL does by itself is nobody's.
IN_USE = """
    datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
    AND COALESCE(backend_type, 'client backend') = 'client backend'
"""
OTHERS = f"""
    SELECT COALESCE(NULLIF(application_name, ''), 'a program without a name') AS name,
           count(*) AS count
    FROM pg_stat_activity WHERE {IN_USE}
    GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - a constant

# By one name after another, and not the schema itself: that may have grants, and extensions in it.
DROP_ALL = """
DO $$
DECLARE command text;
BEGIN
    FOR command IN
        SELECT format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    LOOP EXECUTE command; END LOOP;
    FOR command IN
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
        UNION ALL
        SELECT format('DROP TYPE IF EXISTS %s CASCADE', pg_type.oid::regtype) FROM pg_type
        LEFT JOIN pg_class ON pg_class.oid = typrelid
        WHERE typnamespace = 'public'::regnamespace
          AND (typtype IN ('e', 'd', 'r') OR relkind = 'c')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
    LOOP EXECUTE command; END LOOP;
END $$;
"""

# Nobody can have come in between: until the end, whoever wants to read a table waits here, and
# whoever wants to migrate.
BEFORE = f"""
SET client_min_messages = warning;
SET lock_timeout = '10s';
BEGIN;
SELECT pg_advisory_xact_lock({LOCK});
DO $$ BEGIN
    FOR attempt IN 1..50 LOOP
        IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE {IN_USE}) THEN
            RETURN;
        END IF;
        PERFORM pg_sleep(0.1), pg_stat_clear_snapshot();
    END LOOP;
    RAISE 'another program connected meanwhile; stop it and try again';
END $$;
{DROP_ALL}
"""  # noqa: S608 - a constant

# What was true when the backup was made and is not any more: clients have seen events that are
# gone, sessions may have been ended since, and no worker is at work on what one was doing then.
AFRESH = """
DO $$ BEGIN
    IF to_regclass('event_log') IS NOT NULL THEN
        UPDATE event_log SET epoch = gen_random_uuid();
    END IF;
    IF to_regclass('sessions') IS NOT NULL THEN
        UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL;
    END IF;
    IF to_regclass('procrastinate_workers') IS NOT NULL THEN
        DELETE FROM procrastinate_workers;
    END IF;
END $$;
"""


def after(rows: Mapping[str, int]) -> str:
    """Return what follows a load: all rows must be there."""
    counted = " UNION ALL ".join(
        f"SELECT {_literal(name)}, {count}, (SELECT count(*) FROM {_name(name)})"  # noqa: S608 - quoted
        for name, count in sorted(rows.items())
    )
    return f"""
SET search_path = public;
DO $$
DECLARE wrong text;
BEGIN
    SELECT string_agg(name, ', ') INTO wrong
    FROM ({counted}) AS counted (name, said, there) WHERE said <> there;
    IF wrong IS NOT NULL THEN
        RAISE 'rows are missing in %', wrong;
    END IF;
END $$;
{AFRESH}
COMMIT;
"""  # noqa: S608 - quoted


def count_all(tables: Iterable[str]) -> str:
    """Return the statement that counts the rows of each table."""
    counts = (f"SELECT {_literal(name)}, count(*) FROM public.{_name(name)}" for name in tables)  # noqa: S608 - quoted
    return " UNION ALL ".join(counts)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
