"""From a configuration to what it asks for: checkpoint, benchmark, limits, identity, directory.

Nothing here loads weights or imports torch, so that a run which has nothing left to do ends at
once and a study can print all that it would do.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import Benchmark
from models import CodeGenConfig
from models.dtype import choose_dtype, device_kind
from models.engine.options import default_slots
from models.hub import resolve
from models.layout import read_config, tokenizer_sha256, weights_sha256
from mtpb.config import (
    Dtype,
    EngineConfig,
    ModelConfig,
    RunConfig,
    check_engine,
    check_planned,
    check_sampling,
    check_sandbox,
)
from mtpb.errors import UsageError
from mtpb.rundir.manifest import EngineFacts, Guarantee, Manifest, ModelFacts, SamplingFacts
from mtpb.rundir.store import default_output, output_directory
from mtpb.running.conversation import Conversations
from mtpb.running.describe import (
    data_variant,
    describe_benchmark,
    describe_environment,
    device_name,
    size_label,
)
from mtpb.running.suite import (
    benchmark_identity,
    check_format,
    chosen_scorer,
    describe_sandbox,
    limits_identity,
    load_whole,
    program_limits,
    select,
)
from sandbox import Limits, Pool

NOMINAL_SIZES = {
    CodeGenConfig(n_layer=layers, n_embd=width, n_head=heads, rotary_dim=rotary).parameters: label
    for label, layers, width, heads, rotary in (
        ("350M", 20, 1024, 16, 32),
        ("2B", 32, 2560, 32, 64),
        ("6B", 33, 4096, 16, 64),
        ("16B", 34, 6144, 24, 64),
    )
}

_GPU_NODES = ("/dev/nvidiactl", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


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
    def conversations(self) -> Conversations:
        """Every conversation of the run, in canonical order."""
        sampling, format = self.config.sampling, self.config.benchmark.format
        return Conversations(self.benchmark, sampling.n, format, sampling.max_new_tokens)


def make_plan(config: RunConfig) -> Plan:
    """Checks the configuration and finds what it names.

    Raises UsageError, BenchmarkError or ModelError for what cannot be followed or found. May fetch
    a benchmark or a checkpoint.
    """
    check_sampling(config.sampling)
    check_sandbox(config.sandbox)
    check_engine(config.engine)
    whole = load_whole(config.benchmark)
    benchmark = select(whole, config.benchmark)
    check_format(config.benchmark, benchmark)
    check_planned(sum(len(problem.cases) for problem in benchmark.problems), config.sampling.n)
    scorer = chosen_scorer(config.benchmark, benchmark)
    checkpoint = find_checkpoint(config.model)
    engine = choose_engine(config.engine, checkpoint.geometry)
    limits = program_limits(config.sandbox, benchmark)
    identity = {
        "model.weights_sha256": checkpoint.facts.weights_sha256,
        "model.tokenizer_sha256": checkpoint.facts.tokenizer_sha256,
        **benchmark_identity(config.benchmark, whole, benchmark, scorer),
        **{
            f"sampling.{key}": value
            for key, value in asdict(config.sampling).items()
            if key != "k"  # pass@k is computed anew from the verdicts
        },
        "seed": config.seed,
        **engine_identity(engine, checkpoint, benchmark),
        **limits_identity(limits),
    }
    output = output_directory(config.output) or default_output(
        config.results, benchmark.name, checkpoint.facts.name, identity
    )
    return Plan(config, checkpoint, benchmark, scorer, engine, limits, identity, output)


def describe(plan: Plan, pool: Pool) -> Manifest:
    """The manifest of a planned run, judged by this pool."""
    config, engine = plan.config, plan.engine
    benchmark = describe_benchmark(plan.benchmark, config.benchmark.format.value, plan.scorer)
    return Manifest(
        identity=plan.identity,
        model=plan.checkpoint.facts,
        benchmark=benchmark,
        planned=benchmark.cases * config.sampling.n,
        guarantee=Guarantee.bytes,
        sampling=SamplingFacts(
            config.sampling.n,
            config.sampling.temperature,
            config.sampling.top_p,
            config.sampling.top_k,
            config.sampling.max_new_tokens,
        ),
        seed=config.seed,
        engine=EngineFacts(
            engine.device,
            engine.dtype,
            engine.slots,
            engine.deterministic,
            device_name(engine.device),
            config.engine.threads,
        ),
        sandbox=describe_sandbox(plan.limits, pool),
        environment=describe_environment(),
    )


def find_checkpoint(model: ModelConfig) -> Checkpoint:
    """The checkpoint that a configuration names: a directory, an embedded model or a hub id."""
    directory = resolve(model.path, model.revision)
    geometry = read_config(directory)
    given = Path(model.path).expanduser()
    name = model.name or (given.resolve() if given.is_dir() else given).name
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
    """Device, dtype and slots, chosen where the configuration leaves them open."""
    if config.device == "auto":
        device = "cuda" if gpus() else "cpu"
    else:
        device = config.device
        check_device(device)
    kind = device.partition(":")[0]
    dtype = None if config.dtype is Dtype.auto else config.dtype.value
    slots = config.slots or default_slots(geometry, kind)
    return EngineChoice(device, choose_dtype(geometry, kind, dtype), slots, config.deterministic)


def check_device(device: str) -> None:
    """Raises UsageError for what is no device, or is not there."""
    named = re.fullmatch(r"cpu|cuda(?::([0-9]{1,4}))?", device)
    if named is None:
        raise UsageError(f"engine.device={device}: must be auto, cpu, cuda or cuda:N")
    if device == "cpu":
        return
    there = gpus()
    if int(named.group(1) or 0) >= there:
        found = f"{there} there, counted from cuda:0" if there else "torch finds none here"
        raise UsageError(
            f"engine.device={device}: no such GPU ({found}); name another, or leave the key out to "
            "take what there is"
        )


def gpus() -> int:
    """How many GPUs torch can use; it is imported only where there may be one."""
    if not any(Path(node).exists() for node in _GPU_NODES):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def engine_identity(
    engine: EngineChoice, checkpoint: Checkpoint, benchmark: Benchmark
) -> dict[str, Any]:
    """The keys that tell how the tokens were computed; a device counts by its kind."""
    return {
        "engine.device": device_kind(engine.dtype, engine.device),
        "engine.dtype": engine.dtype,
        "engine.slots": engine.slots,
        "engine.deterministic": engine.deterministic,
        "engine.plain_tokens": plain_tokens(checkpoint, benchmark),
    }


def plain_tokens(checkpoint: Checkpoint, benchmark: Benchmark) -> bool:
    """Whether the model does without CodeGen's whitespace tokens: the released sampling script
    gives them to no model of natural language, the released MTPB sampler to all."""
    return checkpoint.facts.data == "nl" and not benchmark.protocol.nl_whitespace_tokens
