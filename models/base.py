"""What every entity is made of: the declarative base, column mixins and the pydantic base."""

from datetime import datetime
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, ForeignKey, Integer, Label, MetaData, Text, Uuid, func, inspect
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.orm.attributes import flag_modified

from utils.errors import BadRequestError
from utils.helpers import merge_patch, new_id, utc_now
from utils.pages import OFFSET_MAX, PAGE_SIZE, PAGE_SIZE_MAX
from utils.validators import JSON_MAX_BYTES, Id


class Base(DeclarativeBase):
    """Declarative base; constraint names are part of the API's conflict messages."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
    }


UuidText = Uuid(as_uuid=False)


class Identified:
    """A UUIDv7 primary key, made in Python."""

    id: Mapped[str] = mapped_column(UuidText, primary_key=True, default=new_id)


class Versioned:
    """Timestamps and the version that ETags are made of."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - declared_attr passes the class
        return {"version_id_col": cls.version, "eager_defaults": True}


class Trashable:
    """Deleted rows stay in the trash; one operation_id names all that one action deleted."""

    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(UuidText, ForeignKey("users.id"))
    operation_id: Mapped[str | None] = mapped_column(UuidText)

    def put_in_trash(self, user_id: str, operation_id: str | None = None) -> None:
        """Delete the row, so that it can be brought back together with others of the operation."""
        self.deleted_at, self.deleted_by = utc_now(), user_id
        self.operation_id = operation_id or new_id()

    def take_out_of_trash(self) -> None:
        """Bring the row back."""
        self.deleted_at = self.deleted_by = self.operation_id = None


def apply_changes(row: Base, values: dict[str, Any]) -> bool:
    """Set attributes of a row; returns whether anything in it is different now."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    return inspect(row).modified


def patch_json(row: Base, attribute: str, patch: dict[str, Any]) -> None:
    """Apply a JSON merge patch to a JSONB attribute so that the change is written.

    SQLAlchemy does not notice changes inside a JSON value: flag_modified tells it.
    """
    value = getattr(row, attribute)
    before = orjson.dumps(value)  # as JSON, since 1 and true are equal in Python
    merge_patch(value, patch)
    after = orjson.dumps(value)
    if after == before:
        return
    if len(after) > JSON_MAX_BYTES:
        raise BadRequestError(
            "With this it would be larger than 64 KiB; remove members first, by null.",
            code="json_too_large",
        )
    flag_modified(row, attribute)


class Schema(BaseModel):
    """Base of answers, built from rows."""

    model_config = ConfigDict(from_attributes=True)

    @property
    def variant(self) -> str:
        """What besides the version tells two representations apart; part of the ETag."""
        return ""


class Question(BaseModel):
    """Base of request bodies: JSON types are taken literally, "5" is not a number.

    `takes_versions` where it may say itself which versions are to be changed.
    """

    takes_versions: ClassVar[bool] = False

    model_config = ConfigDict(extra="forbid", strict=True)


def _without_defaults(schema: dict[str, Any]) -> None:
    """The defaults of an update are never used: what is absent stays as it is."""
    for field in schema["properties"].values():
        field.pop("default", None)


class Change(Question):
    """Base of updates: only what was sent counts, so see `model_fields_set`."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class Resource(Schema):
    """What the answers for all stored things have in common."""

    id: Id
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Rises with every change; the ETag is made of it.")


class ListQuery(BaseModel):
    """Query parameters of every list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(PAGE_SIZE, ge=1, le=PAGE_SIZE_MAX, description="Most items to return.")
    cursor: str | None = Field(
        None, max_length=1_000, description="Continue behind the page whose Link named this cursor."
    )
    offset: int = Field(0, ge=0, le=OFFSET_MAX, description="Skip this many; prefer cursors.")

    def set_filters(self) -> dict[str, Any]:
        """Return the filters that the caller set, without what only concerns paging."""
        return self.model_dump(exclude_none=True, exclude={"limit", "cursor", "offset", "sort"})


def columns_of(row: type[Base], schema: type[BaseModel]) -> list[Label[Any]]:
    """Return the columns that fill `schema`, labelled with the names it reads them by."""
    names = [str(field.validation_alias or name) for name, field in schema.model_fields.items()]
    return [getattr(row, name).label(name) for name in names if hasattr(row, name)]
