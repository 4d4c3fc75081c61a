"""The uvicorn server as `python -m models.serve` needs it: announced, and ended by signals."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

CONNECTIONS = 1000


class Server(uvicorn.Server):
    """Calls `on_start` once it listens. Keeps its signal instead of raising it again at the end.

    After the first signal, requests under way have `grace` seconds; a second one ends it at once.
    """

    signal: int | None = None

    def __init__(self, app: ASGIApp, grace: float, on_start: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=grace,  # type: ignore[arg-type]  # takes fractions too
            )
        )
        self._on_start = on_start

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit, self.signal = True, self.signal or sig

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    def end(self) -> None:
        """Stop as after a signal; for other threads."""
        self.should_exit = True
