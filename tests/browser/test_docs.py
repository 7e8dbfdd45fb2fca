"""The page with the API's description, and what scripts on it may do."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from models.live import CLIENT_MESSAGES, SERVER_MESSAGES, CloseCode
from tests.factories import PASSWORD, sign_up
from tests.server import Server

# Signs in, opens a socket with a ticket, makes a task, and returns the first event.
FOLLOW_A_PROJECT = """
async ({email, password}) => {
  let token = "";
  const post = async (path, body) => {
    const headers = {"Content-Type": "application/json"};
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(`/api/v1${path}`, {method: "POST", headers, body});
    return answer.json();
  };
  token = (await post("/auth/login", JSON.stringify({email, password}))).access_token;
  const project = await post("/projects", JSON.stringify({name: "The book"}));
  const {ticket} = await post("/ws/tickets");
  const socket = new WebSocket("/ws/browser-tab", ["stint.v1", `ticket.${ticket}`]);
  return new Promise((resolve, reject) => {
    socket.onclose = ({code, reason}) => reject(new Error(`${code} ${reason}`));
    socket.onmessage = async ({data}) => {
      const message = JSON.parse(data);
      if (message.type === "welcome")
        socket.send(JSON.stringify({type: "subscribe", room: `project:${project.id}`}));
      if (message.type === "subscribed")
        await post("/tasks", JSON.stringify({title: "Find a title", project_id: project.id}));
      if (message.type === "event")
        resolve({protocol: socket.protocol, ...message.event});
    };
  });
}
"""

SCROLL = "(y) => new Promise((done) => { scrollTo(0, y); requestAnimationFrame(done); })"

OPEN_A_SOCKET = """
(url) => new Promise((resolve) => {
  const socket = new WebSocket(url, ["stint.v1"]);
  socket.onopen = () => resolve("open");
  socket.onclose = () => resolve("refused");
})
"""


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser found wrong with the page."""
    return []


@pytest.fixture(scope="module")
def docs(browser: Browser, server: Server, complaints: list[str]) -> Iterator[Page]:
    """The page, all of it shown; tests share it, for it is large."""
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda said: complaints.extend([said.text] * (said.type == "error")))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(f"{server.url}/docs", wait_until="networkidle")
        expect(page.locator(".opblock").first).to_be_visible()
        yield page


def screens(page: Page) -> Iterator[None]:
    """Scroll from the top to the end: of many operations only those in sight are in the page."""
    for y in range(0, page.evaluate("document.documentElement.scrollHeight"), 400):
        page.evaluate(SCROLL, y)
        yield


def test_it_shows_every_operation(docs: Page, app: Flask) -> None:
    paths: dict[str, Any] = app.test_client().get("/openapi.json").get_json()["paths"]
    names = {operation["operationId"] for each in paths.values() for operation in each.values()}
    shown = set()
    for _ in screens(docs):
        ids = docs.locator(".opblock").evaluate_all("all => all.map((one) => one.id)")
        shown |= {each.split("-", 2)[2] for each in ids}
    assert shown == names


def test_it_shows_every_message_and_close_code(docs: Page) -> None:
    live = docs.locator("#live")
    for model in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        assert model.__doc__
        expect(live).to_contain_text(model.__doc__.partition(".")[0].replace("`", ""))
    for code in CloseCode:
        expect(live).to_contain_text(str(int(code)))


def test_the_browser_finds_nothing_wrong(docs: Page, complaints: list[str]) -> None:
    operation = docs.locator("#operations-auth-auth_log_in")
    next(None for _ in screens(docs) if operation.count() == 1)
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".responses-inner")).to_be_visible()
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".opblock-body")).to_have_count(0)
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(docs: Page, width: int) -> None:
    docs.set_viewport_size({"width": width, "height": 800})
    assert docs.evaluate("document.documentElement.scrollWidth") == width


def test_its_address_may_name_the_live_part(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/docs#live")
    expect(page.locator("#live h2")).to_be_in_viewport()


def test_a_page_hears_of_changes_through_a_ticket(docs: Page, app: Flask) -> None:
    alice = sign_up(app, "Alice")
    event = docs.evaluate(FOLLOW_A_PROJECT, {"email": alice.email, "password": PASSWORD})
    assert (event["protocol"], event["type"]) == ("stint.v1", "task.created")
    assert event["data"]["title"] == "Find a title"


def test_pages_of_other_sites_open_no_socket(browser: Browser, server: Server) -> None:
    url = f"{server.url.replace('http', 'ws')}/ws/browser-tab"
    with browser.new_context(bypass_csp=True) as context:  # theirs would let them try
        page = context.new_page()
        page.goto(f"{server.url}/health")
        assert page.evaluate(OPEN_A_SOCKET, url) == "open"
        page.goto(f"{server.url.replace('127.0.0.1', 'localhost')}/health")
        assert page.evaluate(OPEN_A_SOCKET, url) == "refused"
