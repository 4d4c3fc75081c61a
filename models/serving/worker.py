"""The thread that owns the engine: jobs come in, what is generated goes out, step by step.

All jobs share the engine's batch: one is started as soon as a slot is free, and one that is
cancelled frees its slot before the next step. Jobs are told of their progress in this thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from models.engine.dialogue import Completion, Request, Score
from models.engine.engine import Batch, Engine, RequestInProgress


@dataclass(frozen=True, slots=True)
class PromptScores:
    """Scores of the prompt's tokens but the first."""

    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class CompletionSoFar:
    """The completion so far; the bytes of an incomplete character are not in `text`."""

    text: str
    token_ids: tuple[int, ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The job will not be answered: the engine has crashed, or the server ends."""

    crashed: bool


Event = PromptScores | CompletionSoFar | Completion | Failed


@dataclass(slots=True, eq=False)
class Job:
    """A request to the engine. `tell` is called with `PromptScores` if `scores_prompt`, with
    `Progress` after each token if `streams`, and in the end with the completion or `Failed`."""

    request: Request
    tell: Callable[[Event], None]
    scores_prompt: bool = False
    streams: bool = False
    cancelled: bool = field(default=False, init=False)  # written by any thread, never unset


@dataclass(frozen=True, slots=True)
class _Answer:
    """A job as a dialogue of one request."""

    job: Job
    completion: Completion | None = None

    @property
    def request(self) -> Request | None:
        return None if self.completion else self.job.request

    def receive(self, completion: Completion) -> _Answer:
        return replace(self, completion=completion)


class QueueFullError(Exception):
    """There is no room for more jobs now."""


class ClosedError(Exception):
    """The worker takes no more jobs: it ends, or its engine has crashed."""


class EngineWorker:
    """Runs the engine in a thread. At most `queue` jobs wait for a slot. `on_crash` is called, in
    the thread, if an exception ends it; `error` is that exception."""

    def __init__(self, engine: Engine, queue: int, on_crash: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self._engine, self._queue, self._on_crash = engine, queue, on_crash
        self._batch: Batch[_Answer] = engine.batch()
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()  # guards _waiting and _closed
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a slot."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """The number of jobs that are being answered."""
        return len(self._batch.generations)

    def submit(self, jobs: list[Job]) -> None:
        """Answer the jobs, all or none. Raises QueueFullError or ClosedError."""
        with self._changed:
            if self._closed:
                raise ClosedError
            if len(self._waiting) + len(jobs) > self._queue:
                raise QueueFullError
            self._waiting.extend(jobs)
            self._changed.notify()

    def cancel(self, jobs: list[Job]) -> None:
        """Stop answering the jobs, of which some may be finished."""
        with self._changed:
            for job in jobs:
                job.cancelled = True
            self._waiting = deque(job for job in self._waiting if not job.cancelled)

    def close(self) -> None:
        """End the thread after its current step; jobs that are not finished fail."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._work_comes():
                self._drop_cancelled()
                self._start_jobs()
                finished = self._engine.step(self._batch)
                for generation in self._batch.generations.values():
                    _tell_progress(generation)
                for answer in finished:
                    _tell_end(answer)
        except BaseException as error:  # noqa: BLE001  whatever it is, it ends the server
            self.error = error
        finally:
            self._fail_all()
            self._engine.close(self._batch)
            if self.error is not None:
                self._on_crash()

    def _work_comes(self) -> bool:
        """Wait for something to do; False if the worker is closed."""
        with self._changed:
            while not (self._waiting or self._batch.generations or self._closed):
                self._changed.wait()
            return not self._closed

    def _drop_cancelled(self) -> None:
        for generation in list(self._batch.generations.values()):
            if generation.dialogue.job.cancelled:
                self._engine.remove(self._batch, generation)

    def _start_jobs(self) -> None:
        for _ in range(self._engine.slots):  # a bound, for jobs that need no slot
            job = self._next_job() if self._batch.room else None
            if job is None:
                break
            if job.scores_prompt:
                job.tell(PromptScores(self._prompt_scores(job.request)))
            answered = self._engine.add(self._batch, _Answer(job))
            if answered is not None:
                _tell_end(answered)

    def _next_job(self) -> Job | None:
        with self._changed:
            return self._waiting.popleft() if self._waiting else None

    def _prompt_scores(self, request: Request) -> tuple[Score, ...]:
        """This takes the pages of the batch, which computes its tokens again in the next steps."""
        assert not isinstance(request.prompt, str)
        ids, alternatives = list(request.prompt), request.alternatives or 0
        return tuple(self._engine.score_tokens(ids[:1], ids[1:], alternatives)) if ids else ()

    def _fail_all(self) -> None:
        with self._changed:
            self._closed = True
            jobs = [generation.dialogue.job for generation in self._batch.generations.values()]
            for job in [*jobs, *self._waiting]:
                job.tell(Failed(crashed=self.error is not None))
            self._waiting.clear()


def _tell_progress(generation: RequestInProgress[_Answer]) -> None:
    job = generation.dialogue.job
    if job.streams:
        ids, scores = tuple(generation.token_ids), tuple(generation.scores)
        job.tell(CompletionSoFar(generation.text.text, ids, scores))


def _tell_end(answer: _Answer) -> None:
    assert answer.completion is not None
    answer.job.tell(answer.completion)
