"""The yardstick of live rooms: a loop of sends, as the manuals of FastAPI and websockets show it.

Whoever sends `{"count": n, "pause": seconds}` makes it broadcast n messages of some 200 bytes, each
with the time at which it was made, to everybody who is connected.
"""

import asyncio
import json
import time

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
receivers: set[WebSocket] = set()
FILLING = "x" * 120


@app.get("/api/v1/tasks")
def answer() -> dict[str, str]:
    """Say that the server is up."""
    return {}


@app.websocket("/ws/{client_id}")
async def follow(socket: WebSocket, client_id: str) -> None:  # noqa: ARG001 - FastAPI passes it
    """Serve one receiver, or do what a sender asks for."""
    await socket.accept()
    receivers.add(socket)
    try:
        while True:
            asked = await socket.receive_json()
            if "count" in asked:
                receivers.discard(socket)
                await broadcast(asked["count"], asked["pause"])
    except WebSocketDisconnect:
        receivers.discard(socket)


async def broadcast(count: int, pause: float) -> None:
    """Send messages to everybody, one after the other."""
    for number in range(count):
        at = f"{time.time():.6f}"
        message = {"type": "event", "number": number, "at": at, "data": FILLING}
        text = json.dumps(message, separators=(",", ":"))
        for receiver in list(receivers):
            await receiver.send_text(text)
        await asyncio.sleep(pause)
