"""An agent as a process of its own: `python -m tests.labourer URL TOKEN`.

It claims, works for a moment and completes, and asks again when there is nothing to do.
"""

import random
import sys
import time

from tests.server import Client

LEASE_SECONDS = 10


def work(agent: Client) -> None:
    """Do tasks, one after the other; return when none is left."""
    while True:
        claimed = agent.post("/agents/me/claim", json={"lease_seconds": LEASE_SECONDS}).json()
        if not claimed["claimed"]:
            return
        lease = claimed["claimed"][0]["lease"]
        time.sleep(random.uniform(0, 0.02))  # the work itself
        answer = agent.post(f"/leases/{lease['id']}/complete")
        assert answer.status_code == 200, answer.text


if __name__ == "__main__":
    url, token = sys.argv[1:]
    with Client(url, token) as agent:
        while True:
            work(agent)
            time.sleep(0.2)
