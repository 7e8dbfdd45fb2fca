"""Running Hypothesis machines: a few short stories in every test run, many with the faults."""

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.factories import Person
from tests.rooms import Follower

FEW, MANY = (6, 20), (30, 40)  # stories, and steps of each


def run_machine(make: Callable[[], RuleBasedStateMachine], size: tuple[int, int]) -> str:
    """Let a machine go through stories; returns what was tried, in words.

    A few are the same each time, so that nobody's change fails for somebody else's mistake.
    """
    examples, steps = size
    run_state_machine_as_test(
        make,  # type: ignore[arg-type]  # any way to make one will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=size is FEW,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return f"{examples} stories of up to {steps} steps"


def assert_events_tell_all(*people: Person) -> None:
    """Require that events alone, from the first one on, lead to what snapshots tell."""
    for person in people:
        follower = Follower(person)
        follower.follow()
        follower.compare()
