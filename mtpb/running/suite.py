"""The benchmark part of a configuration: which problems, who judges, under which limits.

What `run` and `score` share; it knows no model.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import Benchmark, Format, load
from mtpb.config import BenchmarkConfig, SandboxConfig
from mtpb.errors import UsageError
from mtpb.rundir.manifest import SandboxFacts
from sandbox import Isolation, Limits, Pool


def load_benchmark(config: BenchmarkConfig) -> Benchmark:
    """The benchmark, cut down to the problems asked for."""
    return select(load_whole(config), config)


def load_whole(config: BenchmarkConfig) -> Benchmark:
    """The benchmark with all its problems."""
    if config.path == "":
        raise UsageError("benchmark.path=: is empty; name a file or leave the key out")
    path = None if config.path is None else Path(config.path).expanduser()
    return load(config.suite, path, name=config.name)


def select(whole: Benchmark, config: BenchmarkConfig) -> Benchmark:
    """The part of a benchmark that `problems` and `limit` name, in the benchmark's order."""
    chosen = whole.problems
    if config.problems is not None:
        wanted = {str(problem) for problem in config.problems}  # ids may come without quotes
        if not wanted:
            raise UsageError("benchmark.problems=[]: names no problem; leave the key out for all")
        for unknown in sorted(wanted - {problem.id for problem in chosen}):
            raise UsageError(
                f"benchmark.problems: {whole.name} has no problem {unknown!r}; its ids are like "
                f"{chosen[0].id!r}"
            )
        chosen = tuple(problem for problem in chosen if problem.id in wanted)
    if config.limit is not None:
        if config.limit < 1:
            raise UsageError(f"benchmark.limit={config.limit}: must be at least 1")
        chosen = chosen[: config.limit]
    return replace(whole, problems=chosen)


def chosen_scorer(config: BenchmarkConfig, benchmark: Benchmark) -> str:
    """The scorer whose word `passed` is."""
    if config.scorer is None:
        return benchmark.protocol.scorer or "test"
    if config.scorer.value not in benchmark.scorers:
        raise UsageError(
            f"benchmark.scorer={config.scorer.value}: {benchmark.name} is judged by its tests; "
            "leave the key out"
        )
    return config.scorer.value


def check_format(config: BenchmarkConfig, benchmark: Benchmark) -> None:
    """Raises UsageError where a suite has one turn anyway."""
    if config.format is Format.single_turn and benchmark.scorers == ("test",):
        raise UsageError(
            f"benchmark.format=single_turn: {benchmark.name} has one turn anyway; leave the key out"
        )


def program_limits(config: SandboxConfig, benchmark: Benchmark) -> Limits:
    """Limits on each program: the configuration's, else the suite's."""
    cpu_s = config.timeout or benchmark.protocol.cpu_s
    return Limits(
        cpu_s=cpu_s,
        wall_s=config.wall_timeout or 2 * cpu_s + 5,
        memory_mb=config.memory_mb,
    )


def open_pool(config: SandboxConfig, limits: Limits, benchmark: Benchmark) -> Pool:
    """The sandbox, with the libraries that the suite's programs use imported ahead."""
    return Pool(
        limits,
        workers=config.workers or _processors(),
        isolation=Isolation[config.isolation.name],
        libraries=benchmark.libraries,
    )


def benchmark_identity(
    config: BenchmarkConfig, whole: Benchmark, benchmark: Benchmark, scorer: str
) -> dict[str, Any]:
    """The keys of a run's identity that tell which problems were asked, how, and who judged."""
    everything = benchmark.problems == whole.problems
    own = benchmark.name != benchmark.suite
    return {
        "benchmark.name": benchmark.name,
        **({"benchmark.suite": benchmark.suite} if own else {}),
        "benchmark.sha256": benchmark.sha256,
        "benchmark.problems": None if everything else [p.id for p in benchmark.problems],
        "benchmark.format": config.format.value,
        "benchmark.scorer": scorer,
        "benchmark.stop": benchmark.protocol.stop.__name__,
    }


def describe_sandbox(limits: Limits, pool: Pool) -> SandboxFacts:
    """The sandbox's section of the manifest: limits, and the layers in force."""
    return SandboxFacts(limits.cpu_s, limits.wall_s, limits.memory_mb, pool.layers)


def limits_identity(limits: Limits) -> dict[str, Any]:
    return {
        "sandbox.timeout": limits.cpu_s,
        "sandbox.wall_timeout": limits.wall_s,
        "sandbox.memory_mb": limits.memory_mb,
    }


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
