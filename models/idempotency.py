"""Answers to writes that carried an Idempotency-Key, kept so that a repeat gets the same one."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IdempotencyRow(Base):
    """One recorded answer; `fingerprint` is keyed, because bodies may hold passwords."""

    __tablename__ = "idempotency_records"
    __table_args__ = (Index(None, "created_at"),)

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    headers: Mapped[list[str]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
