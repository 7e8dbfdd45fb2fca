"""Lease work to agents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ACTIVE = sa.text("ended_at IS NULL")
PENDING = "deleted_at IS NULL AND status = 'pending'"
DOER = "COALESCE(delegate_id, assignee_id)"
CLAIM_ORDER = (
    sa.text("priority DESC"),
    sa.text("COALESCE(due_at, 'infinity'::timestamptz)"),
    "position",
    "id",
)
RUNNING = "ended_at IS NULL AND deleted_at IS NULL"

# What was claimed stays at the front of the indexes until the next vacuum, in the way of each claim.
VACUUM_EARLY = "autovacuum_vacuum_scale_factor = 0.02"

# What of a task says whether agents may claim it, and as which.
CLAIMED_BY = "project_id, status, delegate_id, assignee_id, deleted_at, labels"
CLAIMED_AS = "priority, due_at, position"
LABELS_OF_TASKS = """
    INSERT INTO claimable_labels (task_id, label, scope_id, priority, due_at, position)
    SELECT DISTINCT tasks.id, label, tasks.scope_id, tasks.priority, tasks.due_at, tasks.position
    FROM {tasks}, unnest(tasks.labels) AS label
    WHERE tasks.project_id IS NOT NULL AND tasks.deleted_at IS NULL AND tasks.status = 'pending'
      AND tasks.delegate_id IS NULL AND tasks.assignee_id IS NULL
"""
KEEP_LABELS = """
    CREATE FUNCTION keep_claimable_labels() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM claimable_labels WHERE task_id = NEW.id;
        END IF;
        {labels_of_new};
        RETURN NULL;
    END
    $$
"""
TRIGGERS = (
    """
    CREATE TRIGGER keep_claimable_labels_of_new AFTER INSERT ON tasks FOR EACH ROW
    WHEN (NEW.labels <> '{}' AND NEW.project_id IS NOT NULL)
    EXECUTE FUNCTION keep_claimable_labels()
    """,
    f"""
    CREATE TRIGGER keep_claimable_labels AFTER UPDATE OF {CLAIMED_BY}, {CLAIMED_AS} ON tasks
    FOR EACH ROW WHEN (
        (OLD.labels <> '{{}}' OR NEW.labels <> '{{}}')
        AND (OLD.project_id IS NOT NULL OR NEW.project_id IS NOT NULL)
    )
    EXECUTE FUNCTION keep_claimable_labels()
    """,
)


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("capabilities", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    _let_tasks_be_delegated()
    _list_labels()
    _make_leases()
    op.add_column("time_entries", sa.Column("lease_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(
        "fk_time_entries_lease_id",
        "time_entries",
        "leases",
        ["lease_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        "uq_time_entries_lease_id",
        "time_entries",
        ["lease_id"],
        unique=True,
        postgresql_where=sa.text("lease_id IS NOT NULL"),
    )
    _say_what_runs_once(f"{RUNNING} AND lease_id IS NULL")


def _let_tasks_be_delegated() -> None:
    op.add_column("tasks", sa.Column("delegate_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key("fk_tasks_delegate_id", "tasks", "users", ["delegate_id"], ["id"])
    op.create_index(
        "ix_tasks_claimable",
        "tasks",
        ["scope_id", *CLAIM_ORDER],
        postgresql_where=sa.text(f"{PENDING} AND delegate_id IS NULL AND assignee_id IS NULL"),
    )
    op.create_index(
        "ix_tasks_scope_id_delegate_id_created_at_id",
        "tasks",
        ["scope_id", "delegate_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("deleted_at IS NULL AND delegate_id IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_given",
        "tasks",
        [sa.text(DOER), *CLAIM_ORDER],
        postgresql_where=sa.text(f"{PENDING} AND {DOER} IS NOT NULL"),
    )
    op.execute(f"ALTER TABLE tasks SET ({VACUUM_EARLY})")


def _list_labels() -> None:
    """Let the best task of each label be found, among however many."""
    priority = postgresql.ENUM(name="task_priority", create_type=False)
    op.create_table(
        "claimable_labels",
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("priority", priority, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "label", name="pk_claimable_labels"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_claimable_labels_task_id", ondelete="CASCADE"
        ),
    )
    order = (sa.text("priority DESC"), CLAIM_ORDER[1], "position", "task_id")
    op.create_index("ix_claimable_labels_best", "claimable_labels", ["scope_id", "label", *order])
    op.execute(f"ALTER TABLE claimable_labels SET ({VACUUM_EARLY})")
    op.execute(LABELS_OF_TASKS.format(tasks="tasks"))
    labels_of_new = LABELS_OF_TASKS.format(tasks="(SELECT NEW.*) AS tasks")
    op.execute(KEEP_LABELS.format(labels_of_new=labels_of_new))
    for trigger in TRIGGERS:
        op.execute(trigger)


def _make_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Integer(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("was_delegated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="fk_leases_task_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_leases_project_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["users.id"], name="fk_leases_agent_id"),
        sa.CheckConstraint("(status = 'active') = (ended_at IS NULL)", name="ck_leases_ended"),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="ck_leases_progress"),
    )
    op.create_index("uq_leases_active", "leases", ["task_id"], unique=True, postgresql_where=ACTIVE)
    op.create_index("ix_leases_running_out", "leases", ["expires_at"], postgresql_where=ACTIVE)
    op.create_index("ix_leases_project_id_id", "leases", ["project_id", "id"])
    op.create_index("ix_leases_held", "leases", ["project_id", "id"], postgresql_where=ACTIVE)
    op.create_index("ix_leases_task_id_id", "leases", ["task_id", "id"])
    op.create_index("ix_leases_agent_id_id", "leases", ["agent_id", "id"])


def _say_what_runs_once(condition: str) -> None:
    """Let an index tell which time of somebody may run only once at a time."""
    op.drop_index("uq_time_entries_running", table_name="time_entries")
    op.create_index(
        "uq_time_entries_running",
        "time_entries",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text(condition),
    )


def downgrade() -> None:
    # Of several that ran at a time there would be none that may stay.
    op.execute(
        "UPDATE time_entries SET ended_at = GREATEST(now(), started_at + interval '1 microsecond')"
        " WHERE ended_at IS NULL AND deleted_at IS NULL AND lease_id IS NOT NULL"
    )
    _say_what_runs_once(RUNNING)
    op.drop_column("time_entries", "lease_id")
    op.drop_table("leases")
    op.execute("DROP FUNCTION keep_claimable_labels() CASCADE")
    op.drop_table("claimable_labels")
    op.execute("ALTER TABLE tasks RESET (autovacuum_vacuum_scale_factor)")
    op.drop_column("tasks", "delegate_id")
    op.drop_column("users", "capabilities")
