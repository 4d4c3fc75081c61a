"""The HTTP server: who may ask, how much and how long, and OpenAI's endpoints around a worker."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.config import CodeGenConfig
from models.serving.answers import Choice, Piece, joined, usage
from models.serving.requests import CompletionRequest, RequestError, RequestReader, Tokenizer
from models.serving.worker import (
    ClosedError,
    EngineWorker,
    Event,
    Failed,
    Job,
    PromptScores,
    QueueFullError,
)

BODY_SECONDS = 30.0  # in which a client must have sent its request
LAST_WORD_SECONDS = 5.0  # in which a client must have read why its answer ends
RETRY_AFTER = 1  # seconds


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """`queue`: how many completions may wait for a slot, and be asked for in one request;
    `body_bytes` of a request; `seconds` that an answer may take."""

    queue: int = 1024
    body_bytes: int = 4_000_000
    seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Served:
    """The model that is served. `facts` are what the list of models says of it besides its name,
    `fingerprint` names all that its completions depend on."""

    name: str
    config: CodeGenConfig
    tokenizer: Tokenizer
    fingerprint: str
    facts: dict[str, Any]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def application(
    served: Served, worker: EngineWorker, limits: RequestLimits, key: str | None
) -> ASGIApp:
    """The server. With a key, all but /health needs it; without one, requests must name a loopback
    host, so that no web page can reach the server by a name of its own.

    The worker is closed when the server ends.
    """
    created = int(time.time())

    async def models(request: Request) -> Response:
        entry = {"id": served.name, "object": "model", "created": created, "owned_by": "mtpb"}
        return JSONResponse({"object": "list", "data": [entry | served.facts]})

    async def health(request: Request) -> Response:
        return JSONResponse(
            {"status": "ok", "running": worker.running, "waiting": worker.waiting},
            200 if worker.error is None else 500,
        )

    async def chat(request: Request) -> Response:
        raise RequestError(
            "chat is not served, since CodeGen has no chat template; use /v1/completions", 404
        )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(worker.close)

    routes = [
        Route("/v1/completions", _Completions(served, worker, limits), methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]
    handlers: Any = {RequestError: _refusal, HTTPException: _refusal}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return _guarded(app, key)


def _refusal(request: Request, error: Exception) -> Response:
    """OpenAI's error object."""
    if isinstance(error, HTTPException):
        error = RequestError(f"{request.url.path}: {error.detail}", error.status_code)
    assert isinstance(error, RequestError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse({"error": error.record}, error.status, headers)


def _guarded(app: ASGIApp, key: str | None) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := _refused(scope, key)) is not None:
            await _refusal(Request(scope), error)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guarded


def _refused(scope: Scope, key: str | None) -> RequestError | None:
    """Why the request is refused before it is read, if it is."""
    headers = Headers(scope=scope)
    if key is None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if not is_loopback(host):
            return RequestError(f"host {host!r}: this server answers to loopback names only", 403)
    elif scope["path"] != "/health":
        sent = headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(sent, f"Bearer {key}".encode()):
            return RequestError(
                "no key, or a wrong one; send the server's key as a bearer token",
                401,
                kind="authentication_error",
                code="invalid_api_key",
            )
    return None


class _Completions:
    """POST /v1/completions, as an ASGI application."""

    def __init__(self, served: Served, worker: EngineWorker, limits: RequestLimits) -> None:
        self._served, self._worker, self._limits = served, worker, limits
        self._reader = RequestReader(
            served.name, served.tokenizer, served.config, most_choices=limits.queue
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(scope, receive)
        request = await asyncio.to_thread(self._reader.read, body)
        answer = _Answer(self._served, request, send)
        with anyio.move_on_after(self._limits.seconds) as deadline:
            async with answer.jobs(self._worker, receive):
                await answer.relay()
        if deadline.cancelled_caught:
            late = RequestError(
                f"the answer was not finished within {self._limits.seconds:g} s",
                503,
                kind="server_error",
                code="timeout",
            )
            with anyio.move_on_after(LAST_WORD_SECONDS):  # the client may not be reading
                await answer.fail(late)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The request's body. Raises RequestError where it is too large, too slow, or not JSON."""
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip()
        if kind.lower() != "application/json":  # a web page can send only other types unasked
            raise RequestError("the content type must be application/json", 415)
        body = bytearray()
        with anyio.move_on_after(BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > self._limits.body_bytes:
                    raise RequestError(
                        f"the body has more than {self._limits.body_bytes} bytes", 413
                    )
                if not message.get("more_body"):
                    return bytes(body)
        raise RequestError(f"the body did not come within {BODY_SECONDS:g} s", 408)


class _Answer:
    """The answer to one request, sent as it comes or as a whole."""

    def __init__(self, served: Served, request: CompletionRequest, send: Send) -> None:
        self._request, self._send = request, send
        self._choices = [
            Choice(request, index, served.tokenizer) for index in range(request.choices)
        ]
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": served.name,
            "system_fingerprint": served.fingerprint,
        }
        self._events: asyncio.Queue[tuple[Choice, Event] | None] = asyncio.Queue()
        self._started = False

    @asynccontextmanager
    async def jobs(self, worker: EngineWorker, receive: Receive) -> AsyncIterator[None]:
        """Have the worker answer while the block runs, and stop it at the end, or where the client
        goes away. Raises RequestError where the worker takes no jobs."""
        request = self._request
        scores = request.echo and request.logprobs is not None
        jobs = [
            Job(request.engine_request(choice.index), self._teller(choice), scores, request.stream)
            for choice in self._choices
        ]
        try:
            worker.submit(jobs)
        except QueueFullError:
            raise RequestError(
                "too many completions wait already; try again later",
                429,
                kind="rate_limit_error",
                code="queue_full",
                retry_after=RETRY_AFTER,
            ) from None
        except ClosedError:
            raise _unavailable(crashed=worker.error is not None) from None
        watch = asyncio.create_task(self._watch(receive))
        try:
            yield
        finally:
            watch.cancel()
            worker.cancel(jobs)

    def _teller(self, choice: Choice) -> Callable[[Event], None]:
        """What the worker's thread calls with the events of a choice."""
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            with suppress(RuntimeError):  # the loop is closed: a second signal has ended the server
                loop.call_soon_threadsafe(self._events.put_nowait, (choice, event))

        return tell

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._events.put_nowait(None)

    async def relay(self) -> None:
        """Send the answer; nothing more once the client is gone."""
        pieces: dict[int, list[Piece]] = {choice.index: [] for choice in self._choices}
        stream = self._request.stream
        if self._request.echo and self._request.logprobs is None:
            for choice in self._choices:
                pieces[choice.index].append(choice.prompt_piece(None))
                if stream:
                    await self._send_piece(pieces[choice.index].pop())
        while not all(choice.finished for choice in self._choices):
            heard = await self._events.get()
            if heard is None:
                return
            choice, event = heard
            if isinstance(event, Failed):
                await self.fail(_unavailable(event.crashed))
                return
            if isinstance(event, PromptScores):
                piece: Piece | None = choice.prompt_piece(event)
            else:
                piece = choice.hear(event)
            if piece is not None and stream:
                await self._send_piece(piece)
            elif piece is not None:
                pieces[choice.index].append(piece)
        if stream:
            await self._finish_stream()
        else:
            await self._send_whole([joined(pieces[choice.index]) for choice in self._choices])

    async def fail(self, error: RequestError) -> None:
        """Refuse the request; in a stream that has begun, by an event."""
        if not self._started:
            response = _refusal(Request({"type": "http", "path": "/v1/completions"}), error)
            await self._respond(response.status_code, dict(response.headers), bytes(response.body))
            return
        await self._send_event({"error": error.record}, last=True)

    async def _send_whole(self, choices: list[Piece]) -> None:
        record = self._head | {"choices": choices, "usage": usage(self._request, self._choices)}
        body = json.dumps(record).encode()
        await self._respond(200, {"content-type": "application/json"}, body)

    async def _send_piece(self, piece: Piece) -> None:
        record = self._head | {"choices": [piece]}
        if self._request.continuous_usage:
            record["usage"] = usage(self._request, self._choices)
        elif self._request.include_usage:
            record["usage"] = None
        await self._send_event(record)

    async def _finish_stream(self) -> None:
        if self._request.include_usage:
            spent = usage(self._request, self._choices)
            await self._send_event(self._head | {"choices": [], "usage": spent})
        await self._send_body(b"data: [DONE]\n\n")

    async def _send_event(self, record: dict[str, Any], last: bool = False) -> None:
        if not self._started:
            self._started = True
            await self._start(
                200, {"content-type": "text/event-stream", "cache-control": "no-cache"}
            )
        await self._send_body(f"data: {json.dumps(record)}\n\n".encode(), more=not last)

    async def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._started = True
        await self._start(status, headers | {"content-length": str(len(body))})
        await self._send_body(body)

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _send_body(self, body: bytes, more: bool = False) -> None:
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        await self._send(message)


def _unavailable(crashed: bool) -> RequestError:
    if crashed:
        return RequestError("the engine has crashed; the server ends", 500, kind="server_error")
    return RequestError(
        "the server ends", 503, kind="server_error", code="shutdown", retry_after=RETRY_AFTER
    )
