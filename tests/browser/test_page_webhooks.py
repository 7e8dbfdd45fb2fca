"""Webhooks: making, changing and removing them, and the log of what they were sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from models.event import EventType
from services.worker import worker
from tests.browser.looks import check, in_every_look, options_of
from tests.browser.people import Viewer, project_address
from tests.factories import Person
from tests.receiver import Receiver, Reply, receiving
from tests.records import Record, done, make_task
from tests.sql import rows
from tests.waiting import wait_until

Look = Callable[..., Viewer]
LATER = {"Retry-After": "3600"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def webhook(ada: Person, book: Record, receiver: Receiver) -> Record:
    """A webhook of the book, told of everything."""
    made: Record = done(ada.post(f"/projects/{book['id']}/webhooks", {"url": receiver.url}))
    return made


@pytest.fixture
def viewer(look: Look, ada: Person, book: Record, webhook: Record, receiver: Receiver) -> Viewer:
    """Ada's browser with the webhook."""
    opened = look()
    opened.sign_in(ada, f"{project_address(book)}/webhooks/{webhook['id']}")
    expect(opened.page.get_by_role("heading", name=receiver.url)).to_be_visible()
    return opened


def let_work() -> None:
    """Send what is to be sent; not in this thread, whose event loop is the browser's."""
    with ThreadPoolExecutor() as threads:
        threads.submit(worker.run_once).result()


def log(viewer: Viewer) -> Locator:
    return viewer.page.locator(".delivery")


def now(person: Person, webhook: Record) -> Record:
    found: Record = done(person.get(f"/webhooks/{webhook['id']}"))
    return found


def secret_of(page: Page) -> str:
    dialog = page.get_by_role("dialog", name="The secret of the webhook")
    return dialog.get_by_label("Secret", exact=True).input_value()


def test_a_webhook_is_made_and_its_secret_is_shown_once(
    look: Look, ada: Person, book: Record, receiver: Receiver
) -> None:
    viewer = look()
    page = viewer.page
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.sign_in(ada, f"{project_address(book)}/webhooks")
    expect(page.get_by_text("There is none yet.")).to_be_visible()
    page.get_by_label("Address").fill(receiver.url)
    page.get_by_label("All events").uncheck()
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one event")
    page.get_by_label("Comments").check()
    tasks = page.get_by_role("group", name="Tasks")
    tasks.get_by_label("created").check()
    expect(page.get_by_label("Tasks")).to_have_js_property("indeterminate", value=True)
    page.get_by_role("button", name="Make the webhook").click()
    secret = secret_of(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.keyboard.press("Escape")
    expect(page.get_by_label("Secret", exact=True)).to_have_count(0)
    page.get_by_role("link", name=receiver.url).click()
    expect(page.get_by_text("On.", exact=True)).to_be_visible()
    make_task(ada, project_id=book["id"], title="Write")
    let_work()
    (received,) = receiver.requests
    assert received.is_signed_by(secret)
    (webhook,) = done(ada.get(f"/projects/{book['id']}/webhooks"))
    kinds = {"comment.created", "comment.updated", "comment.deleted", "comment.restored"}
    assert set(webhook["event_types"]) == kinds | {"task.created"}


def test_all_events_of_a_project_are_offered(look: Look, ada: Person, book: Record) -> None:
    viewer = look()
    viewer.sign_in(ada, f"{project_address(book)}/webhooks")
    viewer.page.get_by_label("All events").uncheck()
    types = "async () => (await import(document.scripts[0].src.replace('app.js', "
    types += "'views/project/event_types.js'))).OFFERED"
    private = ("user.", "agent.", "notification.")
    public = {each for each in EventType if not each.startswith(private)}
    assert set(viewer.page.evaluate(types)) == public


def test_an_address_that_will_not_do_is_refused_with_a_reason(
    look: Look, ada: Person, book: Record
) -> None:
    viewer = look()
    viewer.sign_in(ada, f"{project_address(book)}/webhooks")
    viewer.page.get_by_label("Address").fill("ftp://example.org/")
    viewer.page.get_by_role("button", name="Make the webhook").click()
    expect(viewer.page.get_by_role("alert")).to_contain_text("https")
    assert done(ada.get(f"/projects/{book['id']}/webhooks")) == []


def test_a_ping_is_sent_and_the_log_tells_what_became_of_it(
    viewer: Viewer, receiver: Receiver
) -> None:
    receiver.reply = lambda _: Reply(200, body=b"<b>thanks</b>")
    page = viewer.page
    expect(page.get_by_text("There is nothing.")).to_be_visible()
    page.get_by_role("button", name="Send a ping").click()
    expect(log(viewer)).to_contain_text("On its way")
    let_work()
    expect(log(viewer)).to_contain_text("Delivered, 200")
    log(viewer).get_by_role("button", name="Open").click()
    dialog = page.get_by_role("dialog", name="webhook.ping")
    expect(dialog).to_contain_text("<b>thanks</b>")
    expect(dialog).to_contain_text(receiver.ids[0])


def test_what_happens_is_in_the_log_by_itself_and_can_be_sent_again(
    viewer: Viewer, ada: Person, book: Record, receiver: Receiver
) -> None:
    receiver.reply = lambda _: Reply(503, LATER)
    task = make_task(ada, project_id=book["id"], title="Write")
    let_work()
    expect(log(viewer)).to_contain_text("task.created")
    expect(log(viewer)).to_contain_text("Again")
    receiver.reply = lambda _: Reply()
    log(viewer).get_by_role("button", name="Open").click()
    dialog = viewer.page.get_by_role("dialog")
    expect(dialog.get_by_role("region", name="What it says")).to_contain_text(task["id"])
    expect(dialog).to_contain_text("503")
    dialog.get_by_role("button", name="Send it again").click()
    expect(log(viewer)).to_contain_text("On its way")
    let_work()
    expect(log(viewer)).to_contain_text("Delivered, 204")
    expect(log(viewer)).to_contain_text("2 attempts")
    expect(log(viewer).get_by_role("button", name="Open")).to_be_focused()


def test_what_failed_is_found(
    viewer: Viewer, ada: Person, book: Record, receiver: Receiver, webhook: Record, database: str
) -> None:
    for title in ("One", "Two"):
        make_task(ada, project_id=book["id"], title=title)
    let_work()
    failed = "UPDATE deliveries SET status = 'failed', answer_status = 500 WHERE id = %(id)s"
    rows(database, failed, {"id": receiver.ids[0]})
    expect(log(viewer)).to_have_count(2)
    viewer.page.get_by_label("Only what failed").check()
    expect(log(viewer)).to_have_count(1)
    expect(log(viewer)).to_contain_text("Failed, 500")


def test_what_happened_while_it_was_off_is_sent_later(
    viewer: Viewer, ada: Person, book: Record, webhook: Record, receiver: Receiver
) -> None:
    page = viewer.page
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Off.", exact=True)).to_be_visible()
    make_task(ada, project_id=book["id"], title="Write")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("On.", exact=True)).to_be_visible()
    seq = str(done(ada.get(f"/rooms/project:{book['id']}/events"))[-1]["seq"])
    expect(page.get_by_text(f"The last event of the project is #{seq}.")).to_be_visible()
    page.get_by_label("From event").fill(seq)
    page.get_by_label("To event").fill("99999")
    page.get_by_role("button", name="Send again", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("by 1000 at most")
    page.get_by_label("To event").fill(seq)
    page.get_by_role("button", name="Send again", exact=True).click()
    expect(page.get_by_text("1 on their way.")).to_be_visible()
    let_work()
    expect(log(viewer)).to_contain_text("Delivered")
    assert [each.message["data"]["title"] for each in receiver.requests] == ["Write"]


def test_a_new_secret_signs_beside_the_old_one(
    viewer: Viewer, ada: Person, webhook: Record, receiver: Receiver
) -> None:
    page = viewer.page
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
    secret = secret_of(page)
    expect(page.get_by_role("dialog")).to_contain_text("signs as well until")
    page.keyboard.press("Escape")
    expect(page.get_by_text("The secret before the last signs as well until")).to_be_visible()
    page.get_by_role("button", name="Send a ping").click()
    wait_until(lambda: len(done(ada.get(f"/webhooks/{webhook['id']}/deliveries"))) == 1)
    let_work()
    (ping,) = receiver.requests
    assert ping.is_signed_by(secret)
    assert ping.is_signed_by(webhook["secret"])


def test_an_address_and_events_are_changed_and_a_conflict_is_told(
    viewer: Viewer, ada: Person, webhook: Record, receiver: Receiver
) -> None:
    page = viewer.page
    page.get_by_text("Change the address or the events").click()
    form = page.get_by_role("form", name="The webhook")
    form.get_by_label("Address").fill(f"{receiver.url}&mine=1")
    done(ada.patch(f"/webhooks/{webhook['id']}", {"event_types": ["task.created"]}))
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("heading", name="Somebody else")).to_be_focused()
    expect(form).to_contain_text("Tasks: created")
    form.get_by_label("All events").uncheck()
    form.get_by_label("Work of agents").check()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="&mine=1")).to_be_visible()
    assert now(ada, webhook)["event_types"] == ["lease.created", "lease.updated", "lease.ended"]


def test_why_a_webhook_is_off_is_told(
    viewer: Viewer, ada: Person, book: Record, receiver: Receiver
) -> None:
    receiver.reply = lambda _: Reply(410)
    make_task(ada, project_id=book["id"])
    let_work()
    expect(viewer.page.get_by_text("Off: the receiver said that it is gone.")).to_be_visible()
    viewer.page.get_by_role("link", name="Webhooks").click()
    row = viewer.page.get_by_role("listitem").filter(has_text=receiver.url)
    expect(row).to_contain_text("Off: the receiver said that it is gone")


def test_a_webhook_is_removed(viewer: Viewer, ada: Person, book: Record, webhook: Record) -> None:
    viewer.page.get_by_role("button", name="Remove").click()
    viewer.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(viewer.page.get_by_text("There is none yet.")).to_be_visible()
    assert done(ada.get(f"/projects/{book['id']}/webhooks")) == []
    viewer.go(f"{project_address(book)}/webhooks/{webhook['id']}")
    expect(viewer.page.get_by_role("heading", name="Not here")).to_be_visible()


def test_who_does_not_own_a_project_is_told_who_sees_its_webhooks(
    look: Look, ada: Person, grace: Person, book: Record, webhook: Record
) -> None:
    viewer = look()
    viewer.sign_in(grace, f"{project_address(book)}/webhooks")
    expect(viewer.page.get_by_text("Its owners see and make them.")).to_be_visible()
    expect(viewer.page.get_by_label("Address")).to_be_hidden()
    done(ada.patch(f"/projects/{book['id']}/members/{grace.id}", {"role": "owner"}))
    expect(viewer.page.get_by_role("link", name=webhook["url"])).to_be_visible()


@in_every_look
def test_webhooks_can_be_seen_by_everybody(
    look: Look,
    ada: Person,
    book: Record,
    webhook: Record,
    receiver: Receiver,
    scheme: str,
    width: int,
    tmp_path: Path,
) -> None:
    path = f"/projects/{book['id']}/webhooks"
    some = ["task.created", "task.updated", "comment.created", "time_entry.stopped"]
    done(ada.post(path, {"url": "http://127.0.0.1:4000/stint", "event_types": some}))
    replies = {"Draw": Reply(500, LATER, b"Not today")}
    receiver.reply = lambda each: replies.get(each.message["data"]["title"], Reply())
    for title in ("Write", "Draw", "Read"):
        make_task(ada, project_id=book["id"], title=title)
    let_work()
    viewer = look(**options_of(scheme, width))
    page = viewer.page
    viewer.sign_in(ada, f"{project_address(book)}/webhooks")
    expect(page.get_by_role("link", name=webhook["url"])).to_be_visible()
    page.get_by_label("All events").uncheck()
    check(page, "Webhooks", tmp_path)
    page.screenshot(path=tmp_path / "Webhooks whole.png", full_page=True)
    page.get_by_role("link", name=webhook["url"]).click()
    expect(log(viewer)).to_have_count(3)
    check(page, "Webhook", tmp_path)
    page.screenshot(path=tmp_path / "Webhook whole.png", full_page=True)
    log(viewer).filter(has_text="Again").get_by_role("button", name="Open").click()
    expect(page.get_by_role("dialog")).to_contain_text("Not today")
    check(page, "Delivery", tmp_path)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_label("Secret", exact=True)).to_be_visible()
    check(page, "Secret", tmp_path)
