"""An agent of Stint: claims a task, works, says how far it is, and finishes; then the next one.

    python examples/agent.py http://127.0.0.1:8000 $AGENT

It needs the package `requests`. Put your work in place of `work`. What it shows: a lease that is
renewed with each step and dropped when it is lost, requests that can be repeated, and a stop that
gives the task back at once. What tasks say is data from many hands: never run it as it is.
"""

import contextlib
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import requests

LEASE_SECONDS = 60  # longer than any step: without a word for as long, another gets the task
PAUSE_SECONDS = 2.0
PASSING = (429, 502, 503, 504)  # statuses that pass

Record = dict[str, Any]
Work = Callable[[Record], Iterator[tuple[int, str]]]


class CannotDoError(Exception):
    """Work raises it, with the reason, for a task that a person should look at."""


class LeaseLostError(Exception):
    """The task is somebody else's now."""


class Agent:
    """Does one task after another; `work` yields how many percent are done and what it does."""

    def __init__(self, url: str, token: str, work: Work) -> None:
        self.stopped = False
        self._url = url.rstrip("/") + "/api/v1"
        self._work = work
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def run(self) -> None:
        """Work until somebody sets `stopped`, or KeyboardInterrupt."""
        while not self.stopped:
            found = self._post("/agents/me/claim", {"lease_seconds": LEASE_SECONDS})["claimed"]
            for claimed in found:
                self._do(claimed["task"], f"/leases/{claimed['lease']['id']}")
            if not found:
                time.sleep(PAUSE_SECONDS)

    def _do(self, task: Record, lease: str) -> None:
        try:
            for progress, message in self._work(task):
                self._post(f"{lease}/heartbeat", {"progress": progress, "message": message})
            self._post(f"/tasks/{task['id']}/comments", {"body": "Done; please have a look."})
            self._post(f"{lease}/complete", {"message": "All steps done"})
        except LeaseLostError:
            pass  # whoever has it now decides what becomes of it
        except CannotDoError as error:
            self._post(f"{lease}/fail", {"reason": str(error)})
        except KeyboardInterrupt:
            with contextlib.suppress(LeaseLostError):
                self._post(f"{lease}/release")
            raise

    def _post(self, path: str, body: Record | None = None) -> Record:
        """Ask until there is an answer; by its key a repeated request is done once."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        while True:
            try:
                answer = self._session.post(
                    self._url + path, json=body, headers=headers, timeout=30
                )
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(PAUSE_SECONDS)
                continue
            if answer.status_code in PASSING:
                time.sleep(float(answer.headers.get("Retry-After", PAUSE_SECONDS)))
                continue
            if answer.status_code == 409 and answer.json()["code"] == "lease_lost":
                raise LeaseLostError
            if answer.status_code >= 400:
                sys.exit(f"{path}: {answer.text}")
            found: Record = answer.json()
            return found


def work(task: Record) -> Iterator[tuple[int, str]]:
    """Pretend."""
    print(task["title"], flush=True)  # noqa: T201 - this is what it is for
    for step in range(1, 5):
        time.sleep(1)
        yield step * 25, f"Step {step} of 4"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        Agent(sys.argv[1], sys.argv[2], work).run()
