"""A server of the report's page on this machine, for runs that go on.

It answers `/`, the page; `/page`, the same for the page's own script; and `/state`, a text that
changes with the runs. It listens on loopback only and answers only requests whose `Host` is its
own, so that no other site's page can read it through a name of its own (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from time import monotonic

HOST = "127.0.0.1"
_REST = 4.0  # a page is kept for this many times the seconds that it took to make
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LivePage:
    """The newest page: made when it is asked for and the runs' files have changed since.

    `stamp` says what the files are like now; `make` makes a page, which carries the state given.
    A page is kept for a while, by the time that it took, so that making pages of large runs takes
    at most a fifth of the time. Until then its state stands.
    """

    def __init__(
        self,
        stamp: Callable[[], str],
        make: Callable[[str], str],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stamp, self._make, self._clock = stamp, make, clock
        self._lock = Lock()
        self._state, self._page = "", ""
        self._kept_until = float("-inf")

    def state(self) -> str:
        if self._clock() < self._kept_until:
            return self._state
        return sha256(self._stamp().encode()).hexdigest()[:16]

    def page(self) -> str:
        with self._lock:
            state = self.state()
            if state != self._state:
                began = self._clock()
                self._page = self._make(state)
                self._state = state
                ended = self._clock()
                self._kept_until = ended + _REST * (ended - began)
            return self._page


class PageServer(ThreadingHTTPServer):
    """Serves a page at `address`. Raises OSError where the port is taken; port 0 is a free one."""

    daemon_threads = True

    def __init__(self, live: LivePage, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.live = live

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_port}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values of `Host` that requests may have."""
        return tuple(f"{name}:{self.server_port}" for name in (HOST, "localhost"))


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 30

    def do_GET(self) -> None:
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            self._answer(403, "text/plain", f"ask for {self.server.address}\n")
        elif self.path in ("/", "/page"):
            self._answer(200, "text/html", self.server.live.page())
        elif self.path == "/state":
            self._answer(200, "text/plain", self.server.live.state())
        else:
            self._answer(404, "text/plain", "there is no such page\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""
