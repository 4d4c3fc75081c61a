"""What the driver of a run on a Ray cluster does by itself: samplers and sandboxes that answer at
once, so that nothing else takes time.

    python -m tests.speed.bench_cluster [conversations] [verdicts] [profile]

COUNT (10,000) conversations of the starter suite go to actors and come back as samples in a run
directory; as many programs go to nodes and come back as verdicts. Prints how many a second, the
processor time that the driver needs for one, which other work on the machine changes little, and
the driver's peak memory. `profile` prints where that time goes. WORKERS (2) sets the actors.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import Benchmark, load
from models.engine.dialogue import Finish
from mtpb.cluster.options import ClusterOptions
from mtpb.cluster.pool import ClusterPool, Running
from mtpb.cluster.sampler import ClusterSampler
from mtpb.cluster.session import connected
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunWriter
from mtpb.running.conversation import Conversations
from mtpb.running.dialogues import RandomKeys, asking
from mtpb.running.judge import Judge
from mtpb.samplers.sampler import Answer, Dialogue, Stats
from sandbox import Isolation, Limits, Outcome, Program, Status
from tests.mtpb.runs import manifest_of

COUNT = int(os.environ.get("COUNT", "10000"))
OPTIONS = ClusterOptions(
    workers=int(os.environ.get("WORKERS", "2")), cpus_per_worker=0, sandbox_workers_per_node=64
)


class AtOnce:
    """A backend whose sampler answers every request with the same text."""

    @contextmanager
    def open(self) -> Iterator[AtOnce]:
        self.stats = Stats()
        yield self

    def run(self, dialogues: Iterator[Any]) -> Iterator[Dialogue]:
        for dialogue in dialogues:
            while dialogue.request is not None:
                dialogue = dialogue.receive(Answer("print(1)\n", 4, Finish.stop))
                self.stats.tokens += 4
            yield dialogue


class NoPool:
    """A sandbox that says of every program that it printed nothing."""

    layers: dict[str, Any] = {"active": []}  # noqa: RUF012

    def __init__(self, *arguments: Any) -> None:
        pass

    def submit(self, program: Program) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(Outcome(Status.passed))
        return future


class WithoutPool(Running):
    """The actor of a node with such a sandbox."""

    def _opened(self) -> Any:
        return NoPool()


def conversations(benchmark: Benchmark, folder: Path) -> int:
    n = -(-COUNT // benchmark.cases)
    ask = asking(RandomKeys(0, benchmark.suite), None)
    asked = (ask(one) for one in islice(Conversations(benchmark, n), COUNT))
    backend: Any = AtOnce()
    with RunWriter(folder, manifest_of({}), "") as writer:
        for dialogue in ClusterSampler(backend, OPTIONS).run(asked):
            writer.add_sample(dialogue.sample)
        return len(writer.samples)


def verdicts(benchmark: Benchmark, folder: Path) -> int:
    text = "print(1)\n" * 20
    samples = (
        Sample(one.key.problem, one.key.case, one.key.sample, (), text)
        for one in islice(Conversations(benchmark, -(-COUNT // benchmark.cases)), COUNT)
    )
    with (
        mock.patch("mtpb.cluster.pool.Running", WithoutPool),
        ClusterPool(OPTIONS, Limits(), Isolation.auto, ()) as pool,
        RunWriter(folder, manifest_of({}), "") as writer,
    ):
        for verdict in Judge(benchmark, pool, benchmark.scorer).verdicts(samples):
            writer.add_verdict(verdict)
        return len(writer.verdicts)


def measure(name: str, work: Callable[[Benchmark, Path], int]) -> None:
    benchmark = load("starter")
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        count = work(benchmark, Path(folder) / "run")
        seconds, used = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name}: {count:,} in {seconds:.1f} s, {count / seconds:,.0f} a second; the driver's "
        f"processor time {1000 * used / count:.2f} ms each; its peak memory {peak} MB",
        flush=True,
    )


PARTS = {"conversations": conversations, "verdicts": verdicts}


def main(names: list[str]) -> None:
    import ray

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]
    with connected(OPTIONS):
        for name in [name for name in names if name in PARTS] or PARTS:
            if "profile" in names:
                with cProfile.Profile() as profile:
                    measure(name, PARTS[name])
                pstats.Stats(profile).sort_stats("tottime").print_stats(18)
            else:
                measure(name, PARTS[name])


if __name__ == "__main__":
    main(sys.argv[1:])
