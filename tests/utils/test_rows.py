"""Rows say in JSON what the model would say that they were made for."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    Field,
    PlainSerializer,
    TypeAdapter,
    computed_field,
    field_serializer,
)

from models.task import Series, Task, TaskPriority, TaskStatus
from utils.rows import Rows, dump_json

TASKS = TypeAdapter(list[Task])
ID = "0198c2f4-7d1b-7c3a-9f6e-2b1d5a4c8e70"

NOW = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
FULL: dict[str, Any] = {
    **dict.fromkeys(("id", "created_by", "project_id", "assignee_id", "next_id"), ID),
    **dict.fromkeys(("delegate_id", "parent_id", "due_at", "started_at", "series"), None),
    **dict.fromkeys(("created_at", "updated_at", "completed_at"), NOW),
    "version": 7,
    "blocked_by": [ID, ID],
    "position": "i8DnyKW9XcL8",
    "title": "Write",
    "description": "",
    "status": TaskStatus.IN_PROGRESS.value,
    "priority": TaskPriority.HIGH.value,
    "recurrence": None,
    "labels": ["deep", "writing"],
    "task_metadata": {},
    "key_id": ID,
}

# What PostgreSQL takes: no NUL, no half of a surrogate pair.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | numbers | texts


@given(texts, st.lists(texts, max_size=2))
def test_rows_are_sent_as_their_model_would_send_them(title: str, labels: list[str]) -> None:
    found = [FULL, FULL | {"title": title, "labels": labels}]
    assert dump_json(TASKS, Rows(Task, found)) == TASKS.dump_json(models_of(found))


@given(st.dictionaries(texts, values | st.lists(values, max_size=2), max_size=2))
def test_rows_have_the_metadata_that_their_model_has(metadata: dict[str, Any]) -> None:
    found = [FULL | {"task_metadata": metadata}]
    assert dump_json(TASKS, Rows(Task, found)) == TASKS.dump_json(models_of(found))


@given(moments, moments)
def test_rows_have_the_moments_that_their_model_has(due_at: datetime, starts_at: datetime) -> None:
    series = Series(timezone="UTC", starts_at=starts_at, occurs_at=due_at)
    found = [FULL | {"due_at": due_at, "series": series.model_dump(mode="json")}]
    assert dump_json(TASKS, Rows(Task, found)) == TASKS.dump_json(models_of(found))


def test_rows_are_a_sequence_of_models() -> None:
    found = [FULL, FULL | {"title": "Read"}]
    answers = Rows(Task, found)
    assert len(answers) == 2
    assert list(answers) == models_of(found)
    assert list(answers[1:]) == models_of(found[1:])


def models_of(found: list[dict[str, Any]]) -> list[Task]:
    return [Task.model_validate(row) for row in found]


class Serialised(BaseModel):
    id: str
    name: str

    @field_serializer("name")
    def _louder(self, name: str) -> str:
        return name.upper()


class Marked(BaseModel):
    id: str
    name: Annotated[str, PlainSerializer(str.upper)]


class Computed(BaseModel):
    id: str
    name: str

    @computed_field
    def length(self) -> int:
        return len(self.name)


class Excluded(BaseModel):
    id: str
    name: str = Field(exclude=True)


class Renamed(BaseModel):
    id: str
    name: str = Field(serialization_alias="title")


@pytest.mark.parametrize("model", [Serialised, Marked, Computed, Excluded, Renamed])
def test_a_model_with_json_of_its_own_takes_no_rows(model: type[BaseModel]) -> None:
    with pytest.raises(TypeError, match=model.__name__):
        Rows(model, [{"id": "7", "name": "Name"}]).to_json()
