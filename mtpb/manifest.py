"""What a run was: the manifest of a run directory.

Its `identity` has every key that changes samples or verdicts; a directory is resumed only by a run
of the same identity, and two runs are compared fairly only where the identities say so.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import Benchmark
from mtpb.store import SCHEMA_VERSION

PACKAGES = ("mtpb", "torch", "numpy", "tokenizers", "safetensors", "huggingface_hub", "datasets")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model a run used; all None where samples came from elsewhere."""

    name: str | None = None
    path: str | None = None
    revision: str | None = None
    data: str | None = None
    size: str | None = None
    parameters: int | None = None
    weights_sha256: str | None = None
    tokenizer_sha256: str | None = None


def size_label(parameters: int, nominal: Mapping[int, str]) -> str:
    """The paper's name of a size where the count is one of its models', else the count rounded."""
    if parameters in nominal:
        return nominal[parameters]
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= unit:
            return f"{parameters / unit:.0f}{name}"
    return str(parameters)


def data_variant(name: str) -> str | None:
    """The data that a model was trained on, as its name says: nl, multi, mono."""
    found = re.search(r"(?:^|[-_])(nl|multi|mono)$", name)
    return found.group(1) if found else None


def describe_benchmark(benchmark: Benchmark, format: str, scorer: str) -> dict[str, Any]:
    """What reports need to know of a benchmark, so that they can do without it."""
    return {
        "name": benchmark.name,
        "source": benchmark.source,
        "sha256": benchmark.sha256,
        "format": format,
        "scorers": list(benchmark.scorers),
        "scorer": scorer,
        "errata": bool(benchmark.known_errata),
        "problems": [
            {
                "id": problem.id,
                "name": problem.name,
                "category": problem.category,
                "difficulty": problem.difficulty,
                "turns": len(problem.turns),
                "cases": [
                    {
                        "expected": case.expected,
                        "errata": sorted(benchmark.errata(problem.id, number)),
                        "clean": benchmark.clean(problem.id, number),
                    }
                    for number, case in enumerate(problem.cases)
                ],
            }
            for problem in benchmark.problems
        ],
    }


def describe_environment() -> dict[str, Any]:
    """Versions, machine, command line and commit."""
    return {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "host": platform.node(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "command": sys.orig_argv,
        "git_commit": _commit(),
    }


def device_name(device: str) -> str | None:
    """What the processor or the GPU calls itself."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device) if torch.cuda.is_available() else None
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        if found:
            return found.group(1)
    return platform.processor() or None


def make_manifest(
    identity: Mapping[str, Any],
    model: ModelFacts,
    benchmark: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The manifest; `settings` are sections for the engine, the sampling, the sandbox."""
    return {
        "schema_version": SCHEMA_VERSION,
        "identity": dict(identity),
        "model": asdict(model),
        "benchmark": dict(benchmark),
        **settings,
        **describe_environment(),
    }


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
