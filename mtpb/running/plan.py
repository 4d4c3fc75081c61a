"""From a configuration to all that a run will do: checkpoint, problems, identity, directory.

Nothing here loads weights or imports torch, so that a run that has nothing left to do ends at once
and a study can print its plan.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtpb.config import RunConfig, check_engine, check_planned, check_sampling
from mtpb.rundir.manifest import EngineFacts, Guarantee, Manifest, SamplingFacts
from mtpb.rundir.store import default_output, output_directory
from mtpb.running.builtin import (
    Checkpoint,
    EngineChoice,
    choose_engine,
    engine_identity,
    find_checkpoint,
)
from mtpb.running.conversation import Conversations
from mtpb.running.describe import describe_environment, device_name
from mtpb.running.evaluation import Evaluation
from sandbox import Pool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run needs; samples and verdicts depend on `identity` only."""

    config: RunConfig
    checkpoint: Checkpoint
    evaluation: Evaluation
    engine: EngineChoice
    identity: dict[str, Any]
    output: Path

    @property
    def conversations(self) -> Conversations:
        """Every conversation of the run, in canonical order."""
        evaluation, sampling = self.evaluation, self.config.sampling
        return Conversations(
            evaluation.benchmark, sampling.n, evaluation.format, sampling.max_new_tokens
        )


def make_plan(config: RunConfig) -> Plan:
    """Checks the configuration and resolves what it names; may fetch a benchmark or a checkpoint.

    Raises UsageError, BenchmarkError or ModelError for values out of range and for what cannot be
    found.
    """
    check_sampling(config.sampling)
    check_engine(config.engine)
    evaluation = Evaluation.of(config.benchmark, config.sandbox)
    check_planned(evaluation.benchmark.cases, config.sampling.n)
    checkpoint = find_checkpoint(config.model)
    engine = choose_engine(config.engine, checkpoint.geometry)
    identity = {
        "model.weights_sha256": checkpoint.facts.weights_sha256,
        "model.tokenizer_sha256": checkpoint.facts.tokenizer_sha256,
        **evaluation.asked,
        **{
            f"sampling.{key}": value
            for key, value in asdict(config.sampling).items()
            if key != "k"  # pass@k is computed from the verdicts
        },
        "seed": config.seed,
        **engine_identity(engine, checkpoint, evaluation.benchmark),
        **evaluation.limited,
    }
    output = output_directory(config.output) or default_output(
        config.results, evaluation.benchmark.name, checkpoint.facts.name, identity
    )
    return Plan(config, checkpoint, evaluation, engine, identity, output)


def describe(plan: Plan, pool: Pool) -> Manifest:
    """The manifest of a planned run, judged by this pool."""
    config, engine, evaluation = plan.config, plan.engine, plan.evaluation
    return Manifest(
        identity=plan.identity,
        model=plan.checkpoint.facts,
        benchmark=evaluation.facts,
        planned=len(plan.conversations),
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
        sandbox=evaluation.sandbox_facts(pool),
        environment=describe_environment(),
    )
