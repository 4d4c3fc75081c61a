"""Programs run by the sandboxes of all nodes of a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from queue import SimpleQueue
from threading import Lock, RLock
from typing import Any, cast

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mtpb.cluster.options import ClusterOptions
from mtpb.cluster.session import nodes
from sandbox import Isolation, Limits, Outcome, Pool, Program, SandboxError, Status

TRIES = 3  # of a program whose sandbox was lost


class Running:
    """The actor that runs programs on its node.

    Programs are given and outcomes taken many at a time, since each message costs the driver.
    """

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._opening = Lock()
        self._pool: Pool | None = None
        self._ended: SimpleQueue[tuple[int, Outcome]] = SimpleQueue()

    def layers(self) -> dict[str, Any]:
        return self._opened().layers

    def give(self, programs: Mapping[int, Program]) -> None:
        """Queue programs under numbers."""
        for number, program in programs.items():
            self._opened().submit(program).add_done_callback(partial(self._end, number))

    def take(self) -> list[tuple[int, Outcome]]:
        """Wait for an outcome; it and all others that are there."""
        outcomes = [self._ended.get()]
        while not self._ended.empty():
            outcomes.append(self._ended.get())
        return outcomes

    def _end(self, number: int, future: Future[Outcome]) -> None:
        self._ended.put((number, future.result()))

    def _opened(self) -> Pool:
        """The pool; started here, since Ray tells exceptions of a constructor as text only."""
        with self._opening:
            if self._pool is None:
                self._pool = Pool(*self._arguments)
            return self._pool


@dataclass(slots=True)
class Job:
    """A program, and how often the sandbox that it was in was lost."""

    program: Program
    future: Future[Outcome] = field(default_factory=Future)
    losses: int = 0


@dataclass(slots=True)
class Node:
    """A node's actor, the programs that it has, and those of them that are not sent to it yet.

    One call at a time gives it programs, and one takes outcomes as long as it has programs.
    """

    actor: Any
    workers: int
    jobs: dict[int, Job] = field(default_factory=dict)
    unsent: dict[int, Program] = field(default_factory=dict)
    is_given: bool = False
    is_taken: bool = False

    @property
    def room(self) -> int:
        """How many more programs it takes: twice as many as it has workers."""
        return 2 * self.workers - len(self.jobs)


class ClusterPool:
    """A sandbox pool on every node, with the interface of `sandbox.Pool` that judging needs.

    Programs for which no node has room wait here, so that the loss of a node concerns only those
    that it has. The driver's threads and Ray's share the state.
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
        self._numbers = count()
        self._nodes: dict[str, Node] = {}
        for node in nodes():
            workers = options.sandbox_workers_per_node or int(node["Resources"].get("CPU", 1)) or 1
            name = node["NodeID"]
            self._nodes[name] = self._started(name, workers)
        calls = {name: node.actor.layers.remote() for name, node in self._nodes.items()}
        every = [self._layers(name, call) for name, call in calls.items()]
        # what is reported is what the least isolated node has
        self.layers: dict[str, Any] = min(every, key=lambda layers: len(layers["active"]))

    def _layers(self, name: str, call: Any) -> dict[str, Any]:
        """What the sandbox of a node says of itself; an actor that is lost meanwhile is replaced.

        Raises SandboxError where that goes on.
        """
        for _ in range(TRIES):
            try:
                return cast("dict[str, Any]", ray.get(call))
            except RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from None
            except RayError:
                node = self._nodes[name] = self._started(name, self._nodes[name].workers)
                call = node.actor.layers.remote()
        raise SandboxError(f"engine=ray: the sandbox of node {name} was lost {TRIES} times at once")

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        job = Job(program)
        with self._lock:
            self._waiting.append(job)
            self._hand_out()
        return job.future

    def _hand_out(self) -> None:
        """Give waiting programs to nodes that have room, to those with the most first."""
        while self._waiting and self._nodes:
            node = max(self._nodes.values(), key=lambda node: node.room)
            if node.room < 1:
                break
            job, number = self._waiting.popleft(), next(self._numbers)
            node.jobs[number], node.unsent[number] = job, job.program
        for name, node in list(self._nodes.items()):
            self._exchange(name, node)

    def _exchange(self, name: str, node: Node) -> None:
        """Call a node's actor where that is due."""
        actor = node.actor
        if node.unsent and not node.is_given:
            programs, node.unsent, node.is_given = node.unsent, {}, True
            given = actor.give.remote(programs).future()
            given.add_done_callback(partial(self._given, name, actor))
        if node.jobs and not node.is_taken:
            node.is_taken = True
            taken = actor.take.remote().future()
            taken.add_done_callback(partial(self._taken, name, actor))

    def _given(self, name: str, actor: Any, given: Future[None]) -> None:
        """A node has the programs that it was sent."""
        if error := given.exception():
            self._fail(name, actor, error)
            return
        with self._lock:
            if node := self._node(name, actor):
                node.is_given = False
                self._exchange(name, node)

    def _taken(self, name: str, actor: Any, taken: Future[list[tuple[int, Outcome]]]) -> None:
        """A node sent outcomes."""
        if error := taken.exception():
            self._fail(name, actor, error)
            return
        with self._lock:
            node = self._node(name, actor)
            if node is None:
                return
            ended = [(node.jobs.pop(number), outcome) for number, outcome in taken.result()]
            node.is_taken = False
            self._hand_out()
        for job, outcome in ended:
            job.future.set_result(outcome)

    def _node(self, name: str, actor: Any) -> Node | None:
        """The node, None where another actor has taken this one's place."""
        node = self._nodes.get(name)
        return node if node is not None and node.actor is actor else None

    def _fail(self, name: str, actor: Any, error: BaseException) -> None:
        """Replace an actor that was lost or failed, once, and queue its programs again."""
        with self._lock:
            node = self._node(name, actor)
            if node is None:
                return
            lost = list(node.jobs.values())
            self._replace(name, node)
            for job in lost:
                job.losses += 1
            again = [job for job in lost if job.losses < TRIES]
            self._waiting.extendleft(reversed(again))
            self._hand_out()
        said = f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
        for job in lost:
            if job.losses >= TRIES:
                job.future.set_result(Outcome(Status.sandbox_error, said))

    def _replace(self, name: str, node: Node) -> None:
        """Start another actor; a node that is gone is left out.

        Ray's thread calls this, in which `ray.kill` would not return: the actor ends by itself,
        once nobody holds it.
        """
        is_gone = name not in {one["NodeID"] for one in nodes()}
        if is_gone and len(self._nodes) > 1:
            del self._nodes[name]
        else:
            self._nodes[name] = self._started(name, node.workers)

    def _started(self, name: str, workers: int) -> Node:
        """A node with an actor that has just been started."""
        here = NodeAffinitySchedulingStrategy(name, soft=False)
        kind = ray.remote(Running).options(num_cpus=0, max_concurrency=3, scheduling_strategy=here)
        actor: Any = kind.remote(self._limits, workers, self._isolation, self._libraries)
        return Node(actor, workers)

    def close(self) -> None:
        """End the actors; programs that have not ended get no verdict."""
        with self._lock:
            ended, self._nodes = self._nodes, {}
        for node in ended.values():
            ray.kill(node.actor)

    def __enter__(self) -> ClusterPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
