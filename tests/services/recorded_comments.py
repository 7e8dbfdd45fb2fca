"""What is said about tasks, and the events of it; for test_recorded_events.py."""

from tests.services.world import Recorded, World, ok


def say_something(world: World) -> list[Recorded]:
    path = f"/tasks/{world.task['id']}/comments"
    return [world.recorded("comment.created", ok(world.alice.post(path, {"body": "@Bob!"})))]


def say_it_better(world: World) -> list[Recorded]:
    comment = ok(world.alice.patch(f"/comments/{world.comment['id']}", {"body": "Faster"}))
    return [world.recorded("comment.updated", comment)]


def take_it_back(world: World) -> list[Recorded]:
    ok(world.alice.delete(f"/comments/{world.comment['id']}"))
    return [world.deleted("comment.deleted", world.comment)]
