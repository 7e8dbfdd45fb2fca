"""Whatever two people do with their time, in whatever order: a simple model knows what comes of it.

After every step both see the entries of the model, and a version is another one only where
something else is; in the end events alone lead to the same.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from werkzeug.test import TestResponse

from tests.factories import Person, add_member, sign_up
from tests.machines import FEW, MANY, assert_events_tell_all, run_machine
from tests.records import NINE, Record, done, make_project, make_task, moment, refusal
from tests.sql import rows
from tests.time_model import STATUS_OF, ModelEntry, Spot, TimeModel
from tests.versions import Versions

AGE = "UPDATE operations SET deleted_at = deleted_at - interval '31 days' WHERE id = %(id)s"

PEOPLE = st.sampled_from([0, 1])
SPOTS = st.sampled_from([0, 1, 2, 3])
SLOTS = st.integers(0, 7)  # hours of one morning
YES_OR_NO = st.booleans()


class Time(RuleBasedStateMachine):
    """Alice, who owns a project, and Bob, who works in it; both have time of their own, too."""

    entries = Bundle("entries")
    operations = Bundle("operations")

    def __init__(self, app: Flask, database: str) -> None:
        super().__init__()
        self.app, self.database = app, database
        self.people = [sign_up(app, "Alice"), sign_up(app, "Bob")]
        alice, bob = self.people
        project = make_project(alice)
        add_member(alice, project, bob, "editor")
        task, secret = make_task(alice, project_id=project["id"])["id"], make_task(alice)["id"]
        self.model = TimeModel(alice.id, project["id"], {secret: alice.id})
        self.spots = [
            Spot(),
            Spot(project=project["id"]),
            Spot(task, project["id"]),
            Spot(secret),
        ]
        self.versions = [Versions() for _ in self.people]

    def fulfilled(self, answer: TestResponse, against: set[str]) -> bool:
        """Tell whether a change was made; it must have been unless something is against it."""
        if not against:
            assert answer.status_code in (200, 201, 204), answer.text
            return True
        named = {(STATUS_OF[code], code.replace("still", "timer")) for code in against}
        assert refusal(answer) in named
        return False

    def learn(self, entry: Record, spot: Spot) -> str:
        """Take over what the server alone knows of a new entry."""
        known = ModelEntry(entry["id"], entry["user_id"], spot, moment(entry["started_at"]))
        known.ended_at = entry["ended_at"] and moment(entry["ended_at"])
        known.allow_overlap = entry["allow_overlap"]
        self.model.entries[known.id] = known
        return known.id

    def close(self, person: Person, stopped: Record | None, at: str | None = None) -> None:
        """Require that just the timer of somebody stopped, if one ran, and not before it began."""
        running = self.model.running(person.id)
        assert (stopped and stopped["id"]) == (running and running.id)
        if running and stopped:
            running.ended_at = moment(stopped["ended_at"])
            assert running.ended_at > running.started_at
            assert at in (None, stopped["ended_at"])

    @rule(target=entries, who=PEOPLE, where=SPOTS, patient=YES_OR_NO)
    def start(self, who: int, where: int, *, patient: bool) -> Any:
        person, spot = self.people[who], self.spots[where]
        against = self.model.against_spot(person.id, spot)
        if patient and self.model.running(person.id):
            against |= {"timer_running"}
        body = {"task_id": spot.task, "project_id": spot.project}
        body["on_running"] = "reject" if patient else "stop"
        answer = person.post("/timer/start", body)
        return self.started(person, answer, spot, against)

    @rule(target=entries, who=PEOPLE, entry=entries)
    def start_again(self, who: int, entry: str) -> Any:
        person, known = self.people[who], self.model.entries.get(entry)
        against = self.model.against_sight(person.id, known) if known else {"not_found"}
        spot = known.spot if known else Spot()
        against |= self.model.against_spot(person.id, spot)
        answer = person.post(f"/time-entries/{entry}/continue")
        return self.started(person, answer, spot, against)

    def started(self, person: Person, answer: TestResponse, spot: Spot, against: set[str]) -> Any:
        if not self.fulfilled(answer, against):
            return multiple()
        body = answer.get_json()
        self.close(person, body["stopped"], body["started"]["started_at"])
        return self.learn(body["started"], spot)

    @rule(who=PEOPLE)
    def stop(self, who: int) -> None:
        person = self.people[who]
        self.close(person, done(person.post("/timer/stop"))["stopped"])

    @rule(
        target=entries,
        who=PEOPLE,
        where=SPOTS,
        slot=SLOTS,
        hours=st.integers(0, 2),
        allow_overlap=YES_OR_NO,
    )
    def record(self, who: int, where: int, slot: int, hours: int, *, allow_overlap: bool) -> Any:
        person, spot = self.people[who], self.spots[where]
        new = ModelEntry("", person.id, spot, at(slot), at(slot + hours), allow_overlap)
        against = self.model.against_spot(person.id, spot) | self.model.against_times(new)
        body = times(new) | {"task_id": spot.task, "project_id": spot.project}
        answer = person.post("/time-entries", body)
        return (
            self.learn(answer.get_json(), spot) if self.fulfilled(answer, against) else multiple()
        )

    @rule(who=PEOPLE, entry=entries, start=SLOTS, hours=st.integers(0, 3), allow=YES_OR_NO)
    def correct(self, who: int, entry: str, start: int, hours: int, *, allow: bool) -> None:
        """Change the times of an entry; of one that runs, its start."""
        known = self.model.entries.get(entry)
        end = at(start + hours) if hours and known and known.ended_at else None
        self.change(who, entry, started_at=at(start), allow_overlap=allow, **_if(ended_at=end))

    @rule(who=PEOPLE, entry=entries, slot=SLOTS)
    def correct_the_end(self, who: int, entry: str, slot: int) -> None:
        self.change(who, entry, ended_at=at(slot))

    @rule(who=PEOPLE, entry=entries, allow=YES_OR_NO)
    def allow(self, who: int, entry: str, *, allow: bool) -> None:
        self.change(who, entry, allow_overlap=allow)

    def change(self, who: int, entry: str, **fields: Any) -> None:
        person, known = self.people[who], self.model.entries.get(entry)
        against = self.model.against_touch(person.id, known) if known else {"not_found"}
        if known and not against:
            new = replace(known, **fields)
            is_late = "ended_at" in fields and known.ended_at is None
            against = {"still_running"} if is_late else self.model.against_times(new)
        body = {name: _text(value) for name, value in fields.items()}
        if self.fulfilled(person.patch(f"/time-entries/{entry}", body), against):
            self.model.entries[entry] = new

    @rule(who=PEOPLE, entry=entries, where=SPOTS)
    def move(self, who: int, entry: str, where: int) -> None:
        person, known, spot = self.people[who], self.model.entries.get(entry), self.spots[where]
        against = self.model.against_touch(person.id, known) if known else {"not_found"}
        if known and not against:
            against = self.model.against_move(person.id, known, spot)
        place = (
            {"task_id": spot.task} if spot.task else {"project_id": spot.project, "task_id": None}
        )
        if self.fulfilled(person.patch(f"/time-entries/{entry}", place), against) and known:
            known.spot = spot

    @rule(target=operations, who=PEOPLE, entry=entries)
    def delete(self, who: int, entry: str) -> Any:
        person, known = self.people[who], self.model.entries.get(entry)
        against = self.model.against_touch(person.id, known) if known else {"not_found"}
        if not self.fulfilled(person.delete(f"/time-entries/{entry}"), against) or not known:
            return multiple()
        known.operation = newest(person)
        return known.operation

    @rule(target=operations, who=PEOPLE, where=st.sampled_from([2, 3]))
    def delete_the_task(self, who: int, where: int) -> Any:
        """Its time stays, and goes on naming it."""
        person, task = self.people[who], str(self.spots[where].task)
        against = self.model.against_spot(person.id, self.spots[where])
        if not self.fulfilled(person.delete(f"/tasks/{task}"), against):
            return multiple()
        self.model.deleted[task] = newest(person)
        return self.model.deleted[task]

    @rule(who=PEOPLE, operation=operations)
    def undo(self, who: int, operation: str) -> None:
        person = self.people[who]
        against = set() if self.model.sees_operation(person.id, operation) else {"not_found"}
        entries = [each for each in self.model.entries.values() if each.operation == operation]
        problems = {
            code for each in entries for code in self.model.against_restoring(person.id, each)
        }
        if not against and problems == {"forbidden"}:
            against = problems
        answer = person.post(f"/trash/{operation}/restore")
        if not self.fulfilled(answer, against):
            return
        assert {each["code"] for each in answer.get_json()["problems"]} == problems
        if not problems:
            self.bring_back(operation)

    def bring_back(self, operation: str) -> None:
        for each in self.model.entries.values():
            each.operation = None if each.operation == operation else each.operation
        deleted = self.model.deleted.items()
        self.model.deleted = {task: by for task, by in deleted if by != operation}

    @rule(operation=operations)
    def purge(self, operation: str) -> None:
        """Let an operation lie in the trash for a month; what it deleted is gone for good."""
        rows(self.database, AGE, {"id": operation})
        result = self.app.test_cli_runner().invoke(args=["purge"])
        assert result.exit_code == 0, result.output
        entries = self.model.entries.items()
        self.model.entries = {key: each for key, each in entries if each.operation != operation}
        deleted = self.model.deleted.items()
        self.model.deleted = {task: "purged" if by == operation else by for task, by in deleted}

    @invariant()
    def both_see_what_the_model_says(self) -> None:
        for person, versions in zip(self.people, self.versions, strict=True):
            own = done(person.get("/time-entries?limit=200"))
            shared = done(person.get(f"/time-entries?limit=200&project_id={self.model.project}"))
            in_project = [each for each in self.model.live() if each.spot.project]
            assert seen(own) == expected(self.model.of(person.id))
            assert seen(shared) == expected(in_project)
            running = self.model.running(person.id)
            timer = done(person.get("/timer"))
            assert (timer and timer["id"]) == (running and running.id)
            versions.see(list({each["id"]: each for each in own + shared}.values()))

    def teardown(self) -> None:
        assert_events_tell_all(*self.people)
        for person in self.people:
            for entry in done(person.get("/time-entries?limit=200")):
                answer = person.get(f"/time-entries/{entry['id']}")
                assert (done(answer), answer.headers["ETag"]) == (entry, f'"v{entry["version"]}"')


def at(slot: int) -> datetime:
    return moment(NINE) + timedelta(hours=slot)


def times(entry: ModelEntry) -> Record:
    """Return what a request says of the times of an entry."""
    known = {name: getattr(entry, name) for name in ("started_at", "ended_at", "allow_overlap")}
    return {name: _text(value) for name, value in known.items()}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _if(**fields: Any) -> Record:
    return {name: value for name, value in fields.items() if value is not None}


def newest(person: Person) -> str:
    """Return the operation of what somebody has just deleted."""
    operation: str = done(person.get("/trash?limit=1"))[0]["id"]
    return operation


def seen(listed: list[Record]) -> dict[str, ModelEntry]:
    """Return entries of an answer as the model has them."""
    return {
        each["id"]: ModelEntry(
            each["id"],
            each["user_id"],
            Spot(each["task_id"], each["project_id"]),
            moment(each["started_at"]),
            each["ended_at"] and moment(each["ended_at"]),
            each["allow_overlap"],
        )
        for each in listed
    }


def expected(entries: list[ModelEntry]) -> dict[str, ModelEntry]:
    return {each.id: each for each in entries}


def test_time_is_what_a_simple_model_says(app: Flask, database: str) -> None:
    run_machine(lambda: Time(app, database), FEW)


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_time_is_what_a_simple_model_says_for_long(
    app: Flask, database: str, record_property: Any
) -> None:
    record_property("tried", run_machine(lambda: Time(app, database), MANY))
