"""Makes the sections of a manifest: benchmark, environment, and names of models and devices."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import Benchmark
from mtpb.rundir.manifest import BenchmarkFacts, CaseFacts, Environment, ProblemFacts

PACKAGES = ("mtpb", "torch", "numpy", "tokenizers", "safetensors", "huggingface_hub", "datasets")


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
                    )
                    for number, case in enumerate(problem.cases)
                ),
            )
            for problem in benchmark.problems
        ),
        source=benchmark.source,
        errata=bool(benchmark.known_errata),
    )


def describe_environment() -> Environment:
    """This process's environment."""
    return Environment(
        packages={name: _version(name) for name in PACKAGES},
        python=platform.python_version(),
        host=platform.node(),
        platform=platform.platform(),
        processors=os.cpu_count(),
        command=tuple(sys.orig_argv),
        git_commit=_commit(),
    )


def device_name(device: str) -> str | None:
    """The product name of the processor or the GPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device) if torch.cuda.is_available() else None
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        if found:
            return found.group(1)
    return platform.processor() or None


def size_label(parameters: int, nominal: Mapping[int, str]) -> str:
    """The nominal name of a size if the count is that of a known model, else the count rounded."""
    if parameters in nominal:
        return nominal[parameters]
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.0f}{name}"
    return str(parameters)


def data_variant(name: str) -> str | None:
    """The training data that a model's name ends with (nl, multi or mono), None if it does not."""
    found = re.search(r"(?:^|[-_])(nl|multi|mono)$", name)
    return found.group(1) if found else None


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
