"""A web server on this machine that can be told to misbehave."""

import contextlib
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

DEAD = "http://127.0.0.1:9/"  # the discard port, where nobody listens

Fault = Callable[["Handler"], bool]


class Mirror(http.server.ThreadingHTTPServer):
    """Serves `files`, name -> bytes, and writes down what it was asked.

    `faults` are functions of the handler, one for each request until none is
    left; one that returns `True` has answered.
    """

    daemon_threads = True
    faults: list[Fault]
    asked: list[tuple[str, str | None]]  # name, Range

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.faults = []
        self.ranges = True
        self.asked = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    # Whoever serves with this handler is a mirror.
    server: Mirror  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        name, range_ = self.path.lstrip("/"), self.headers.get("Range")
        self.server.asked.append((name, range_))
        if self.server.faults and self.server.faults.pop(0)(self):
            return
        content = self.server.files.get(name)
        if content is None:
            self.answer(404)
            return
        bounds = re.fullmatch(r"bytes=(\d+)-", range_) if range_ else None
        assert (bounds is None) == (range_ is None), range_
        start = int(bounds[1]) if bounds else 0
        if not start or not self.server.ranges:
            self.answer(200, content)
        elif start >= len(content):
            self.answer(416)
        else:
            last = len(content) - 1
            self.answer(
                206,
                content[start:],
                {"Content-Range": f"bytes {start}-{last}/{len(content)}"},
            )

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        length: int | str | None = None,
    ) -> bool:
        """Sends a response; `length` is what it claims to send."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length != "none":
            self.send_header(
                "Content-Length", str(len(body) if length is None else length)
            )
        self.end_headers()
        with contextlib.suppress(OSError):  # the client has had enough
            self.wfile.write(body)
        self.server.sent += len(body)
        return True


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Mirror]:
    """Runs a mirror for the files while the block lasts."""
    with Mirror(files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def status(code: int) -> Fault:
    """A fault: answers with this status."""
    return lambda handler: handler.answer(code, b"no")


def cut(count: int, content: bytes) -> Fault:
    """A fault: claims to send all and stops after `count` bytes."""
    return lambda handler: handler.answer(
        200, content[:count], length=len(content)
    )


def ok(handler: Handler) -> bool:
    """No fault: for the requests before one."""
    return False
