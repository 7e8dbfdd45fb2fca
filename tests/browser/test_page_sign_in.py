"""Coming in: signing up and in, with one factor or two, forgetting a password, and going."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import expect

from tests.browser.people import Viewer, project_address
from tests.factories import PASSWORD, Person, email_of, sign_up
from tests.records import Record, done, make_task
from tests.second_factors import turn_on_app
from tests.waiting import wait_until

Look = Callable[..., Viewer]


def give_password(viewer: Viewer, person: Person, password: str = PASSWORD, end: str = "") -> None:
    viewer.go(end)
    viewer.page.get_by_label("E-mail address").fill(person.email)
    viewer.page.get_by_label("Password", exact=True).fill(password)
    viewer.page.get_by_role("button", name="Sign in", exact=True).click()


def values_of_cookies(viewer: Viewer) -> dict[str, str]:
    return {each["name"]: each["value"] for each in viewer.context.cookies()}


def test_who_signs_up_is_in(look: Look) -> None:
    viewer = look(timezone_id="Europe/Berlin")
    page = viewer.page
    viewer.go()
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Name").fill("Mary")
    page.get_by_label("E-mail address").fill(email_of("mary"))
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    viewer.wait_for_connection()
    me = page.evaluate("async () => (await fetch('api/v1/users/me')).json()")
    assert (me["name"], me["timezone"]) == ("Mary", "Europe/Berlin")


def test_a_wrong_password_says_so(look: Look, ada: Person) -> None:
    viewer = look()
    give_password(viewer, ada, "something else")
    expect(viewer.page.get_by_role("alert")).to_contain_text("password is wrong")


def test_somebody_stays_signed_in_and_signs_out(look: Look, ada: Person) -> None:
    viewer = look()
    page = viewer.page
    give_password(viewer, ada)
    viewer.wait_for_connection()
    page.reload()
    viewer.wait_for_connection()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_who_comes_after_somebody_is_not_taken_for_them(
    look: Look, ada: Person, grace: Person
) -> None:
    """What the browser kept of one must not be shown to the other, though it is as new."""
    viewer = look()
    page = viewer.page
    for person in (ada, grace):
        give_password(viewer, person)
        viewer.wait_for_connection()
        me = page.evaluate("async () => (await fetch('api/v1/users/me')).json()")
        assert me["id"] == person.id
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_expired_token_is_renewed_without_a_word(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    old = values_of_cookies(viewer)
    answers = iter(['{"code": "token_expired", "detail": "It has expired."}'])
    viewer.page.route(
        "**/projects?*",
        lambda route: (
            route.fulfill(status=401, body=body)
            if (body := next(answers, None))
            else route.continue_()
        ),
    )
    viewer.page.reload()
    expect(viewer.page.get_by_role("heading", name="Projects")).to_be_visible()
    viewer.wait_for_connection()
    wait_until(lambda: not old.items() & values_of_cookies(viewer).items())
    assert values_of_cookies(viewer).keys() == old.keys()


def test_who_cannot_renew_since_the_server_starts_anew_stays_signed_in(
    look: Look, ada: Person
) -> None:
    viewer = look()
    viewer.sign_in(ada)
    page = viewer.page
    expired = '{"code": "token_expired", "detail": "It has expired."}'
    busy = '{"code": "unavailable", "detail": "Try again in a moment."}'
    page.route("**/projects", lambda route: route.fulfill(status=401, body=expired))
    page.route("**/auth/refresh", lambda route: route.fulfill(status=503, body=busy))
    page.get_by_label("Name").fill("The book")
    page.get_by_role("button", name="Make the project").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again in a moment.")
    page.unroute_all()
    page.get_by_role("button", name="Make the project").click()
    expect(page.get_by_role("heading", name="The book")).to_be_visible()


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    done(ada.delete("/auth/sessions"))
    expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_dialog_goes_with_the_view_and_with_the_session(look: Look, ada: Person) -> None:
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada)
    page.get_by_role("link", name="Inbox").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_focused()
    page.keyboard.press("i")
    expect(page.get_by_role("dialog", name="Capture")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Projects")).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("i")
    expect(page.get_by_role("dialog", name="Capture")).to_be_visible()
    done(ada.delete("/auth/sessions"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_second_factor_is_asked_for(look: Look, ada: Person) -> None:
    app, _ = turn_on_app(ada)
    viewer = look()
    give_password(viewer, ada)
    code = viewer.page.get_by_label("Code of your authenticator app")
    expect(code).to_be_focused()
    code.fill(app.code(1))  # that of now was spent on turning it on
    code.press("Enter")
    viewer.wait_for_connection()


def test_a_recovery_code_does_it_too(look: Look, ada: Person) -> None:
    _, codes = turn_on_app(ada)
    viewer = look()
    give_password(viewer, ada)
    viewer.page.get_by_role("button", name="recovery code").click()
    field = viewer.page.get_by_label("Recovery code")
    field.fill("guessed")
    field.press("Enter")
    expect(viewer.page.get_by_role("alert")).to_contain_text("not right")
    field.fill(codes[0])
    field.press("Enter")
    viewer.wait_for_connection()


def test_who_comes_back_from_a_provider_is_asked_for_the_second_factor(
    look: Look, ada: Person
) -> None:
    viewer = look()
    viewer.go("#second_factor=abc&methods=passkey%2Ctotp%2Crecovery_code")
    expect(viewer.page.get_by_role("button", name="Use your passkey")).to_be_focused()
    viewer.page.get_by_role("button", name="code of your authenticator app").click()
    expect(viewer.page.get_by_label("Code of your authenticator app")).to_be_focused()
    assert "abc" not in viewer.page.url


def test_providers_are_offered(look: Look) -> None:
    viewer = look()
    provider = '[{"id": "github", "name": "GitHub"}]'
    viewer.page.route("**/auth/providers", lambda route: route.fulfill(body=provider))
    viewer.go()
    with viewer.page.expect_request("**/auth/sign-on/github") as asked:
        viewer.page.get_by_role("button", name="Sign in with GitHub").click()
    assert asked.value.post_data_json == {"cookies": True, "return_to": "/"}


def test_a_forgotten_password_is_asked_for_by_mail(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.go()
    viewer.page.get_by_role("link", name="Forgotten your password?").click()
    viewer.page.get_by_label("E-mail address").fill(ada.email)
    viewer.page.get_by_role("button", name="Send me a link").click()
    expect(viewer.page.get_by_role("heading", name="Look into your mail")).to_be_visible()


def test_a_link_to_a_task_leads_to_it_once_somebody_is_signed_in(
    look: Look, ada: Person, book: Record
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    viewer = look()
    give_password(viewer, ada, end=f"#/tasks/{task['id']}")
    expect(viewer.page.get_by_role("dialog").get_by_label("Title")).to_have_value("Draw a map")
    assert viewer.page.url.endswith(project_address(book, task))


def test_a_link_to_a_task_leads_to_it_though_the_session_ends_on_the_way(
    look: Look, ada: Person, book: Record
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    viewer = look()
    page = viewer.page
    viewer.sign_in(ada)
    over = '{"code": "session_over", "detail": "Sign in again."}'
    page.route(
        f"**/tasks/{task['id']}", lambda route: route.fulfill(status=401, body=over), times=1
    )
    viewer.go(f"#/tasks/{task['id']}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail address").fill(ada.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("dialog").get_by_label("Title")).to_have_value("Draw a map")
    assert page.url.endswith(project_address(book, task))


def test_a_link_to_a_task_that_is_gone_leads_to_the_projects(
    look: Look, ada: Person, book: Record
) -> None:
    task = make_task(ada, title="Draw a map", project_id=book["id"])
    done(ada.delete(f"/tasks/{task['id']}"))
    viewer = look()
    viewer.sign_in(ada, f"#/tasks/{task['id']}")
    expect(viewer.page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(viewer.page.locator("#complaints")).not_to_be_empty()


def test_what_others_may_not_see_is_not_shown(look: Look, app: Flask, book: Record) -> None:
    viewer = look()
    viewer.sign_in(sign_up(app, "Eve"), project_address(book))
    expect(viewer.page.get_by_role("heading", name="Not here")).to_be_visible()
    expect(viewer.page.locator("#main")).not_to_contain_text("The book")
