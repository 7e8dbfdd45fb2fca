"""Items: lines captured in the inbox, and the checklists of tasks."""

from enum import StrEnum

from pydantic import Field
from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import (
    Base,
    Change,
    Identified,
    ListQuery,
    Question,
    Resource,
    Trashable,
    UuidText,
    Versioned,
)
from utils.positions import last_position
from utils.validators import Id, Name, Prose, SearchText

LIVE = "deleted_at IS NULL"


class ItemStatus(StrEnum):
    """Whether it still has to be done."""

    OPEN = "open"
    DONE = "done"


class ItemRow(Identified, Versioned, Trashable, Base):
    """A line of its creator's inbox, or of a task's checklist."""

    __tablename__ = "items"
    __table_args__ = (
        Index(
            "ix_items_inbox",
            "created_by",
            "position",
            "id",
            postgresql_where=text(f"{LIVE} AND task_id IS NULL"),
        ),
        # With those in the trash: they are looked for, too, before a task is deleted for good.
        Index(
            "ix_items_task_id_position_id",
            "task_id",
            "position",
            "id",
            postgresql_where=text("task_id IS NOT NULL"),
        ),
        Index(
            "ix_items_promoted_task_id",
            "promoted_task_id",
            postgresql_where=text("promoted_task_id IS NOT NULL"),
        ),
        Index(
            "ix_items_operation_id",
            "operation_id",
            postgresql_where=text("operation_id IS NOT NULL"),
        ),
        CheckConstraint("status IN ('open', 'done')", name="status"),
    )

    created_by: Mapped[str] = mapped_column(UuidText, ForeignKey("users.id"))
    task_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("tasks.id"))
    promoted_task_id: Mapped[str | None] = mapped_column(UuidText, ForeignKey("tasks.id"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="open")
    position: Mapped[str] = mapped_column(Text(collation="C"), default=last_position)


class ItemCreate(Question):
    """A new line; without `task_id` it goes to your inbox."""

    name: Name = Field(examples=["Ask Grace about the invoice"])
    description: Prose = ""
    status: ItemStatus = Field(ItemStatus.OPEN, strict=False)
    task_id: Id | None = None


class ItemUpdate(Change):
    """What may change; `before_id` or `after_id` puts it beside another item of its list."""

    name: Name = ""
    description: Prose = ""
    status: ItemStatus = Field(ItemStatus.OPEN, strict=False, examples=["done"])
    before_id: Id = Field("", description="The item that it comes right before.")
    after_id: Id = Field("", description="The item that it comes right after.")


class ItemPromote(Question):
    """Where the task goes that is made of an item.

    Without `project_id` a line of the inbox becomes a personal task; one of a checklist becomes a
    subtask of its task.
    """

    project_id: Id | None = Field(None, examples=["01890a5d-ac96-774b-bcce-b302099a8057"])


class ItemQuery(ListQuery):
    """Filters of the list of items."""

    task_id: Id | None = Field(None, description="The checklist of this task; else your inbox.")
    status: ItemStatus | None = None
    search: SearchText | None = Field(None, description="Part of the name or description.")


class Item(Resource):
    """A line of an inbox or of a checklist."""

    created_by: Id
    task_id: Id | None
    promoted_task_id: Id | None = Field(description="The task that was made of it.")
    name: str
    description: str
    status: ItemStatus
    position: str = Field(description="Items sort by it; see before_id and after_id.")
