"""The problems of a run, and how programs are judged: scorer and limits.

Used by `run` and `score`, and independent of who writes the samples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import Benchmark, Format, in_format, load
from mtpb.config import BenchmarkConfig, SandboxConfig, check_sandbox
from mtpb.errors import UsageError
from mtpb.rundir.manifest import BenchmarkFacts, SandboxFacts
from mtpb.running.describe import describe_benchmark
from mtpb.running.judge import Judge, ProgramPool
from mtpb.running.protocols import read_protocol
from sandbox import Isolation, Limits, Pool, default_wall_s


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The problems that are asked, in which format, and how programs are run and judged.

    `whole` says whether these are all the problems of the benchmark.
    """

    benchmark: Benchmark
    whole: bool
    format: Format
    scorer: str
    limits: Limits
    sandbox: SandboxConfig

    @classmethod
    def of(cls, benchmark: BenchmarkConfig, sandbox: SandboxConfig) -> Evaluation:
        """Checks the configuration and loads what it names; may fetch a benchmark.

        Raises UsageError or BenchmarkError for values out of range and for what cannot be found.
        """
        check_sandbox(sandbox)
        all_problems = load_whole(benchmark)
        chosen = select(all_problems, benchmark)
        return cls(
            benchmark=chosen,
            whole=chosen.problems == all_problems.problems,
            format=benchmark.format,
            scorer=_chosen_scorer(benchmark, chosen),
            limits=_program_limits(sandbox, chosen),
            sandbox=sandbox,
        )

    def open_pool(self) -> Pool:
        """The sandbox, with the libraries that the benchmark's programs use imported ahead."""
        workers = self.sandbox.workers or _processors()
        return Pool(self.limits, workers, self.isolation, self.libraries)

    @property
    def isolation(self) -> Isolation:
        return Isolation[self.sandbox.isolation.name]

    @property
    def libraries(self) -> tuple[str, ...]:
        """The libraries that the benchmark's programs use."""
        return self.benchmark.libraries

    def judge(self, pool: ProgramPool) -> Judge:
        return Judge(self.benchmark, pool, self.scorer)

    @property
    def asked(self) -> dict[str, Any]:
        """The keys of a run's identity about the problems, their format and the scorer."""
        benchmark = self.benchmark
        protocol, own = benchmark.protocol, benchmark.name != benchmark.suite
        return {
            "benchmark.name": benchmark.name,
            **({"benchmark.suite": benchmark.suite} if own else {}),
            "benchmark.sha256": benchmark.sha256,
            "benchmark.problems": None if self.whole else [p.id for p in benchmark.problems],
            "benchmark.format": self.format.value,
            "benchmark.scorer": self.scorer,
            "benchmark.stop": protocol.stop.__name__,
            **({"benchmark.protocol": protocol.name} if protocol.name else {}),
        }

    @property
    def limited(self) -> dict[str, Any]:
        """The keys of a run's identity about the limits on programs."""
        return {
            "sandbox.timeout": self.limits.cpu_s,
            "sandbox.wall_timeout": self.limits.wall_s,
            "sandbox.memory_mb": self.limits.memory_mb,
        }

    @property
    def facts(self) -> BenchmarkFacts:
        """The benchmark's section of the manifest."""
        return describe_benchmark(self.benchmark, self.format.value, self.scorer)

    def sandbox_facts(self, pool: ProgramPool) -> SandboxFacts:
        """The sandbox's section of the manifest: limits, and the layers in force."""
        limits = self.limits
        return SandboxFacts(limits.cpu_s, limits.wall_s, limits.memory_mb, pool.layers)


def load_benchmark(config: BenchmarkConfig) -> Benchmark:
    """The benchmark with the problems that the configuration selects."""
    return select(load_whole(config), config)


def load_whole(config: BenchmarkConfig) -> Benchmark:
    """The benchmark with all its problems."""
    if config.path == "":
        raise UsageError("benchmark.path=: is empty; name a file or leave the key out")
    benchmark = load(config.suite, config.path, name=config.name)
    if config.protocol is not None:
        protocol = read_protocol(config.protocol, benchmark.protocol)
        benchmark = replace(benchmark, protocol=protocol)
    return in_format(benchmark, config.format)


def select(whole: Benchmark, config: BenchmarkConfig) -> Benchmark:
    """The benchmark with the problems that `problems` and `limit` select, in its own order."""
    chosen = whole.problems
    if config.problems is not None:
        wanted = {whole.identity(problem) for problem in config.problems}  # also without quotes
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


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chosen_scorer(config: BenchmarkConfig, benchmark: Benchmark) -> str:
    """The scorer that `passed` follows."""
    if config.scorer is None:
        return benchmark.scorer
    if config.scorer.value not in benchmark.scorers:
        raise UsageError(
            f"benchmark.scorer={config.scorer.value}: {benchmark.name} is judged by "
            f"{_judges(benchmark)}"
        )
    return config.scorer.value


def _judges(benchmark: Benchmark) -> str:
    if len(benchmark.scorers) == 1:
        return "its tests; leave the key out"
    return f"{' and '.join(benchmark.scorers)}; choose one of them, or leave the key out"


def _program_limits(config: SandboxConfig, benchmark: Benchmark) -> Limits:
    """Limits on each program: those of the configuration, by default those of the suite."""
    cpu_s = config.timeout or benchmark.protocol.cpu_s
    return Limits(
        cpu_s=cpu_s,
        wall_s=config.wall_timeout or default_wall_s(cpu_s),
        memory_mb=config.memory_mb,
    )
