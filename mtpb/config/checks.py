"""What the types of the configuration cannot say: ranges of values, and files of older versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from math import inf
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mtpb.config.run import (
    BenchmarkConfig,
    EngineConfig,
    Form,
    LimitsConfig,
    ModelConfig,
    OpenAIModelConfig,
    RayEngineConfig,
    SamplingConfig,
    SandboxConfig,
    TransformersModelConfig,
)
from mtpb.errors import UsageError
from mtpb.statistics.ks import usual_ks


def model_schema(keys: Iterable[str]) -> type[ModelConfig]:
    """The schema of a kept configuration whose section `model` has these keys."""
    kinds = (ModelConfig, OpenAIModelConfig, TransformersModelConfig)
    return next(
        (kind for kind in kinds if set(keys) <= {field.name for field in fields(kind)}), ModelConfig
    )


def read_config(path: Path) -> DictConfig:
    """A run's config.yaml, with the keys that older files lack.

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
    for key in ("conversation", "max_turns"):
        if isinstance(benchmark, DictConfig) and key not in benchmark:
            benchmark[key] = None
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


MAX_TURNS = 3  # attempts of a run with feedback, where the configuration does not say


def max_turns(benchmark: BenchmarkConfig) -> int:
    """How many attempts a conversation may have. Raises UsageError for a number out of range."""
    attempts = benchmark.max_turns
    if attempts is None:
        return MAX_TURNS if benchmark.conversation is Form.feedback else 1
    lowest = 2 if benchmark.conversation is Form.feedback else 1
    _require(lowest <= attempts <= 100, "benchmark.max_turns", attempts, f"from {lowest} to 100")
    return attempts


def check_limits(limits: LimitsConfig) -> None:
    """Raises UsageError for a limit that lets no conversation begin."""
    tokens = limits.tokens
    _require(tokens is None or tokens >= 1, "limits.tokens", tokens, "at least 1")


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


def check_ray(engine: RayEngineConfig) -> None:
    """Raises UsageError for a number of workers or a share of a machine outside its range."""
    for name in ("workers", "sandbox_workers_per_node"):
        value = getattr(engine, name)
        _require(value is None or value >= 1, f"engine.{name}", value, "at least 1")
    gpus, cpus = engine.gpus_per_worker, engine.cpus_per_worker
    _require(gpus is None or gpus >= 0, "engine.gpus_per_worker", gpus, "at least 0")
    _require(cpus >= 0, "engine.cpus_per_worker", cpus, "at least 0")


def check_patterns(runs: object) -> list[str]:
    """The globs of a key `runs`, which is one or a list; UsageError for anything else."""
    patterns: list[Any] = runs if isinstance(runs, list) else [runs]
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise UsageError(f"runs={runs}: must be a glob or a list of such; put it in quotes")
    return patterns


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
