"""The configuration of the commands, as dataclasses that Hydra fills, and its checks.

`mtpb.cli` turns it into plain objects once; other code takes narrow typed arguments. The
dataclasses are not frozen, because OmegaConf cannot override nested frozen ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import Enum
from math import inf
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from benchmarks import Format
from benchmarks.chat import THINK_END
from mtpb.errors import UsageError
from mtpb.rundir.manifest import Guarantee
from mtpb.statistics.metrics import usual_ks
from sandbox import Limits


class Scorer(Enum):
    official = "official"
    strict = "strict"
    verified = "verified"
    base = "base"
    plus = "plus"


class Form(Enum):
    """How a model is asked: a text to continue, or messages to answer."""

    completion = "completion"
    chat = "chat"


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
class OpenAIModelConfig(ModelConfig):
    """A model behind an OpenAI-compatible server, which knows it as `name`.

    `base_url` null takes OPENAI_BASE_URL. `timeout`: seconds without any answer. `stream` false is
    for servers that cannot. `seed_bits`: how many bits of the random key the server takes as
    `seed`, 0 for none. `guarantee`: what is known of the server; null takes what it declares, else
    nothing. `think_end` ends a reasoning model's reasoning.
    """

    path: str = ""
    base_url: str | None = None
    max_connections: int = 16
    max_retries: int = 8
    timeout: float = 600.0
    stream: bool = True
    seed_bits: int | None = None
    guarantee: Guarantee | None = None
    think_end: str = THINK_END


@dataclass
class TransformersModelConfig(ModelConfig):
    """A causal language model that `transformers` loads. `dtype` auto takes the checkpoint's own;
    `device_map` null takes the GPU where there is one; `batch_size` conversations are generated at
    a time, fewer where the memory does not suffice."""

    dtype: Dtype = Dtype.auto
    device_map: str | None = None
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    batch_size: int = 16
    think_end: str = THINK_END


@dataclass
class BenchmarkConfig:
    """`suite` gives the format and the protocol, `path` is a local file. `name` is the name of
    content that is not the published one; by default the file's. `conversation` null completes,
    but chats with a model of `transformers` that has a chat template."""

    suite: str = MISSING
    name: str | None = None
    path: str | None = None
    limit: int | None = None
    problems: list[Any] | None = None
    format: Format = Format.multi_turn
    scorer: Scorer | None = None
    protocol: str | None = None
    conversation: Form | None = None


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
class RayEngineConfig(EngineConfig):
    """The sampler of the model on a Ray cluster, and programs run on its nodes.

    `address` null starts Ray on this machine. `workers` null: one a GPU, or as many as the CPUs
    allow. `gpus_per_worker` null is 1 where there are GPUs. `sandbox_workers_per_node` null is one
    a CPU of a node.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float | None = None
    cpus_per_worker: float = 1.0
    sandbox_workers_per_node: int | None = None


@dataclass
class SandboxConfig:
    """`timeout` is in seconds of CPU time, `wall_timeout` in seconds; null is the suite's."""

    workers: int | None = None
    timeout: float | None = None
    wall_timeout: float | None = None
    memory_mb: int = Limits().memory_mb
    isolation: IsolationChoice = IsolationChoice.auto


@dataclass
class LimitsConfig:
    """`tokens`: after so many generated tokens no further conversation is begun; null is no limit.
    A run that ends so is resumed by the same command with a higher limit."""

    tokens: int | None = None


@dataclass
class RunConfig:
    """`shard`, as in 3/16, makes that part of the run only; mtpb.merge puts the parts together."""

    model: ModelConfig = field(default_factory=ModelConfig)
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    shard: str | None = None
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


MODELS = {"openai_schema": OpenAIModelConfig, "transformers_schema": TransformersModelConfig}
"""Schemas of the group `model` beside `ModelConfig`, as its files name them."""
ENGINES = {"ray_schema": RayEngineConfig}
"""The same for the group `engine`."""


def model_schema(keys: Iterable[str]) -> type[ModelConfig]:
    """The schema of a kept configuration whose section `model` has these keys."""
    kinds = (ModelConfig, *MODELS.values())
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
    if isinstance(benchmark, DictConfig) and "conversation" not in benchmark:
        benchmark.conversation = None
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
