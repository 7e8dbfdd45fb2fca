"""What people are told, and the events that it records; for test_recorded_events.py."""

from tests.services.world import Recorded, World, ok


def message_to_herself(world: World) -> tuple[str, Recorded]:
    """Return the id of a notification, and its event."""
    message = {"user_id": world.alice.id, "subject": "Milk", "message": "Buy some."}
    notification_id = ok(world.alice.post("/notify", message))["id"]
    (notification,) = ok(world.alice.get("/notifications"))
    assert notification["id"] == notification_id
    room = f"user:{world.alice.id}"
    return notification_id, world.recorded("notification.created", notification, room)


def write_to_herself(world: World) -> list[Recorded]:
    return [message_to_herself(world)[1]]


def read_a_notification(world: World) -> list[Recorded]:
    notification_id, created = message_to_herself(world)
    paths = [f"/notifications/{notification_id}/read"] * 2
    notification, again = (ok(world.alice.post(path)) for path in paths)
    assert again == notification
    return [created, world.recorded("notification.read", notification, created["room"])]


def read_all(world: World) -> list[Recorded]:
    _, created = message_to_herself(world)
    counts = [ok(world.alice.post("/notifications/read-all"))["count"] for _ in range(2)]
    assert counts == [1, 0]
    (notification,) = ok(world.alice.get("/notifications?unread=false"))
    return [created, world.recorded("notification.read", notification, created["room"])]
