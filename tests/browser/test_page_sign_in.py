"""Coming in: signing up and in, with one factor or two, forgetting a password, and going."""

from collections.abc import Callable

from flask import Flask
from playwright.sync_api import expect

from tests.browser.people import Viewer, project_address
from tests.factories import PASSWORD, Person, email_of, sign_up
from tests.records import Record, done, make_task
from tests.second_factors import turn_on_app

Look = Callable[..., Viewer]


def give_password(viewer: Viewer, person: Person, password: str = PASSWORD) -> None:
    viewer.go()
    viewer.page.get_by_label("E-mail address").fill(person.email)
    viewer.page.get_by_label("Password", exact=True).fill(password)
    viewer.page.get_by_role("button", name="Sign in").click()


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
    viewer.sign_in(ada)
    page.reload()
    viewer.wait_for_connection()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_expired_token_is_renewed_without_a_word(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    old = {each["name"]: each.get("value") for each in viewer.context.cookies()}
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
    new = {each["name"]: each.get("value") for each in viewer.context.cookies()}
    assert all(new[name] != value for name, value in old.items())


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in(look: Look, ada: Person) -> None:
    viewer = look()
    viewer.sign_in(ada)
    done(ada.delete("/auth/sessions"))
    expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()


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
    expect(viewer.page.get_by_label("Code of your authenticator app")).to_be_visible()
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
    viewer.sign_in(ada, f"#/tasks/{task['id']}")
    expect(viewer.page.get_by_role("dialog").get_by_label("Title")).to_have_value("Draw a map")
    assert viewer.page.url.endswith(project_address(book, task))


def test_what_others_may_not_see_is_not_shown(look: Look, app: Flask, book: Record) -> None:
    viewer = look()
    viewer.sign_in(sign_up(app, "Eve"), project_address(book))
    expect(viewer.page.get_by_role("heading", name="Not here")).to_be_visible()
    expect(viewer.page.locator("#main")).not_to_contain_text("The book")
