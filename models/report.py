"""Reports: time added up."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.base import Schema
from utils.validators import Day, Id, Instant, ZoneName

Grouping = Literal["day", "week", "month", "project", "task", "user", "label"]


class TimeReportQuery(BaseModel):
    """What to add up: your time, or with `project_id` that of all people in that project.

    The range is half-open: `to` is the first day or instant that no longer counts.
    """

    model_config = ConfigDict(extra="forbid")

    from_: Day | Instant = Field(
        alias="from",
        description="First day (as it starts in tz) or instant that counts.",
        examples=["2026-03-01"],
    )
    to: Day | Instant = Field(
        description="First day or instant that no longer counts.", examples=["2026-04-01"]
    )
    group_by: Grouping = "day"
    tz: ZoneName | None = Field(
        None, description="Whose midnights cut the days; your zone by default."
    )
    project_id: Id | None = None
    include: Literal["agents"] | None = Field(
        None,
        description="With project_id: count the time of agents, too. Yours is all of yours anyway.",
    )


class TimeGroup(Schema):
    """The time of one day, week, month, project, task, user or label."""

    key: str | None = Field(description="First day of the period, id, or label; null for none.")
    label: str = Field(description="What to show a person.")
    seconds: int
    entries: int = Field(description="How many entries have a part in it.")


class TimeReport(Schema):
    """Time by group, and in total.

    An entry with several labels counts in the group of each, and once in the total.
    """

    tz: str
    groups: list[TimeGroup]
    seconds: int
