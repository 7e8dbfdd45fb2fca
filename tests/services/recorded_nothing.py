"""What changes how somebody signs in or is told of things, of which no room hears."""

from collections.abc import Callable

import pytest

from services.identity_providers import identity_providers
from tests.api.access_world import GITHUB, WEBHOOK, link_identity
from tests.factories import PASSWORD, Person, log_in, make_admin, make_token, sign_up
from tests.second_factors import (
    add_passkey,
    confirm,
    confirmed_by,
    sign_in_by_passkey,
    sign_in_with,
    turn_on_app,
)
from tests.services.world import World, ok
from tests.sql import rows

FAILED_JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status)
    VALUES ('default', 'test.failed', 'failed') RETURNING id
"""


def renew_the_token(world: World) -> None:
    token = {"refresh_token": world.alice.tokens["refresh_token"]}
    ok(Person(world.app.test_client()).post("/auth/refresh", token))


def with_a_failed_job(world: World, method: str, ending: str = "") -> None:
    (job,) = rows(world.database, FAILED_JOB)
    admin = make_admin(world.app, "Admin")
    ok(admin.send(method, f"/admin/jobs/{job['id']}{ending}", headers={}))
    rows(world.database, "DELETE FROM procrastinate_jobs WHERE id = %(id)s", job)


def end_a_session(world: World) -> None:
    (session,) = ok(world.alice.get("/auth/sessions"))
    ok(world.alice.delete(f"/auth/sessions/{session['id']}"))


def revoke_a_token_of_an_agent(world: World) -> None:
    token = make_token(world.alice, agent_id=world.agent["id"])
    ok(world.alice.delete(f"/agents/{world.agent['id']}/tokens/{token['id']}"))


def leave_for_a_provider(world: World, path: str, **body: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(identity_providers, "github", GITHUB)
        ok(world.alice.post(path, body))


def sign_in_with_a_recovery_code(world: World) -> None:
    _, codes = turn_on_app(world.alice)
    ok(sign_in_with(world.alice, recovery_code=codes[0]))


def after_turning_on_an_app(world: World, path: str, method: str) -> None:
    turn_on_app(world.alice)
    ok(confirm(world.alice, path, method))


def remove_a_passkey(world: World) -> None:
    add_passkey(world.alice)
    (passkey,) = ok(world.alice.get("/users/me/passkeys"))
    ok(confirm(world.alice, f"/users/me/passkeys/{passkey['id']}", "DELETE"))


def prefer_no_mail(world: World) -> None:
    ok(
        world.alice.patch(
            "/users/me/notification-preferences", {"kinds": {"assigned": {"email": False}}}
        )
    )


def make_webhook(world: World) -> str:
    """Make a webhook to which nobody listens; returns its path."""
    path = f"/projects/{world.project['id']}/webhooks"
    return f"/webhooks/{ok(world.alice.post(path, {'url': WEBHOOK}))['id']}"


def redeliver(world: World) -> None:
    ping = ok(world.alice.post(f"{make_webhook(world)}/ping"))
    ok(world.alice.post(f"/deliveries/{ping['id']}/redeliver"))


def sign_somebody_out(world: World) -> None:
    ok(make_admin(world.app, "Admin").delete(f"/users/{sign_up(world.app, 'Carol').id}/sessions"))


SILENT: dict[str, Callable[[World], object]] = {
    "accounts.sign_out_account": sign_somebody_out,
    "auth.log_in": lambda world: log_in(world.alice),
    "auth.refresh": renew_the_token,
    "auth.log_out": lambda world: ok(world.alice.post("/auth/logout")),
    "auth.end_session": end_a_session,
    "auth.end_all_sessions": lambda world: ok(world.alice.delete("/auth/sessions")),
    "api_tokens.create_token": lambda world: make_token(world.alice),
    "api_tokens.revoke_token": lambda world: ok(
        world.alice.delete(f"/users/me/tokens/{make_token(world.alice)['id']}")
    ),
    "api_tokens.revoke_all_tokens": lambda world: ok(world.alice.delete("/users/me/tokens")),
    "api_tokens.create_agent_token": lambda world: make_token(
        world.alice, agent_id=world.agent["id"]
    ),
    "api_tokens.revoke_agent_token": revoke_a_token_of_an_agent,
    "notifications.update_preferences": prefer_no_mail,
    "webhooks.create_webhook": make_webhook,
    "webhooks.update_webhook": lambda world: ok(
        world.alice.patch(make_webhook(world), {"event_types": ["task.created"]})
    ),
    "webhooks.delete_webhook": lambda world: ok(world.alice.delete(make_webhook(world))),
    "webhooks.rotate_secret": lambda world: ok(world.alice.post(f"{make_webhook(world)}/rotate")),
    "webhooks.ping_webhook": lambda world: ok(world.alice.post(f"{make_webhook(world)}/ping")),
    "webhooks.replay_events": lambda world: ok(
        world.alice.post(f"{make_webhook(world)}/replay", {"since": 0, "until": 9})
    ),
    "webhooks.redeliver": redeliver,
    "jobs.retry_job": lambda world: with_a_failed_job(world, "POST", "/retry"),
    "jobs.discard_job": lambda world: with_a_failed_job(world, "DELETE"),
    "live.issue_ticket": lambda world: ok(world.alice.post("/ws/tickets")),
    "sign_on.start_sign_on": lambda world: leave_for_a_provider(world, "/auth/sign-on/github"),
    "sign_on.link_identity": lambda world: leave_for_a_provider(
        world, "/users/me/identities/github", password=PASSWORD
    ),
    "sign_on.unlink_identity": lambda world: ok(
        confirm(world.alice, f"/users/me/identities/{link_identity(world.alice)}", "DELETE")
    ),
    "second_factors.set_up_totp": lambda world: turn_on_app(world.alice),
    "second_factors.confirm_totp": lambda world: turn_on_app(world.alice),
    "second_factors.finish_sign_in": sign_in_with_a_recovery_code,
    "second_factors.renew_recovery_codes": lambda world: after_turning_on_an_app(
        world, "/users/me/recovery-codes", "POST"
    ),
    "second_factors.turn_off_totp": lambda world: after_turning_on_an_app(
        world, "/users/me/totp", "DELETE"
    ),
    "passkeys.get_creation_options": lambda world: add_passkey(world.alice),
    "passkeys.get_confirmation_options": lambda world: confirmed_by(
        add_passkey(world.alice), world.alice
    ),
    "passkeys.add_passkey": lambda world: add_passkey(world.alice),
    "passkeys.remove_passkey": remove_a_passkey,
    "passkeys.get_sign_in_options": lambda world: sign_in_by_passkey(
        world.alice, add_passkey(world.alice)
    ),
    "passkeys.sign_in_with_passkey": lambda world: sign_in_by_passkey(
        world.alice, add_passkey(world.alice)
    ),
}
