"""The statements of reports: entries cut to a range, and added up."""

# Every entry that has a part in [:start, :end), cut to it. Entries of up to a day are found by
# their start, the few longer ones in an index of their own: so the cost follows from the range.
_PARTS = """
    WITH parts AS (
        SELECT e.id, e.user_id, e.project_id, e.task_id, e.labels,
               GREATEST(e.started_at, :start) AS started_at,
               LEAST(COALESCE(e.ended_at, :now), :end) AS ended_at
        FROM time_entries AS e
        WHERE e.deleted_at IS NULL AND {scope}
          AND e.started_at >= CAST(:start AS timestamptz) - interval '24 hours'
          AND e.started_at < :end
          AND (e.started_at >= :start OR COALESCE(e.ended_at, :now) > :start)
        UNION ALL
        SELECT e.id, e.user_id, e.project_id, e.task_id, e.labels,
               CAST(:start AS timestamptz), LEAST(COALESCE(e.ended_at, :now), :end)
        FROM time_entries AS e
        WHERE e.deleted_at IS NULL AND {scope}
          AND (e.ended_at IS NULL OR e.ended_at - e.started_at > '24:00:00')
          AND e.started_at < CAST(:start AS timestamptz) - interval '24 hours'
          AND COALESCE(e.ended_at, :now) > :start
    )
"""

# What agents recorded has a source of its own, so it is told apart without a look at the users.
_SCOPES = {
    "mine": "e.user_id = :me",
    "project": "e.scope_id = :project_id AND e.source <> 'agent'",
    "project and agents": "e.scope_id = :project_id",
}

# Periods are cut at instants that Python has worked out: one source of time zone rules, and
# no assumption about how long a day is. width_bucket finds a period by binary search.
_CUT_SECONDS = """EXTRACT(epoch FROM
    LEAST(p.ended_at, cuts[period + 1]) - GREATEST(p.started_at, cuts[period])
)"""
_CUT = """
    FROM parts AS p,
         (SELECT CAST(:cuts AS timestamptz[]) AS cuts) AS calendar,
         generate_series(
             width_bucket(p.started_at, cuts),
             width_bucket(GREATEST(p.started_at, p.ended_at - interval '1 microsecond'), cuts)
         ) AS period
"""
_BY_PERIOD = f"""
    SELECT period AS key, NULL AS label, count(*) AS entries, sum({_CUT_SECONDS}) AS seconds
    {_CUT}
    GROUP BY period ORDER BY period
"""

_SUM = "count(*) AS entries, sum(EXTRACT(epoch FROM p.ended_at - p.started_at)) AS seconds"

# Names are looked up for the groups, not joined to the parts: that would read whole tables.
# One's own time stays one's own, what it was spent on may have become invisible.
_IS_MEMBER = """EXISTS (
    SELECT FROM memberships AS m
    WHERE m.project_id = {project_id} AND m.user_id = :me AND m.active
)"""
_TASK_IS_VISIBLE = "(t.scope_id = :me OR " + _IS_MEMBER.format(project_id="t.scope_id") + ")"

_PROJECT_IS_VISIBLE = _IS_MEMBER.format(project_id="t.id")

_NAMES = {
    "project": f"""
        SELECT t.name FROM projects AS t WHERE t.id = p.project_id AND {_PROJECT_IS_VISIBLE}
    """,  # noqa: S608 - a constant
    "task": f"""
        SELECT t.title FROM tasks AS t WHERE t.id = p.task_id AND {_TASK_IS_VISIBLE}
    """,  # noqa: S608 - a constant
    "user": "SELECT t.name FROM users AS t WHERE t.id = p.user_id",
}

_BY_THING = """
    SELECT * FROM (
        SELECT CAST(p.{thing}_id AS text) AS key, ({name}) AS label, {sum}
        FROM parts AS p GROUP BY p.{thing}_id
    ) AS sums
    ORDER BY label NULLS LAST, key
"""

_LABELLED = f"""
    LEFT JOIN LATERAL (
        SELECT DISTINCT unnest(
            p.labels || COALESCE(
                (SELECT t.labels FROM tasks AS t WHERE t.id = p.task_id AND {_TASK_IS_VISIBLE}),
                '{{}}'
            )
        ) AS label
    ) AS labelled ON true
"""  # noqa: S608 - a constant

# Counts of counts: entries that are alike are added up before anything is looked up for them.
_SUM_OF_SUMS = "CAST(sum(p.entries) AS bigint) AS entries, sum(p.seconds) AS seconds"

_BY_LABEL = f"""
    , pieces AS (
        SELECT p.task_id, p.labels, {_SUM} FROM parts AS p GROUP BY p.task_id, p.labels
    )
    SELECT label AS key, label, {_SUM_OF_SUMS}
    FROM pieces AS p {_LABELLED}
    GROUP BY label ORDER BY label NULLS LAST
"""  # noqa: S608 - a constant

# Periods whole (an entry with two labels counts once) and by thing. A thing's name is looked up
# once, however many periods it is in.
_SPLIT = """
    , pieces AS (
        SELECT {alike}, period, count(*) AS entries, sum({seconds}) AS seconds
        {cut}
        GROUP BY {alike}, period
    ), shares AS (
        SELECT p.period, {thing} AS thing, {sum}
        FROM pieces AS p {joined}
        GROUP BY p.period, {thing}
    ), names AS (
        {names}
    )
    SELECT period AS key, true AS is_whole, NULL AS part, NULL AS label, {sum}
    FROM pieces AS p GROUP BY period
    UNION ALL
    SELECT s.period, false, CAST(s.thing AS text), n.label, s.entries, s.seconds
    FROM shares AS s LEFT JOIN names AS n ON n.thing = s.thing
    ORDER BY key, is_whole DESC, label NULLS LAST, part
    LIMIT :most
"""
_NAMES_OF_SHARES = """
    SELECT p.{thing}_id AS thing, ({name}) AS label
    FROM (SELECT DISTINCT thing AS {thing}_id FROM shares) AS p
"""


def _split(thing: str, names: str, alike: str, joined: str = "") -> str:
    return _SPLIT.format(
        seconds=_CUT_SECONDS, cut=_CUT, alike=alike, sum=_SUM_OF_SUMS, thing=thing, names=names,
        joined=joined,
    )  # fmt: skip


_TOTAL = "SELECT {sum} FROM parts AS p"

# The calendar is made for the time that there is, not for the range that was asked for.
_BOUNDS = f"""
    SELECT min(p.started_at) AS first, max(p.ended_at) AS last, {_SUM} FROM parts AS p
"""  # noqa: S608 - a constant

_GROUPS = {
    "bounds": _BOUNDS,
    "period": _BY_PERIOD,
    **{thing: _BY_THING.format(thing=thing, name=name, sum=_SUM) for thing, name in _NAMES.items()},
    "label": _BY_LABEL,
    "total": _TOTAL.format(sum=_SUM),
    **{
        f"period by {thing}": _split(
            f"p.{thing}_id", _NAMES_OF_SHARES.format(thing=thing, name=name), f"p.{thing}_id"
        )
        for thing, name in _NAMES.items()
    },
    "period by label": _split(
        "labelled.label",
        "SELECT DISTINCT thing, thing AS label FROM shares",
        "p.task_id, p.labels",
        _LABELLED,
    ),
}

# What can be grouped by, save periods.
THINGS = frozenset({*_NAMES, "label"})

# By scope and what is asked.
STATEMENTS = {
    (scope, kind): _PARTS.format(scope=condition) + groups
    for scope, condition in _SCOPES.items()
    for kind, groups in _GROUPS.items()
}
