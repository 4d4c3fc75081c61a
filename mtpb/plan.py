"""From a configuration to what it asks for: checkpoint, benchmark, limits, identity, directory.

Nothing here loads weights or imports torch, so that a run which has nothing left to do ends at
once and a study can print all that it would do.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks import Benchmark, load
from models import CodeGenConfig
from models.dtype import choose_dtype
from models.hub import resolve
from models.layout import read_config, tokenizer_sha256, weights_sha256
from models.options import default_slots
from mtpb.config import (
    BenchmarkConfig,
    Dtype,
    EngineConfig,
    ModelConfig,
    RunConfig,
    SandboxConfig,
    check_engine,
    check_sampling,
    check_sandbox,
)
from mtpb.conversation import Conversation, conversations
from mtpb.errors import UsageError
from mtpb.manifest import ModelFacts, data_variant, describe_benchmark, make_manifest, size_label
from mtpb.store import plain_json
from sandbox import Isolation, Limits, Pool

NOMINAL_SIZES = {
    CodeGenConfig(n_layer=layers, n_embd=width, n_head=heads, rotary_dim=rotary).parameters: label
    for label, layers, width, heads, rotary in (
        ("350M", 20, 1024, 16, 32),
        ("2B", 32, 2560, 32, 64),
        ("6B", 33, 4096, 16, 64),
        ("16B", 34, 6144, 24, 64),
    )
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on this machine: its directory, its geometry, and what names it."""

    directory: Path
    geometry: CodeGenConfig
    facts: ModelFacts


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What the engine will run on, with nothing left to choose."""

    device: str
    dtype: str
    slots: int
    deterministic: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run will do; `identity` is what its samples and verdicts depend on."""

    config: RunConfig
    checkpoint: Checkpoint
    benchmark: Benchmark
    scorer: str
    engine: EngineChoice
    limits: Limits
    identity: dict[str, Any]
    output: Path

    @property
    def conversations(self) -> list[Conversation]:
        """Every conversation of the run, in canonical order."""
        sampling, format = self.config.sampling, self.config.benchmark.format
        return conversations(self.benchmark, sampling.n, format, sampling.max_new_tokens)


def make_plan(config: RunConfig) -> Plan:
    """Checks the configuration and finds what it names.

    Raises UsageError, BenchmarkError or ModelError for what cannot be followed or found. May fetch
    a benchmark or a checkpoint.
    """
    check_sampling(config.sampling)
    check_sandbox(config.sandbox)
    check_engine(config.engine)
    benchmark = load_benchmark(config.benchmark)
    checkpoint = find_checkpoint(config.model)
    scorer = chosen_scorer(config.benchmark, benchmark)
    engine = choose_engine(config.engine, checkpoint.geometry)
    limits = program_limits(config.sandbox, benchmark)
    identity = {
        "model.weights_sha256": checkpoint.facts.weights_sha256,
        "model.tokenizer_sha256": checkpoint.facts.tokenizer_sha256,
        **benchmark_identity(config.benchmark, benchmark, scorer),
        **{
            f"sampling.{key}": value
            for key, value in asdict(config.sampling).items()
            if key != "k"  # pass@k is computed anew from the verdicts
        },
        "seed": config.seed,
        **engine_identity(engine, checkpoint, benchmark),
        **limits_identity(limits),
    }
    output = (
        default_output(config.results, benchmark.name, checkpoint.facts.name, identity)
        if config.output is None
        else Path(config.output)
    )
    return Plan(config, checkpoint, benchmark, scorer, engine, limits, identity, output)


def describe(plan: Plan, layers: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a planned run; `layers` are the sandbox's in force."""
    format = plan.config.benchmark.format.value
    return make_manifest(
        plan.identity,
        plan.checkpoint.facts,
        describe_benchmark(plan.benchmark, format, plan.scorer),
        {
            "sampling": asdict(plan.config.sampling),
            "seed": plan.config.seed,
            "engine": asdict(plan.engine),
            "sandbox": {**limits_identity(plan.limits), "layers": layers},
        },
    )


def find_checkpoint(model: ModelConfig) -> Checkpoint:
    """The checkpoint that a configuration names: a directory, an embedded model or a hub id."""
    directory = resolve(model.path, model.revision)
    geometry = read_config(directory)
    name = model.name or Path(model.path).name or directory.resolve().name
    facts = ModelFacts(
        name=name,
        path=model.path,
        revision=model.revision,
        data=model.data or data_variant(name),
        size=size_label(geometry.parameters, NOMINAL_SIZES),
        parameters=geometry.parameters,
        weights_sha256=weights_sha256(directory),
        tokenizer_sha256=tokenizer_sha256(directory),
    )
    return Checkpoint(directory, geometry, facts)


def choose_engine(config: EngineConfig, geometry: CodeGenConfig) -> EngineChoice:
    """Device, dtype and slots, chosen where the configuration leaves them open.

    Imports torch only to learn whether there is a GPU, if the device is left open.
    """
    device = config.device
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise UsageError(f"engine.device={device}: must be auto, cpu, cuda or cuda:N")
    dtype = None if config.dtype is Dtype.auto else config.dtype.value
    slots = config.slots or default_slots(geometry, kind)
    return EngineChoice(device, choose_dtype(geometry, kind, dtype), slots, config.deterministic)


def load_benchmark(config: BenchmarkConfig) -> Benchmark:
    """The benchmark, cut down to the problems asked for."""
    path = None if config.path is None else Path(config.path).expanduser()
    benchmark = load(config.name, path)
    if config.problems is not None:
        wanted = {str(problem) for problem in config.problems}  # ids may come without quotes
        unknown = wanted - {problem.id for problem in benchmark.problems}
        if unknown or not wanted:
            raise UsageError(
                f"benchmark.problems: {benchmark.name} has no problem {min(unknown, default='')!r};"
                f" its ids are like {benchmark.problems[0].id!r}"
            )
        chosen = tuple(problem for problem in benchmark.problems if problem.id in wanted)
        benchmark = replace(benchmark, problems=chosen)
    if config.limit is not None:
        if config.limit < 1:
            raise UsageError(f"benchmark.limit={config.limit}: must be at least 1")
        benchmark = replace(benchmark, problems=benchmark.problems[: config.limit])
    return benchmark


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
        workers=config.workers or len(os.sched_getaffinity(0)),
        isolation=Isolation[config.isolation.name],
        libraries=benchmark.libraries,
    )


def benchmark_identity(
    config: BenchmarkConfig, benchmark: Benchmark, scorer: str
) -> dict[str, Any]:
    """The keys of the identity that tell which problems were asked, how, and who judged."""
    return {
        "benchmark.name": benchmark.name,
        "benchmark.sha256": benchmark.sha256,
        "benchmark.problems": [p.id for p in benchmark.problems] if _partial(config) else None,
        "benchmark.format": config.format.value,
        "benchmark.scorer": scorer,
        "benchmark.stop": benchmark.protocol.stop.__name__,
    }


def engine_identity(
    engine: EngineChoice, checkpoint: Checkpoint, benchmark: Benchmark
) -> dict[str, Any]:
    """The keys that tell how the tokens were computed; a device counts by its kind."""
    return {
        "engine.device": engine.device.partition(":")[0],
        "engine.dtype": engine.dtype,
        "engine.slots": engine.slots,
        "engine.deterministic": engine.deterministic,
        "engine.plain_tokens": plain_tokens(checkpoint, benchmark),
    }


def plain_tokens(checkpoint: Checkpoint, benchmark: Benchmark) -> bool:
    """Whether the model does without CodeGen's whitespace tokens: the released sampling script
    gives them to no model of natural language, the released MTPB sampler to all."""
    return checkpoint.facts.data == "nl" and not benchmark.protocol.nl_whitespace_tokens


def limits_identity(limits: Limits) -> dict[str, Any]:
    return {
        "sandbox.timeout": limits.cpu_s,
        "sandbox.wall_timeout": limits.wall_s,
        "sandbox.memory_mb": limits.memory_mb,
    }


def default_output(
    results: str, benchmark: str, model: str | None, identity: dict[str, Any]
) -> Path:
    """A directory of its own for every identity, so that runs never meet by accident."""
    digest = sha256(plain_json(identity).encode()).hexdigest()[:10]
    return Path(results) / benchmark / f"{_file_name(model or 'samples')}-{digest}"


def _partial(config: BenchmarkConfig) -> bool:
    return config.problems is not None or config.limit is not None


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)
