"""Backups: what the manifest in one says, and what came of making or restoring one."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

SHA256 = r"^[0-9a-f]{64}$"


class Manifest(BaseModel):
    """What a backup is, and what has to be there again when it is restored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["stint-backup"] = "stint-backup"
    version: Literal[1] = 1
    made_at: datetime
    schema_revision: str = Field(pattern=r"^[0-9A-Za-z_]{1,32}$")
    postgres: NonNegativeInt  # the server's major version
    programs: NonNegativeInt  # the major version of the pg_dump that made it
    # Which SECRET_KEY, then which OLD_SECRET_KEYS read the secrets in it; not the keys.
    keys: tuple[str, ...]
    rows: dict[str, NonNegativeInt]  # by table
    dump_bytes: NonNegativeInt
    dump_sha256: str = Field(pattern=SHA256)

    @property
    def row_count(self) -> int:
        """How many rows there are in all tables together."""
        return sum(self.rows.values())


class Restoration(BaseModel):
    """What came of a restore; `warnings` say what is left to do."""

    manifest: Manifest
    migrated_to: str | None = None  # None where the backup was of this version
    warnings: list[str] = Field(default_factory=list)
