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
from benchmarks.asking.chat import THINK_END
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
    """How a model is asked: a text to continue, or messages to answer.

    `feedback`: as it is asked by default, and again after an attempt that failed.
    """

    completion = "completion"
    chat = "chat"
    feedback = "feedback"


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
    """Which model: a CodeGen checkpoint."""

    path: str = MISSING
    """A local directory in Hugging Face layout, an embedded model's name, or a hub id."""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub."""
    name: str | None = None
    """The model's name in tables; null: the directory's or the hub's."""
    data: str | None = None
    """What it was trained on (nl, multi, mono); null: by its name."""


@dataclass
class OpenAIModelConfig(ModelConfig):
    """A model behind an OpenAI-compatible server."""

    path: str = ""
    """Not used: a server knows its models by `name`."""
    base_url: str | None = None
    """The server, as http://localhost:8000/v1; null takes OPENAI_BASE_URL."""
    max_connections: int = 16
    """Requests under way at a time."""
    max_retries: int = 8
    """How often a failed request is sent again."""
    timeout: float = 600.0
    """Seconds without any answer, after which a request has failed."""
    stream: bool = True
    """Ask for answers piece by piece, so that stop rules end them early."""
    seed_bits: int | None = None
    """Bits of the random key that the server takes as `seed`; 0 sends none."""
    guarantee: Guarantee | None = None
    """What is known of the server: bytes, seed or nothing; null: what it declares."""
    think_end: str = THINK_END
    """The mark that ends a reasoning model's reasoning."""


@dataclass
class TransformersModelConfig(ModelConfig):
    """A causal language model that `transformers` loads."""

    dtype: Dtype = Dtype.auto
    """Data type of the weights; auto: the checkpoint's own."""
    device_map: str | None = None
    """Where the layers lie, as transformers takes it; null: the GPU where there is one."""
    trust_remote_code: bool = False
    """Run code that comes with the checkpoint."""
    attn_implementation: str | None = None
    """The attention, as transformers names it; null: its choice."""
    batch_size: int = 16
    """Conversations generated at a time; fewer where the memory does not suffice."""
    think_end: str = THINK_END
    """The mark that ends a reasoning model's reasoning."""


@dataclass
class BenchmarkConfig:
    """Which problems, and how they are asked and judged."""

    suite: str = MISSING
    """The suite, whose format and protocol are followed; benchmark=NAME sets it."""
    name: str | None = None
    """The name of content of your own; null: the file's."""
    path: str | None = None
    """A local .jsonl or .jsonl.gz file, a folder, or hf://ORG/NAME; null: the published content."""
    limit: int | None = None
    """Only the first so many problems."""
    problems: list[Any] | None = None
    """Only the problems with these ids, as [1,2]."""
    format: Format = Format.multi_turn
    """All turns one by one, in one prompt, or with examples before."""
    scorer: Scorer | None = None
    """The rule that `passed` follows; null: the suite's."""
    protocol: str | None = None
    """A file that says how problems of your own are asked and judged."""
    conversation: Form | None = None
    """Continue a text, or answer messages (null: messages for a chat model of transformers);
    feedback: as null, with further attempts after one that failed."""
    max_turns: int | None = None
    """Attempts; after one that failed the model is told why. null: 1, or 3 with feedback."""


@dataclass
class SamplingConfig:
    """How many samples, and how their tokens are drawn."""

    n: int = 2
    """Samples a case."""
    temperature: float = 0.2
    """0 is greedy."""
    top_p: float = 0.95
    """The share of the probability that is drawn from."""
    top_k: int = 0
    """The number of tokens that are drawn from; 0 is all."""
    max_new_tokens: int | None = None
    """Tokens a turn; null: the problem's own."""
    k: list[int] | None = None
    """The k of pass@k, as [1,10]; null: those of 1, 10 and 100 up to n."""


@dataclass
class EngineConfig:
    """What the built-in engine runs on."""

    device: str = "auto"
    """cpu, cuda, cuda:1, …; auto: a GPU where there is one."""
    dtype: Dtype = Dtype.auto
    """Data type of the weights; auto: the checkpoint's own."""
    slots: int | None = None
    """Conversations sampled at a time; null: by model and device."""
    cache_tokens: int | None = None
    """Size of the KV cache in tokens; changes memory and speed, but no sample."""
    deterministic: bool = False
    """Samples do not depend on slots either."""
    threads: int | None = None
    """Threads on a CPU; null: what suits the model."""


@dataclass
class RayEngineConfig(EngineConfig):
    """The sampler of the model on a Ray cluster, and programs run on its nodes."""

    address: str | None = None
    """The cluster, as HOST:PORT; null starts Ray on this machine."""
    workers: int | None = None
    """Actors that hold the model; null: one a GPU, or as many as the CPUs allow."""
    gpus_per_worker: float | None = None
    """GPUs of an actor; null: 1 where there are GPUs."""
    cpus_per_worker: float = 1.0
    """CPUs of an actor."""
    sandbox_workers_per_node: int | None = None
    """Programs that run at a time on a node; null: one a CPU."""


@dataclass
class SandboxConfig:
    """How programs are run."""

    workers: int | None = None
    """Programs that run at a time; null: one a CPU."""
    timeout: float | None = None
    """Seconds of CPU time a program; null: the suite's."""
    wall_timeout: float | None = None
    """Seconds a program in all; null: twice the timeout and 5."""
    memory_mb: int = Limits().memory_mb
    """Memory of a program."""
    isolation: IsolationChoice = IsolationChoice.auto
    """auto: what the kernel offers; full: refuse to do without; basic: limits only."""


@dataclass
class LimitsConfig:
    """Where a run ends before all its samples are there."""

    tokens: int | None = None
    """Begin no conversation after so many generated tokens; the same command with more goes on."""


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
    """Only this part of the run, as 3/16; see mtpb.merge."""
    seed: int = 0
    """The seed of all samples."""
    results: str = "results"
    """The folder of run directories."""
    output: str | None = None
    """The run directory; null: one in `results`, by all settings."""


@dataclass
class ScoreSamplingConfig:
    """The sampling keys that apply to samples which exist already."""

    k: list[int] | None = None
    """The k of pass@k, as [1,10]; null: those of 1, 10 and 100 that the samples allow."""


@dataclass
class ScoreConfig:
    samples: str = MISSING
    """A .jsonl or .jsonl.gz file of samples, or a folder of such."""
    benchmark: BenchmarkConfig = field(default_factory=BenchmarkConfig)
    sampling: ScoreSamplingConfig = field(default_factory=ScoreSamplingConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    results: str = "results"
    """The folder of run directories."""
    output: str | None = None
    """The run directory; null: one in `results`, by all settings."""


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
