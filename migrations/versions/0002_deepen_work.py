"""Deepen work: items, comments, agents, dependencies, order, operations, a richer search."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEARCH = (
    "array_to_tsvector(ARRAY[COALESCE(project_id, created_by)::text]) || "
    "setweight(to_tsvector('simple'::regconfig, title), 'A') || "
    "setweight(to_tsvector('simple'::regconfig, description), 'B') || "
    "setweight(discussion, 'C')"
)

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The time in an id (48 bits of milliseconds) as microseconds in base 62: the order of creation, in
# the form of utils/positions.py. The id decides between those of one millisecond.
MICROSECONDS = "('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint * 1000"
POSITION_OF_ID = " || ".join(
    [
        "'i'",
        *(
            f"substr('{DIGITS}', (({MICROSECONDS}) / {62**power} % 62)::int + 1, 1)"
            for power in range(8, -1, -1)
        ),
        "'V'",
    ]
)

# What is in the trash already: table, kind, title, scope. One operation has several rows where this
# schema was in use before.
TRASHED = [
    ("projects", "project", "name", "id"),
    ("tasks", "task", "title", "scope_id"),
    ("time_entries", "time_entry", "note", "scope_id"),
]


# By age instead of by id, which the primary key is read by: table of old names and new columns.
BY_AGE = {
    "ix_tasks_scope_id": ["scope_id"],
    "ix_tasks_scope_id_status": ["scope_id", "status"],
    "ix_tasks_scope_id_assignee_id": ["scope_id", "assignee_id"],
}


def upgrade() -> None:
    for name, columns in BY_AGE.items():
        op.drop_index(f"{name}_id", table_name="tasks")
        op.create_index(
            f"{name}_created_at_id",
            "tasks",
            [*columns, sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
    op.create_table(
        "operations",
        sa.Column("scope_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("deleted_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["deleted_by"], ["users.id"], name=op.f("fk_operations_deleted_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index("ix_operations_deleted_at", "operations", ["deleted_at"], unique=False)
    op.create_index(
        "ix_operations_deleted_by_id",
        "operations",
        ["deleted_by", "id"],
        unique=False,
        postgresql_where=sa.text("scope_id IS NULL"),
    )
    op.create_index("ix_operations_scope_id_id", "operations", ["scope_id", "id"], unique=False)
    op.create_table(
        "comments",
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "mentions",
            postgresql.ARRAY(sa.Uuid(as_uuid=False)),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("operation_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_comments_created_by")),
        sa.ForeignKeyConstraint(["deleted_by"], ["users.id"], name=op.f("fk_comments_deleted_by")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_comments_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(
        "ix_comments_operation_id",
        "comments",
        ["operation_id"],
        unique=False,
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.create_index(
        "ix_comments_task_id_id",
        "comments",
        ["task_id", "id"],
        unique=False,
    )
    op.create_table(
        "items",
        sa.Column("created_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("promoted_task_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("position", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("operation_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint("status IN ('open', 'done')", name=op.f("ck_items_status")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_items_created_by")),
        sa.ForeignKeyConstraint(["deleted_by"], ["users.id"], name=op.f("fk_items_deleted_by")),
        sa.ForeignKeyConstraint(
            ["promoted_task_id"], ["tasks.id"], name=op.f("fk_items_promoted_task_id")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_items_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
    )
    op.create_index(
        "ix_items_inbox",
        "items",
        ["created_by", "position", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL AND task_id IS NULL"),
    )
    op.create_index(
        "ix_items_operation_id",
        "items",
        ["operation_id"],
        unique=False,
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.create_index(
        "ix_items_task_id_position_id",
        "items",
        ["task_id", "position", "id"],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_index(
        "ix_items_promoted_task_id",
        "items",
        ["promoted_task_id"],
        unique=False,
        postgresql_where=sa.text("promoted_task_id IS NOT NULL"),
    )
    op.add_column("tasks", sa.Column("parent_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column(
        "tasks",
        sa.Column(
            "blocked_by",
            postgresql.ARRAY(sa.Uuid(as_uuid=False)),
            server_default="{}",
            nullable=False,
        ),
    )
    op.add_column("tasks", sa.Column("position", sa.Text(collation="C"), nullable=True))
    op.execute(f"UPDATE tasks SET position = {POSITION_OF_ID}")  # noqa: S608 - a constant
    op.alter_column("tasks", "position", nullable=False)
    op.add_column(
        "tasks", sa.Column("discussion", postgresql.TSVECTOR(), server_default="", nullable=False)
    )
    op.drop_column("tasks", "search")
    op.add_column(
        "tasks",
        sa.Column(
            "search", postgresql.TSVECTOR(), sa.Computed(SEARCH, persisted=True), nullable=False
        ),
    )
    op.execute("ALTER TABLE tasks ALTER search SET STATISTICS 1000")
    op.create_index(
        "ix_tasks_search",
        "tasks",
        ["search"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_tasks_blocked_by",
        "tasks",
        ["blocked_by"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("cardinality(blocked_by) > 0"),
    )
    op.create_index(
        "ix_tasks_operation_id",
        "tasks",
        ["operation_id"],
        unique=False,
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_parent_id",
        "tasks",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_tasks_scope_id_position_id",
        "tasks",
        ["scope_id", "position", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_foreign_key(op.f("fk_tasks_parent_id"), "tasks", "tasks", ["parent_id"], ["id"])
    op.drop_index("ix_time_entries_task_id_started_at", table_name="time_entries")
    op.create_index(
        "ix_time_entries_task_id_started_at",
        "time_entries",
        ["task_id", sa.literal_column("started_at DESC")],
        unique=False,
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.create_index(
        "ix_time_entries_operation_id",
        "time_entries",
        ["operation_id"],
        unique=False,
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.add_column("users", sa.Column("owner_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("users", sa.Column("agent_kind", sa.Text(), server_default="", nullable=False))
    op.add_column("users", sa.Column("description", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "users",
        sa.Column(
            "agent_metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
    )
    op.create_index(
        "ix_users_owner_id_id",
        "users",
        ["owner_id", "id"],
        unique=False,
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_users_owner_id"), "users", "users", ["owner_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_users_owner"), "users", "kind = 'agent' OR NOT (owner_id IS NOT NULL)"
    )
    for table, kind, title, scope in TRASHED:
        op.execute(
            f"""
            INSERT INTO operations (id, scope_id, deleted_by, deleted_at, title, counts)
            SELECT operation_id,
                CASE WHEN count(DISTINCT {scope}) = 1 THEN (array_agg({scope}))[1] END,
                (array_agg(deleted_by))[1],
                min(deleted_at),
                left((array_agg({title} ORDER BY id))[1], 200),
                jsonb_build_object('{kind}', count(*))
            FROM {table} WHERE operation_id IS NOT NULL GROUP BY operation_id
            """  # noqa: S608 - constants
        )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_users_owner"), "users", type_="check")
    op.drop_constraint(op.f("fk_users_owner_id"), "users", type_="foreignkey")
    op.drop_index(
        "ix_users_owner_id_id", table_name="users", postgresql_where=sa.text("owner_id IS NOT NULL")
    )
    op.drop_column("users", "agent_metadata")
    op.drop_column("users", "description")
    op.drop_column("users", "agent_kind")
    op.drop_column("users", "owner_id")
    op.drop_index(
        "ix_time_entries_operation_id",
        table_name="time_entries",
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.drop_index("ix_time_entries_task_id_started_at", table_name="time_entries")
    op.create_index(
        "ix_time_entries_task_id_started_at",
        "time_entries",
        ["task_id", sa.literal_column("started_at DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_constraint(op.f("fk_tasks_parent_id"), "tasks", type_="foreignkey")
    op.drop_index("ix_tasks_scope_id_position_id", table_name="tasks")
    op.drop_index("ix_tasks_parent_id", table_name="tasks")
    op.drop_index("ix_tasks_operation_id", table_name="tasks")
    op.drop_index("ix_tasks_blocked_by", table_name="tasks")
    op.drop_column("tasks", "search")
    op.add_column(
        "tasks",
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed(
                "to_tsvector('simple'::regconfig, title || ' ' || description)", persisted=True
            ),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_tasks_search",
        "tasks",
        ["search"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_column("tasks", "discussion")
    op.drop_column("tasks", "position")
    op.drop_column("tasks", "blocked_by")
    op.drop_column("tasks", "parent_id")
    op.drop_index(
        "ix_items_task_id_position_id",
        table_name="items",
        postgresql_where=sa.text("task_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_items_operation_id",
        table_name="items",
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_items_inbox",
        table_name="items",
        postgresql_where=sa.text("deleted_at IS NULL AND task_id IS NULL"),
    )
    op.drop_table("items")
    op.drop_index("ix_comments_task_id_id", table_name="comments")
    op.drop_index(
        "ix_comments_operation_id",
        table_name="comments",
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.drop_table("comments")
    op.drop_index("ix_operations_scope_id_id", table_name="operations")
    op.drop_index("ix_operations_deleted_by_id", table_name="operations")
    op.drop_index("ix_operations_deleted_at", table_name="operations")
    op.drop_table("operations")
    for name, columns in BY_AGE.items():
        op.drop_index(f"{name}_created_at_id", table_name="tasks")
        op.create_index(
            f"{name}_id",
            "tasks",
            [*columns, sa.literal_column("id DESC")],
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
