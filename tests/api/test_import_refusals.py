"""Imports over the API: files, lines and people that are refused."""

import io

import pytest

from tests.clockify import bring_in, export, line, real_file, send_file
from tests.factories import Person, add_member, email_of
from tests.records import Record, done, ids, refusal


@pytest.fixture
def carol() -> str:
    """The address of somebody without an account."""
    return email_of("Carol")


def test_a_bad_date_is_named_by_line_and_column(alice: Person, project: Record, carol: str) -> None:
    result = bring_in(alice, real_file("clockify-bad-date.csv", carol), project_id=project["id"])
    assert (result["created"], result["skipped"], result["people_created"]) == (0, 1, 0)
    (error,) = result["errors"]
    assert (error["line"], error["column"]) == (2, "Start Date")
    assert "13/15/2024" in error["message"]


def test_a_bad_line_takes_no_good_ones_along(alice: Person, project: Record, carol: str) -> None:
    good = [line(carol), line(carol, "10:00:00 AM", "11:00:00 AM")]
    bad = line(carol, Billable="perhaps", **{"Start Time": "25:00:00"})
    result = bring_in(alice, export(good[0], bad, good[1]), project_id=project["id"])
    assert (result["created"], result["skipped"]) == (2, 1)
    assert {(error["line"], error["column"]) for error in result["errors"]} == {
        (3, "Start Time"),
        (3, "Billable"),
    }


def test_columns_that_are_not_read_are_named(alice: Person, project: Record, carol: str) -> None:
    content = export(line(carol)).replace(b"Description", b"Mood")
    assert bring_in(alice, content, project_id=project["id"])["unknown_columns"] == ["Mood"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", id="a picture"),
        pytest.param(b"PK\x03\x04\x14\x00", id="a workbook"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"entries": []}', id="JSON"),
        pytest.param(b"Project,User\nWebsite,Carol\n", id="a table without times"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_a_reason(
    alice: Person, project: Record, content: bytes
) -> None:
    answer = send_file(alice, content, project_id=project["id"])
    assert refusal(answer) == (422, "unreadable_file")
    assert "CSV" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"format": "sundial"}, "form.format"),
        ({"timezone": "Mars/Olympus"}, "form.timezone"),
        ({"project_id": "website"}, "form.project_id"),
        ({"dry_run": "perhaps"}, "form.dry_run"),
        ({"colour": "red"}, "form.colour"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_and_says_where(
    alice: Person, form: dict[str, str], field: str, carol: str
) -> None:
    answer = send_file(alice, export(line(carol)), **form)
    assert refusal(answer) == (422, "invalid_input")
    assert field in [error["field"] for error in answer.get_json()["errors"]]


def test_a_form_without_a_file_is_refused(alice: Person) -> None:
    parts = {"format": "clockify", "data": (io.BytesIO(b"..."), "export.csv")}
    answer = alice.send("POST", "/imports", headers={}, data=parts)
    assert refusal(answer) == (422, "invalid_input")
    assert [error["field"] for error in answer.get_json()["errors"]] == ["form.file"]


def test_an_import_is_a_form(alice: Person) -> None:
    answer = alice.post("/imports", {"format": "clockify"})
    assert refusal(answer) == (415, "unsupported_media_type")


# Who may


@pytest.mark.parametrize(("role", "status"), [(None, 404), ("viewer", 403), ("editor", 403)])
def test_only_owners_import(
    alice: Person, bob: Person, project: Record, role: str | None, status: int, carol: str
) -> None:
    if role is not None:
        add_member(alice, project, bob, role)
    answer = send_file(bob, export(line(carol)), project_id=project["id"])
    assert answer.status_code == status
    assert ids(alice.get(f"/time-entries?project_id={project['id']}")) == []


def test_an_archived_project_takes_no_import(alice: Person, project: Record, carol: str) -> None:
    done(alice.patch(f"/projects/{project['id']}", {"archived": True}))
    answer = send_file(alice, export(line(carol)), project_id=project["id"])
    assert refusal(answer) == (409, "project_archived")


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_file_of_too_many_lines_is_refused_before_they_are_read(
    alice: Person, end: bytes
) -> None:
    answer = send_file(alice, b"x" + end * 200_001)
    assert refusal(answer) == (422, "unreadable_file")
    assert "more than 200,000 lines" in answer.get_json()["detail"]
