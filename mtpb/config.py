"""The configuration of the commands, as dataclasses that Hydra fills, and its checks.

`cli.application` turns it into plain objects once; other code takes narrow typed arguments. The
dataclasses are not frozen, because OmegaConf cannot override nested frozen ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import inf
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from benchmarks import Format
from mtpb.errors import UsageError
from mtpb.statistics.metrics import usual_ks
from sandbox import Limits


class Scorer(Enum):
    official = "official"
    strict = "strict"
    base = "base"
    plus = "plus"


class IsolationChoice(Enum):
    auto = "auto"
    full = "full"
    basic = "basic"


class Dtype(Enum):
    """Data type of the weights in memory; `auto` is the checkpoint's own."""

    auto = "auto"
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


@dataclass
class ModelConfig:
    """`path`: a local directory, the name of an embedded model, or a hub id."""

    path: str = MISSING
    revision: str | None = None
    name: str | None = None
    data: str | None = None


@dataclass
class BenchmarkConfig:
    """`suite` gives the format and the protocol, `path` is a local file. `name` is the name of
    content that is not the published one; by default the file's."""

    suite: str = MISSING
    name: str | None = None
    path: str | None = None
    limit: int | None = None
    problems: list[Any] | None = None
    format: Format = Format.multi_turn
    scorer: Scorer | None = None
    protocol: str | None = None


@dataclass
class SamplingConfig:
    """`temperature` 0 is greedy, `top_k` 0 is off, `max_new_tokens` null is the problem's own."""

    n: int = 2
    temperature: float = 0.2
    top_p: float = 0.95
    top_k: int = 0
    max_new_tokens: int | None = None
    k: list[int] | None = None


@dataclass
class EngineConfig:
    """`slots` is the number of conversations sampled at a time; null is a fixed default for model
    and device. `cache_tokens` is the size of the KV cache in tokens; it changes memory and speed,
    but no sample."""

    device: str = "auto"
    dtype: Dtype = Dtype.auto
    slots: int | None = None
    cache_tokens: int | None = None
    deterministic: bool = False
    threads: int | None = None


@dataclass
class SandboxConfig:
    """`timeout` is in seconds of CPU time, `wall_timeout` in seconds; null is the suite's."""

    workers: int | None = None
    timeout: float | None = None
    wall_timeout: float | None = None
    memory_mb: int = Limits().memory_mb
    isolation: IsolationChoice = IsolationChoice.auto


@dataclass
class RunConfig:
    model: ModelConfig = field(default_factory=ModelConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    seed: int = 0
    results: str = "results"
    output: str | None = None


@dataclass
class ScoreSamplingConfig:
    """The sampling keys that apply to samples which exist already."""

    k: list[int] | None = None


@dataclass
class ScoreConfig:
    samples: str = MISSING
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: ScoreSamplingConfig = field(default_factory=ScoreSamplingConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    results: str = "results"
    output: str | None = None


def read_config(path: Path) -> DictConfig:
    """A run's config.yaml, with `benchmark.suite` taken from `benchmark.name` in older files.

    Raises UsageError if it cannot be read.
    """
    try:
        kept = OmegaConf.load(path)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({reason}); is this a run directory?") from error
    if not isinstance(kept, DictConfig):
        raise UsageError(f"{path}: no keys in it; is this a run directory?")
    benchmark = kept.get("benchmark")
    if isinstance(benchmark, DictConfig) and "suite" not in benchmark:
        benchmark.suite, benchmark.name = benchmark.get("name"), None
    return kept


MOST_SAMPLES = 10_000_000  # of a run; its samples are held in memory
_MOST = {
    "workers": 1024,
    "threads": 1024,
    "timeout": 86_400,
    "wall_timeout": 604_800,
    "memory_mb": 1 << 24,
}


def check_sampling(sampling: SamplingConfig) -> None:
    """Raises UsageError for a value outside its range."""
    n, wanted = sampling.n, f"from 1 to {MOST_SAMPLES:,}, which is how many samples a run may have"
    _require(1 <= n <= MOST_SAMPLES, "sampling.n", n, wanted)
    temperature = sampling.temperature
    _require(0 <= temperature < inf, "sampling.temperature", temperature, "0 (greedy) or more")
    _require(0 < sampling.top_p <= 1, "sampling.top_p", sampling.top_p, "above 0 and at most 1")
    _require(sampling.top_k >= 0, "sampling.top_k", sampling.top_k, "0 (off) or more")
    tokens = sampling.max_new_tokens
    _require(tokens is None or tokens >= 1, "sampling.max_new_tokens", tokens, "at least 1")


def check_planned(cases: int, n: int) -> None:
    """Raises UsageError for more samples than a run may have."""
    if cases * n > MOST_SAMPLES:
        raise UsageError(
            f"sampling.n={n}: {cases} cases would make {cases * n:,} samples, and a run may have "
            f"{MOST_SAMPLES:,}; lower sampling.n, or take fewer problems with benchmark.limit or "
            "benchmark.problems"
        )


def check_sandbox(sandbox: SandboxConfig) -> None:
    """Raises UsageError for a limit or a number of workers outside its range."""
    for name in ("workers", "timeout", "wall_timeout"):
        value = getattr(sandbox, name)
        most = _MOST[name]
        wanted = f"more than 0 and at most {most}"
        _require(value is None or 0 < value <= most, f"sandbox.{name}", value, wanted)
    least, memory = 64, sandbox.memory_mb
    most = _MOST["memory_mb"]
    _require(least <= memory <= most, "sandbox.memory_mb", memory, f"from {least} to {most}")


def check_engine(engine: EngineConfig) -> None:
    """Raises UsageError for a number of slots, cached tokens or threads outside its range."""
    threads, most = engine.threads, _MOST["threads"]
    for name in ("slots", "cache_tokens"):
        value = getattr(engine, name)
        _require(value is None or value >= 1, f"engine.{name}", value, "at least 1")
    wanted = f"from 1 to {most}"
    _require(threads is None or 1 <= threads <= most, "engine.threads", threads, wanted)


def pass_ks(asked: list[int] | None, n: int) -> tuple[int, ...]:
    """The k of pass@k: those asked for, sorted; by default those of 1, 10 and 100 up to n."""
    if asked is None:
        return usual_ks(n)
    for k in asked:
        _require(1 <= k <= n, "sampling.k", k, f"from 1 to the {n} samples a case that there are")
    return tuple(sorted(set(asked)))


def _require(condition: bool, key: str, value: object, wanted: str) -> None:
    if not condition:
        raise UsageError(f"{key}={value}: must be {wanted}")
