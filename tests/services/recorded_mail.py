"""What goes through mailboxes, and the events that it records; for test_recorded_events.py."""

from models.mail import Letter
from tests.factories import PASSWORD, email_of
from tests.letters import last_letter
from tests.services.world import Recorded, World, ok


def ask_for_the_letter_again(world: World) -> list[Recorded]:
    ok(world.alice.post("/users/me/verification"))
    return []


def verify_the_address(world: World) -> list[Recorded]:
    token = last_letter(world.alice.email, Letter.VERIFY).token
    ok(world.alice.post("/auth/verify-email", {"token": token}))
    user = ok(world.alice.get("/users/me"))
    return [world.recorded("user.verified", user, f"user:{world.alice.id}")]


def change_the_address(world: World) -> list[Recorded]:
    new = email_of("Alicia")
    ok(world.alice.post("/users/me/email", {"email": new, "password": PASSWORD}))
    letters = last_letter(world.alice.email, Letter.CHANGE_OLD), last_letter(new, Letter.CHANGE_NEW)
    for letter in letters:
        ok(world.alice.post("/auth/verify-email", {"token": letter.token}))
    user = ok(world.alice.get("/users/me"))
    member = ok(world.alice.get(f"{world.people}/{world.alice.id}"))
    for_project, for_herself = world.recorded_for("member.updated", member)
    account = world.recorded("user.updated", user, f"user:{world.alice.id}")
    return [for_project, account, for_herself]


def change_the_password(world: World) -> list[Recorded]:
    body = {"current_password": PASSWORD, "new_password": "battery staple horse"}
    ok(world.alice.post("/users/me/password", body))
    return []


def reset_the_password(world: World) -> list[Recorded]:
    ok(world.alice.post("/auth/password-resets", {"email": world.alice.email}))
    token = last_letter(world.alice.email, Letter.RESET).token
    chosen = {"password": "battery staple horse"}
    ok(world.alice.post("/auth/password-resets/redeem", {"token": token} | chosen))
    login = {"email": world.alice.email} | chosen
    world.alice.tokens = ok(world.alice.post("/auth/login", login))
    user = ok(world.alice.get("/users/me"))
    return [world.recorded("user.verified", user, f"user:{world.alice.id}")]
