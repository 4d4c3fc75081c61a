"""Dialogues answered by actors of a Ray cluster, each with a sampler of its own.

The driver hands dialogues out in chunks, a chunk an actor at a time, and gets them back as they
finish. What an actor had not finished when it was lost is asked again elsewhere: a chunk is
halved each time, so that a dialogue that kills its actor is alone in the end, and is then named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from time import perf_counter
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from mtpb.cluster.options import ClusterOptions
from mtpb.cluster.session import nodes, resources
from mtpb.errors import UsageError, nothing_lost
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import EngineFacts, ModelFacts, ServerFacts
from mtpb.samplers.sampler import Backend, Dialogue, Sampler, Stats

D = TypeVar("D", bound=Dialogue)
GATHER_S = 0.05
LOSSES = 2  # of its actor, after which a dialogue alone with it is given up


class Answering:
    """The actor that holds a sampler."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stack = ExitStack()

    def open(self) -> None:
        """Load the model. Not done by the constructor, whose exceptions Ray tells as text only."""
        self._sampler: Sampler = self._stack.enter_context(self._backend.open())

    def answer(self, dialogues: Sequence[D]) -> Iterator[tuple[list[D], Stats]]:
        """The dialogues as they finish, with what the sampler did so far.

        Those that finish within `GATHER_S` come together, since each message costs the driver.
        """
        finished, sent = list[D](), 0.0
        for dialogue in self._sampler.run(iter(dialogues)):
            finished.append(dialogue)
            if perf_counter() - sent >= GATHER_S:
                yield finished, replace(self._sampler.stats)
                finished, sent = [], perf_counter()
        if finished:
            yield finished, replace(self._sampler.stats)


@dataclass(slots=True)
class Chunk:
    """Dialogues that an actor has; `losses` counts the actors that it lost while it was alone."""

    dialogues: list[Any]
    losses: int = 0
    answers: Any = None  # Ray's generator of references

    def without(self, keys: Collection[object]) -> None:
        self.dialogues = [one for one in self.dialogues if one.key not in keys]


@dataclass(slots=True)
class Worker:
    """An actor, the chunk that it has, and what its sampler said it did.

    `opening` is Ray's reference to the end of loading, None afterwards: an actor for which there is
    no room yet gets no chunk.
    """

    actor: Any
    opening: Any
    chunk: Chunk | None = None
    stats: Stats = field(default_factory=Stats)


class ClusterSampler:
    """Answers dialogues by the samplers of many actors. What comes back is a copy."""

    def __init__(self, backend: Backend, options: ClusterOptions) -> None:
        self._backend, self._options = backend, options
        self._ended = Stats()  # of actors that are gone
        self._workers: list[Worker] = []
        self._given_up: list[object] = []
        self.retries = 0

    @property
    def stats(self) -> Stats:
        every = [self._ended, *(worker.stats for worker in self._workers)]
        return Stats(
            tokens=sum(one.tokens for one in every),
            seconds=max(one.seconds for one in every),
            in_flight=sum(len(w.chunk.dialogues) for w in self._workers if w.chunk),
            retries=sum(one.retries for one in every) + self.retries,
            fingerprints=set().union(*(one.fingerprints for one in every)),
        )

    def run(self, dialogues: Iterable[D]) -> Generator[D, None, None]:
        """See `Sampler.run`. Raises UsageError at the end for dialogues that were given up."""
        fresh, lost = iter(dialogues), deque[Chunk]()
        self._check_room()
        self._workers = [self._worker() for _ in range(self._count())]
        try:
            all_begun = False
            while True:
                for worker in self._workers:
                    if worker.opening is None and worker.chunk is None:
                        all_begun = not self._hand_out(worker, fresh, lost)
                awaited = [w.chunk.answers for w in self._workers if w.chunk]
                if not awaited and all_begun and not lost:
                    break
                awaited += [w.opening for w in self._workers if w.opening is not None]
                ready = _ready(awaited)
                for worker in self._workers:
                    if worker.opening in ready:
                        self._opened(worker)
                    elif worker.chunk and worker.chunk.answers in ready:
                        yield from self._received(worker, lost)
        finally:
            for worker in self._workers:
                ray.kill(worker.actor)
        if self._given_up:
            raise UsageError(
                f"engine=ray: {len(self._given_up)} conversations lost the actor that answered "
                f"them {LOSSES} times each, first {self._given_up[0]}; {nothing_lost()}"
            )

    def _hand_out(self, worker: Worker, fresh: Iterator[D], lost: deque[Chunk]) -> bool:
        """Give a worker a chunk; False if there is none left."""
        chunk = lost.popleft() if lost else Chunk(list(islice(fresh, self._options.chunk)))
        if chunk.dialogues:
            chunk.answers = worker.actor.answer.options(num_returns="streaming").remote(
                chunk.dialogues
            )
            worker.chunk = chunk
        return bool(chunk.dialogues)

    def _opened(self, worker: Worker) -> None:
        """The model of a worker is loaded, or its actor was lost on the way."""
        try:
            ray.get(worker.opening)
            worker.opening = None
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except RayError:
            self.retries += 1
            fresh = self._worker()
            worker.actor, worker.opening = fresh.actor, fresh.opening

    def _received(self, worker: Worker, lost: deque[Chunk]) -> Iterator[Any]:
        """The next answers of an actor, if it still has some."""
        chunk = worker.chunk
        assert chunk is not None
        try:
            dialogues, worker.stats = ray.get(next(chunk.answers))
        except StopIteration:
            worker.chunk = None
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except RayError:
            self._replace(worker, lost)
        else:
            chunk.without({dialogue.key for dialogue in dialogues})
            yield from dialogues

    def _replace(self, worker: Worker, lost: deque[Chunk]) -> None:
        """Start another actor, and queue what the lost one had not finished."""
        chunk = worker.chunk
        assert chunk is not None
        self.retries += 1
        self._ended.tokens += worker.stats.tokens
        self._ended.fingerprints |= worker.stats.fingerprints
        fresh = self._worker()
        worker.actor, worker.opening, worker.chunk = fresh.actor, fresh.opening, None
        worker.stats = Stats()
        left = chunk.dialogues
        if len(left) > 1:
            middle = len(left) // 2
            lost.extend((Chunk(left[:middle]), Chunk(left[middle:])))
        elif left and chunk.losses + 1 < LOSSES:
            lost.append(Chunk(left, chunk.losses + 1))
        elif left:
            self._given_up.append(left[0].key)

    def _count(self) -> int:
        options, there = self._options, resources()
        if options.workers is not None:
            return options.workers
        gpus = there.get("GPU", 0.0)
        if gpus and options.gpus_per_worker != 0:
            return max(1, int(gpus / (options.gpus_per_worker or 1)))
        return max(1, int(there.get("CPU", 1.0) / max(options.cpus_per_worker, 0.001)))

    def _share(self) -> tuple[float, float]:
        """CPUs and GPUs of an actor."""
        gpus = self._options.gpus_per_worker
        if gpus is None:
            gpus = 1.0 if resources().get("GPU") else 0.0
        return self._options.cpus_per_worker, gpus

    def _check_room(self) -> None:
        """Raises UsageError where no node has room for an actor, which Ray would wait for."""
        cpus, gpus = self._share()
        there = [node["Resources"] for node in nodes()]
        if not any(n.get("CPU", 0) >= cpus and n.get("GPU", 0) >= gpus for n in there):
            raise UsageError(
                f"engine.cpus_per_worker={cpus:g} and engine.gpus_per_worker={gpus:g}: no node of "
                "the cluster has as many; ask for fewer"
            )

    def _worker(self) -> Worker:
        cpus, gpus = self._share()
        kind = ray.remote(Answering).options(num_cpus=cpus, num_gpus=gpus, max_restarts=0)
        actor: Any = kind.remote(self._backend)
        return Worker(actor, actor.open.remote())


def _ready(awaited: list[Any]) -> set[Any]:
    """Waits for one of them; all that are ready then."""
    ray.wait(awaited)
    return set(ray.wait(awaited, num_returns=len(awaited), timeout=0)[0])


@dataclass(frozen=True, slots=True)
class ClusterBackend:
    """Another backend whose samplers are on a cluster; all it says of itself is the other's."""

    inner: Backend
    options: ClusterOptions

    @property
    def facts(self) -> ModelFacts:
        return self.inner.facts

    @property
    def engine(self) -> EngineFacts | None:
        return self.inner.engine

    @property
    def server(self) -> ServerFacts | None:
        return self.inner.server

    @property
    def guarantee(self) -> Guarantee:
        return self.inner.guarantee

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.inner.identity

    @property
    def chat(self) -> bool:
        return self.inner.chat

    @contextmanager
    def open(self) -> Iterator[ClusterSampler]:
        yield ClusterSampler(self.inner, self.options)
