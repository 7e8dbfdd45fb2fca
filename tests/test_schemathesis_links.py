"""Whoever follows the links of the OpenAPI document gets what it promises, and nobody else does.

One thing leads to another: what was made is read, changed and deleted by the ids and the versions
in the answers, by its maker and by others, signed in or not.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from schemathesis.core.transport import Response
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput
from schemathesis.specs.openapi.checks import ignored_auth, use_after_free

from tests.api.access_world import Role
from tests.schema import CHECKS, Case, schema
from tests.schema_world import World, headers_of
from tests.server import Server

FEW, MANY = (3, 20), (20, 30)  # stories, and steps of each

# Alice asks mostly; of the others only `other` has no part in her projects.
ASKERS: list[Role] = ["owner", "owner", "owner", "editor", "viewer", "other"]

# What these answer is true, but says nothing about a link.
LEFT_OUT = {
    "auth_end_session",  # the first in the list is the one that asks
    "trash_restore",  # what was deleted is there again, which looks like a use after free
    "users_sign_up",  # it leads to what is for administrators
}


def followed() -> Any:
    """The machine that schemathesis makes of the document's links."""
    return schema.exclude(operation_id=sorted(LEFT_OUT)).as_state_machine()


class Visits(followed()):  # type: ignore[misc]  # a class made at run time
    """People who follow links, each from what they or somebody else got."""

    world: World
    url: str
    asked: Counter[str]
    refusing: set[str]
    failures: list[Exception]

    def setup(self) -> None:
        self.world.renew()
        self.askers: dict[str, Role] = {}
        self.has_deleted = False

    def step(self, input: StepInput) -> StepOutput:  # noqa: A002 - schemathesis' own name for it
        """Choose who asks, and about what besides that which the link names."""
        case = input.case
        self.parent = input.transition.parent_id if input.transition else case.id
        asker = random.choice(ASKERS)
        same = self.askers.get(self.parent, asker)
        self.askers[case.id] = random.choice([same, same, same, asker])
        self.linked = {name for _, name in input.applied_parameters if name}
        self.world.fill_in(case.operation.definition.raw["operationId"], case, self.linked)
        try:
            return cast("StepOutput", super().step(input))
        except Exception as failure:
            self.failures.append(failure)
            raise

    def get_call_kwargs(self, case: Case) -> dict[str, Any]:
        asker = self.world.guests.by_role[self.askers[case.id]]
        return {"base_url": self.url, "headers": headers_of(asker)}

    def validate_response(self, response: Response, case: Case, **kwargs: Any) -> None:
        name = case.operation.definition.raw["operationId"]
        self.asked[f"{response.status_code // 100}xx"] += 1
        checks = [*CHECKS, use_after_free]
        if response.status_code < 300 and name not in self.refusing:
            checks.append(ignored_auth)  # once for each: it asks twice more
            self.refusing.add(name)
        case.validate_response(
            response,
            checks=checks,
            headers=kwargs["headers"],
            transport_kwargs=kwargs,
            recorder=self.recorder,
        )
        if case.path_parameters and self.linked >= case.path_parameters.keys():
            self.check_who_gets_it(response, case)
        if case.method != "GET" and response.status_code < 300:
            self.world.renew()  # the project may be deleted, or archived, or somebody else's
            self.has_deleted = self.has_deleted or case.method == "DELETE"

    def check_who_gets_it(self, response: Response, case: Case) -> None:
        """Require that what somebody was told of is there for them, and not for strangers.

        The check of schemathesis for that, ensure_resource_availability, passes over operations
        with a header that no link fills, which here are nearly all.
        """
        asker, told = self.askers[case.id], self.askers[self.parent]
        if (asker == "other") != (told == "other"):
            assert response.status_code >= 400
        # A body or a query may name something else, and the world itself deletes agents.
        is_plain = "requestBody" not in case.operation.definition.raw and not case.query
        if is_plain and "agent_id" not in case.path_parameters and not self.has_deleted:
            assert asker != told or response.status_code != 404


def follow(visits: Any, size: tuple[int, int]) -> None:
    """Let people follow links; a few stories are the same each time, as far as may be.

    What they do next depends on what they got, so no story can be told twice, which Hypothesis
    calls flaky when it tries. What went wrong was kept when it did.
    """
    stories, steps = size
    with suppress(Flaky):
        visits.run(
            settings=settings(
                max_examples=stories,
                stateful_step_count=steps,
                phases=[Phase.generate],
                derandomize=size is FEW,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
        )
    assert not visits.failures, visits.failures[0]


@pytest.fixture
def visits(app: Flask, server: Server) -> Any:
    told: dict[str, Any] = {"asked": Counter(), "refusing": set(), "failures": []}
    return type("Visits", (Visits,), told | {"world": World(app), "url": server.url})


def test_links_lead_to_what_the_document_promises(visits: Any) -> None:
    follow(visits, FEW)
    assert visits.asked["2xx"] > 0


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_many_links_lead_to_what_the_document_promises(
    visits: Any, record_property: Callable[[str, object], None]
) -> None:
    follow(visits, MANY)
    stories, steps = MANY
    asked = ", ".join(f"{count} answers {kind}" for kind, count in sorted(visits.asked.items()))
    record_property("tried", f"{stories} stories of up to {steps} steps along links: {asked}")
    assert visits.asked["2xx"] > 0
