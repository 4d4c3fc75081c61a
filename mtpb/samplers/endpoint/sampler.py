"""Many conversations at a time with a server, each turn a streamed request.

A request that fails is sent again, with the same seed and from its beginning, so what had come of
its answer is dropped; after `max_retries` failures in a row the run ends. No answer is ever made up
of a failure.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import openai

from models.engine.dialogue import Finish
from mtpb.errors import UsageError, nothing_lost
from mtpb.samplers.endpoint.failures import NoRoomError, TemporaryError, failure
from mtpb.samplers.endpoint.transcript import RequestFormat, Transcript
from mtpb.samplers.sampler import Answer, ChatRequest, D, Stats

T = TypeVar("T")

FIRST_WAIT, MOST_WAIT = 0.5, 60.0  # seconds before a request is sent again


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the server is and how it is asked. `place` names it in messages."""

    base_url: str | None
    api_key: str = field(repr=False)
    place: str
    connections: int
    retries: int
    timeout_s: float

    def client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            max_retries=0,  # ours also cover answers that break off
            timeout=openai.Timeout(self.timeout_s, connect=min(self.timeout_s, 20.0)),
        )


class EndpointSampler:
    """Asks a server; no answer of it is taken to be reproducible."""

    def __init__(self, connection: Connection, form: RequestFormat) -> None:
        self.stats = Stats()
        self._connection, self._form = connection, form
        self._not_before = 0.0  # when a server that is asked too often may be asked again

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues as they finish; `connection.connections` are under way at a time."""
        source = iter(dialogues)
        started = time.perf_counter()
        running: set[Future[D]] = set()
        more = True
        try:
            with self._server() as (submit, client):
                while more or running:
                    while more and len(running) < self._connection.connections:
                        dialogue = next(source, None)
                        if dialogue is None:
                            more = False
                        else:
                            running.add(submit(self._conversed(client, dialogue)))
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    # what is finished is handed on before a failure ends the run
                    for future in sorted(done, key=lambda future: future.exception() is not None):
                        yield future.result()
        finally:
            self.stats.seconds += time.perf_counter() - started

    @contextmanager
    def _server(self) -> Iterator[tuple[Submit, openai.AsyncOpenAI]]:
        """A client, and an event loop in a thread of its own; requests under way at the end are
        closed."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="requests", daemon=True)
        thread.start()
        submit, client = Submit(loop), self._connection.client()
        try:
            yield submit, client
        finally:
            submit(_finish(client)).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _conversed(self, client: openai.AsyncOpenAI, dialogue: D) -> D:
        """The dialogue after all its requests are answered."""
        while (request := dialogue.request) is not None:
            try:
                answer = await self._answered(client, request)
            except NoRoomError as error:
                if not dialogue.begun:
                    raise UsageError(
                        f"{self._connection.place}: a problem's first prompt does not fit the "
                        f"model's context ({error}); lower sampling.max_new_tokens, or serve the "
                        "model with a longer context"
                    ) from None
                answer = Answer("", 0, Finish.context)
            dialogue = dialogue.receive(answer)
        return dialogue

    async def _answered(self, client: openai.AsyncOpenAI, request: Any) -> Answer:
        """The answer to a request, which is sent again as often as the connection allows."""
        retries = self._connection.retries
        for attempt in range(retries + 1):
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            try:
                return await self._asked(client, request)
            except TemporaryError as error:
                if attempt == retries:
                    raise UsageError(
                        f"{self._connection.place}: {error}, and the same at {retries} more tries; "
                        f"{nothing_lost()}"
                    ) from None
                self.stats.retries += 1
                if error.wait is not None:
                    self._not_before = max(self._not_before, time.monotonic() + error.wait)
                await asyncio.sleep(backoff(attempt))
        raise AssertionError("not reached")

    async def _asked(self, client: openai.AsyncOpenAI, request: Any) -> Answer:
        """Sends a request once. Raises TemporaryError, NoRoomError or UsageError."""
        path = "/chat/completions" if isinstance(request, ChatRequest) else "/completions"
        transcript = Transcript(request, self._form.think_end)
        self.stats.in_flight += 1
        try:
            # as plain JSON: the client's own types take twice the time of all the rest
            body = self._form.body(request)
            if not self._form.stream:
                transcript.hear(await client.post(path, cast_to=object, body=body))
            else:
                response = await client.post(
                    path, cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[Any]
                )
                async with response:  # leaving it closes the request
                    async for chunk in response:
                        transcript.hear(chunk)
                        if transcript.stopped:
                            break
        except openai.OpenAIError as error:
            raise failure(error, self._connection.place, self._form.model) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise TemporaryError(f"no answer in OpenAI's format ({type(error).__name__})") from None
        finally:
            self.stats.in_flight -= 1
        answer = transcript.answer()
        self.stats.tokens += answer.tokens
        if transcript.fingerprint:
            self.stats.fingerprints.add(transcript.fingerprint)
        return answer


def backoff(attempt: int) -> float:
    """Seconds before the next try: doubled each time, and drawn so that tries do not coincide."""
    return min(MOST_WAIT, FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.0)


class Submit:
    """Starts coroutines in the event loop of another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


async def _finish(client: openai.AsyncOpenAI) -> None:
    """Cancels what still runs in this loop, and closes the client."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await client.close()
    await asyncio.get_running_loop().shutdown_asyncgens()
