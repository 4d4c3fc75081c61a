"""Makes the sections of a manifest about the benchmark and this process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import Benchmark, Case
from mtpb.rundir.manifest import (
    BenchmarkFacts,
    CaseFacts,
    MendedFacts,
    ProblemFacts,
    RunEnvironment,
)

PACKAGES = ("mtpb", "torch", "numpy", "tokenizers", "safetensors", "huggingface_hub", "datasets")
OF_EXTRAS = ("openai", "transformers")


def describe_benchmark(benchmark: Benchmark, format: str, scorer: str) -> BenchmarkFacts:
    """The benchmark's section of the manifest."""
    return BenchmarkFacts(
        name=benchmark.name,
        sha256=benchmark.sha256,
        format=format,
        scorers=benchmark.scorers,
        scorer=scorer,
        problems=tuple(
            ProblemFacts(
                problem.id,
                problem.name,
                problem.category,
                problem.difficulty,
                len(problem.turns),
                tuple(
                    CaseFacts(
                        case.expected,
                        tuple(sorted(benchmark.errata(problem.id, number))),
                        benchmark.clean(problem.id, number),
                        _mended(case),
                    )
                    for number, case in enumerate(problem.cases)
                ),
            )
            for problem in benchmark.problems
        ),
        source=benchmark.source,
        errata=bool(benchmark.known_errata),
        note=benchmark.note,
    )


def _mended(case: Case) -> MendedFacts | None:
    if case.mended is None:
        return None
    return MendedFacts(case.mended.answers, case.mended.rule, case.mended.why)


def describe_environment() -> RunEnvironment:
    """This process's environment."""
    return RunEnvironment(
        packages={
            **{name: _version(name) for name in PACKAGES},
            **{name: found for name in OF_EXTRAS if (found := _version(name)) is not None},
        },
        python=platform.python_version(),
        host=platform.node(),
        platform=platform.platform(),
        processors=os.cpu_count(),
        command=tuple(sys.orig_argv),
        git_commit=_commit(),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Commit of the checkout that this file belongs to, with `-dirty` if it was changed."""
    here = Path(__file__).resolve().parent
    if "site-packages" in here.parts:
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
