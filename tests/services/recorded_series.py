"""What tasks that recur record; for test_recorded_events.py."""

from tests.services.world import Recorded, World, ok

DAILY = {"due_at": "2030-03-02T09:00:00Z", "recurrence": "FREQ=DAILY"}


def complete_one(world: World) -> list[Recorded]:
    """The task, the next one, and the checklist of that."""
    path = f"/tasks/{world.task['id']}"
    begun = ok(world.alice.patch(path, DAILY))
    task = ok(world.alice.patch(path, {"status": "completed"}))
    return [
        world.recorded("task.updated", begun),
        world.recorded("task.updated", task),
        *_next(world, task["next_id"]),
    ]


def skip_one(world: World) -> list[Recorded]:
    path = f"/tasks/{world.task['id']}"
    begun = ok(world.alice.patch(path, DAILY))
    task = ok(world.alice.post(f"{path}/skip"))["skipped"]
    return [
        world.recorded("task.updated", begun),
        world.recorded("task.updated", task),
        *_next(world, task["next_id"]),
    ]


def _next(world: World, task_id: str) -> list[Recorded]:
    task = ok(world.alice.get(f"/tasks/{task_id}"))
    lines = ok(world.alice.get(f"/items?task_id={task_id}"))
    assert lines
    created = [world.recorded("item.created", line) for line in lines]
    return [world.recorded("task.created", task), *created]
