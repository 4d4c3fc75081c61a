"""An OpenAI-compatible server on loopback that answers by a function and fails on demand.

with serving(lambda body: ["return ", "1\n"]) as server:
    server.faults.append(Status(429, {"Retry-After": "0"}))
    ... server.url ...
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Answer = Callable[[Body], Sequence[str]]


@dataclass(frozen=True)
class Status:
    """The request is refused."""

    code: int
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=lambda: {"message": "not now"})


@dataclass(frozen=True)
class Cut:
    """The connection is closed after so many pieces of the answer."""

    pieces: int


@dataclass(frozen=True)
class Silent:
    """The answer ends after so many pieces without saying why."""

    pieces: int


@dataclass(frozen=True)
class Broken:
    """The answer is no answer."""

    content: bytes


Fault = Status | Cut | Silent | Broken


@dataclass
class Server:
    """What the server was asked, and the faults of the next requests, in order."""

    answer: Answer
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "toy", "object": "model"}])
    key: str | None = None
    url: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    asked: list[Body] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)  # pieces of each answer that could be sent
    finish: str | Callable[[Body, int], str] = "stop"
    usage: bool = True
    list_status: int = 200  # of the list of models
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(answer: Answer, **settings: Any) -> Iterator[Server]:
    state = Server(answer, **settings)

    class Handler(_Handler):
        server_state = state

    http = _Http(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # so that the end waits for what is being answered

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server_state: Server
    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_GET(self) -> None:
        if not self._allowed():
            return
        if self.server_state.list_status != 200:
            self._json(self.server_state.list_status, {})
        else:
            self._json(200, {"object": "list", "data": self.server_state.models})

    def do_POST(self) -> None:
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._allowed():
            return
        with state.lock:
            state.asked.append(body)
            fault = state.faults.popleft() if state.faults else None
        known = [model["id"] for model in state.models]
        if body["model"] not in known:
            self._json(404, {"error": {"message": f"no model {body['model']}", "code": 404}})
        elif isinstance(fault, Status):
            self._json(fault.code, {"error": fault.error}, fault.headers)
        elif isinstance(fault, Broken):
            self._raw(200, fault.content, {"Content-Type": "text/event-stream"})
        else:
            self._answer(body, fault)

    def _allowed(self) -> bool:
        key = self.server_state.key
        sent = self.headers.get("Authorization", "")
        if key is None or sent == f"Bearer {key}":
            return True
        self._json(401, {"error": {"message": f"wrong key: {sent}"}})
        return False

    def _answer(self, body: Body, fault: Fault | None) -> None:
        state = self.server_state
        pieces = list(state.answer(body))
        if not body.get("stream"):
            assert isinstance(state.finish, str)
            self._json(200, self._chunk(body, "".join(pieces), state.finish, len(pieces)))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        counts = body.get("stream_options", {}).get("continuous_usage_stats")
        finish = state.finish if isinstance(state.finish, str) else state.finish(body, len(pieces))
        try:
            for sent, piece in enumerate(pieces):
                if isinstance(fault, (Cut, Silent)) and sent == fault.pieces:
                    break
                self._event(self._chunk(body, piece, None, sent + 1 if counts else None))
            else:
                sent = len(pieces)
                self._event(self._chunk(body, "", finish))
                if state.usage:
                    self._event(self._chunk(body, None, None, sent))
            if isinstance(fault, Cut):
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self._write(b"data: [DONE]\n\n")
        finally:
            with state.lock:
                state.sent.append(sent)
            self.close_connection = True

    def _chunk(
        self, body: Body, text: str | None, finish: str | None, tokens: int | None = None
    ) -> Body:
        said: Body = {"text": text}
        if "messages" in body:
            key = "delta" if body.get("stream") else "message"
            said = {key: {"role": "assistant", "content": text}}
        choice = {"index": 0, "finish_reason": finish, "logprobs": None, **said}
        return {
            "id": "answer",
            "object": "text_completion",
            "created": 0,
            "model": body["model"],
            "system_fingerprint": "fp_toy",
            "choices": [] if text is None else [choice],
            "usage": None
            if tokens is None
            else {"completion_tokens": tokens, "prompt_tokens": 1, "total_tokens": tokens + 1},
        }

    def _event(self, content: Body) -> None:
        self._write(f"data: {json.dumps(content)}\n\n".encode())

    def _write(self, content: bytes) -> None:
        self.wfile.write(content)
        self.wfile.flush()

    def _json(self, status: int, content: Body, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json"}
        self._raw(status, json.dumps(content).encode(), kind | (headers or {}))

    def _raw(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""
