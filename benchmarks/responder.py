"""The least an HTTP server can do: shows how many requests per second the load client can make."""

import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BODY = b"x" * 600
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


def serve() -> None:
    """Write the port to stdout, then answer every read with the same bytes until ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                selector.register(connection, selectors.EVENT_READ, connection)
            elif not _answer(key.data):
                selector.unregister(key.fileobj)
                key.data.close()


def _answer(connection: socket.socket) -> bool:
    """Answer one read; False when the client has gone."""
    try:
        if not connection.recv(32_768):
            return False
        connection.sendall(ANSWER)
    except OSError:
        return False
    return True


@contextmanager
def running() -> Iterator[int]:
    """Run the responder in a process of its own and yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.responder"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # noqa: S101 - Popen was given a pipe
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    serve()
