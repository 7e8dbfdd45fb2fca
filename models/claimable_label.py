"""Labels of the tasks that agents may claim: an index that PostgreSQL has no kind of.

Of what has one of many labels it finds either all or the best of everything: with this table it
finds the best of each label, however many there are. A trigger of `tasks` keeps it.
"""

from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, UuidText
from models.task import TaskPriority


class ClaimableLabelRow(Base):
    """One label of a task of a project that is pending and nobody's."""

    __tablename__ = "claimable_labels"
    __table_args__ = (
        Index(
            "ix_claimable_labels_best",
            "scope_id",
            "label",
            text("priority DESC"),
            text("COALESCE(due_at, 'infinity'::timestamptz)"),
            "position",
            "task_id",
        ),
    )

    task_id: Mapped[str] = mapped_column(
        UuidText, ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    label: Mapped[str] = mapped_column(primary_key=True)
    scope_id: Mapped[str] = mapped_column(UuidText)
    priority: Mapped[str] = mapped_column(
        Enum(*(priority.value for priority in TaskPriority), name="task_priority")
    )
    due_at: Mapped[datetime | None]
    position: Mapped[str] = mapped_column(Text(collation="C"))
