"""Reports: time added up."""

from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.base import Schema
from utils.validators import Day, Id, Instant, ZoneName

Period = Literal["day", "week", "month"]
Splitting = Literal["project", "task", "user", "label"]
Grouping = Literal[Period, Splitting]


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
    split_by: Splitting | None = Field(
        None, description="Tell of each day, week or month what its time was spent on, too."
    )
    tz: ZoneName | None = Field(
        None, description="Whose midnights cut the days; your zone by default."
    )
    project_id: Id | None = None
    include: Literal["agents"] | None = Field(
        None,
        description="With project_id: count the time of agents, too. Yours is all of yours anyway.",
    )

    @model_validator(mode="after")
    def _split_periods_only(self) -> Self:
        if self.split_by is not None and self.group_by not in get_args(Period):
            raise ValueError("split_by takes group_by day, week or month")
        return self


class TimePart(Schema):
    """The time of one project, task, user or label."""

    key: str | None = Field(description="Its id, or the label; null for none.")
    label: str = Field(description="What to show a person.")
    seconds: int
    entries: int = Field(description="How many entries have a part in it.")


class TimeGroup(TimePart):
    """The time of one day, week, month, project, task, user or label."""

    key: str | None = Field(description="First day of the period, id, or label; null for none.")
    parts: list[TimePart] = Field(
        [],
        description="With split_by: what it was spent on, by label. An entry with several labels "
        "counts in the part of each, and once in the group.",
    )


class TimeReport(Schema):
    """Time by group, and in total.

    An entry with several labels counts in the group of each, and once in the total.
    """

    tz: str
    split_by: Splitting | None
    groups: list[TimeGroup]
    seconds: int
