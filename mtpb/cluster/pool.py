"""Programs run by the sandboxes of all nodes of a Ray cluster."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Lock, RLock
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mtpb.cluster.options import ClusterOptions
from mtpb.cluster.session import nodes
from sandbox import Isolation, Limits, Outcome, Pool, Program, Status

TRIES = 3  # of a program whose sandbox was lost


class Running:
    """The actor that runs programs on its node."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._opening = Lock()
        self._pool: Pool | None = None

    def layers(self) -> dict[str, Any]:
        return self._opened().layers

    def run(self, program: Program) -> Outcome:
        return self._opened().run(program)

    def _opened(self) -> Pool:
        """The pool; started here, since Ray tells exceptions of a constructor as text only."""
        with self._opening:
            if self._pool is None:
                self._pool = Pool(*self._arguments)
            return self._pool


@dataclass(slots=True)
class Node:
    """A node's actor, and how many more programs it takes."""

    actor: Any
    workers: int
    room: int


@dataclass(slots=True)
class Job:
    """A program, and how often the sandbox that it was in was lost."""

    program: Program
    future: Future[Outcome] = field(default_factory=Future)
    losses: int = 0


class ClusterPool:
    """A sandbox pool on every node, with the interface of `sandbox.Pool` that judging needs.

    A node gets twice as many programs as it has workers; the others wait here, so that the loss of
    a node concerns only programs that it has. The driver's threads and Ray's share the state.
    """

    def __init__(
        self,
        options: ClusterOptions,
        limits: Limits,
        isolation: Isolation,
        libraries: tuple[str, ...],
    ) -> None:
        self._limits, self._isolation, self._libraries = limits, isolation, libraries
        self._lock = RLock()  # a call that has ended already calls back at once
        self._waiting: deque[Job] = deque()
        self._nodes: dict[str, Node] = {}
        for node in nodes():
            workers = options.sandbox_workers_per_node or int(node["Resources"].get("CPU", 1)) or 1
            name = node["NodeID"]
            self._nodes[name] = Node(self._actor(name, workers), workers, 2 * workers)
        try:
            every = ray.get([node.actor.layers.remote() for node in self._nodes.values()])
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        # what is reported is what the least isolated node has
        self.layers: dict[str, Any] = min(every, key=lambda layers: len(layers["active"]))

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        job = Job(program)
        with self._lock:
            self._waiting.append(job)
        self._hand_out()
        return job.future

    def _hand_out(self) -> None:
        """Send waiting programs to nodes that have room, to those with the most first."""
        with self._lock:
            while self._waiting:
                name, node = max(self._nodes.items(), key=lambda item: item[1].room)
                if node.room < 1:
                    return
                job, actor = self._waiting.popleft(), node.actor
                node.room -= 1
                sent: Future[Outcome] = actor.run.remote(job.program).future()
                sent.add_done_callback(partial(self._ended, job, name, actor))

    def _ended(self, job: Job, name: str, actor: Any, sent: Future[Outcome]) -> None:
        error = sent.exception()
        was_lost = isinstance(error, RayError) and not isinstance(error, RayTaskError)
        with self._lock:
            if name in self._nodes:
                self._nodes[name].room += 1
            if was_lost:
                self._replace(name, actor)
                job.losses += 1
                if job.losses < TRIES:
                    self._waiting.appendleft(job)
        if error is None:
            job.future.set_result(sent.result())
        elif not was_lost or job.losses >= TRIES:
            said = f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
            job.future.set_result(Outcome(Status.sandbox_error, said))
        self._hand_out()

    def _replace(self, name: str, actor: Any) -> None:
        """Replace a lost actor, once; a node that is gone is left out."""
        node = self._nodes.get(name)
        if node is None or node.actor is not actor:
            return
        is_gone = name not in {one["NodeID"] for one in nodes()}
        if is_gone and len(self._nodes) > 1:
            del self._nodes[name]
        else:
            node.actor = self._actor(name, node.workers)

    def _actor(self, name: str, workers: int) -> Any:
        here = NodeAffinitySchedulingStrategy(name, soft=False)
        kind = ray.remote(Running).options(
            num_cpus=0, max_concurrency=2 * workers, scheduling_strategy=here
        )
        return kind.remote(self._limits, workers, self._isolation, self._libraries)

    def close(self) -> None:
        """End the actors; programs that have not ended get no verdict."""
        for node in self._nodes.values():
            ray.kill(node.actor)

    def __enter__(self) -> ClusterPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
