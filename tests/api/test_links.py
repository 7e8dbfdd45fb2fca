"""The links of the OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from api.openapi import describe

Operation = dict[str, Any]
Links = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def operations(app: Flask) -> dict[str, Operation]:
    """All operations by their ids."""
    items = describe(app)["paths"].values()
    return {each["operationId"]: each for item in items for each in item.values()}


def links_of(operation: Operation) -> Links:
    """The links of the answers of one operation."""
    return {
        name: link
        for answer in operation["responses"].values()
        for name, link in answer.get("links", {}).items()
    }


def all_links(operations: dict[str, Operation]) -> Iterator[tuple[Operation, dict[str, Any]]]:
    for operation in operations.values():
        for link in links_of(operation).values():
            yield operation, link


def test_a_new_task_leads_to_what_can_be_done_with_it(operations: dict[str, Operation]) -> None:
    links = links_of(operations["tasks_create_task"])
    assert links["tasks_get_task"]["parameters"] == {"task_id": "$response.body#/id"}
    assert links["tasks_update_task"]["parameters"] == {
        "task_id": "$response.body#/id",
        "If-Match": "$response.header.ETag",
    }
    assert {"tasks_delete_task", "comments_create_comment", "items_list_items"} <= set(links)


def test_a_project_leads_to_its_tasks_and_members(operations: dict[str, Operation]) -> None:
    links = links_of(operations["projects_get_project"])
    assert {"tasks_list_tasks", "members_list_members", "webhooks_create_webhook"} <= set(links)


def test_a_started_timer_leads_to_the_entry_that_runs(operations: dict[str, Operation]) -> None:
    links = links_of(operations["timer_start_timer"])
    assert links["time_entries_get_time_entry"]["parameters"] == {
        "entry_id": "$response.body#/started/id"
    }


def test_a_list_leads_to_its_first(operations: dict[str, Operation]) -> None:
    links = links_of(operations["trash_list_trash"])
    assert links["trash_restore"]["parameters"] == {"operation_id": "$response.body#/0/id"}


def test_what_is_inside_something_is_named_with_it(operations: dict[str, Operation]) -> None:
    links = links_of(operations["api_tokens_create_agent_token"])
    assert links["api_tokens_revoke_agent_token"]["parameters"] == {
        "agent_id": "$request.path.agent_id",
        "agent_token_id": "$response.body#/id",
    }


def test_what_is_nothing_by_itself_leads_nowhere(operations: dict[str, Operation]) -> None:
    assert links_of(operations["tasks_delete_task"]) == {}
    assert links_of(operations["tasks_list_history"]) == {}


def test_a_link_names_all_parts_of_the_path_that_it_leads_to(
    operations: dict[str, Operation],
) -> None:
    links = list(all_links(operations))
    assert len(links) > 200
    for _, link in links:
        taken = operations[link["operationId"]]["parameters"]
        needed = {each["name"] for each in taken if each["in"] == "path"}
        known = {each["name"] for each in taken}
        assert needed <= set(link["parameters"]) <= known


def test_a_link_takes_from_a_request_only_what_that_has(operations: dict[str, Operation]) -> None:
    for operation, link in all_links(operations):
        own = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        asked = re.findall(r"\$request\.path\.(\w+)", " ".join(link["parameters"].values()))
        assert set(asked) <= own
