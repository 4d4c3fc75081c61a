"""From a configuration to all that a run will do: model, problems, identity, directory.

Nothing here loads weights, and torch is imported only for a model of transformers, so that a run
that has nothing left to do ends at once and a study can print its plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mtpb.config import (
    OpenAIModelConfig,
    RayEngineConfig,
    RunConfig,
    TransformersModelConfig,
    check_limits,
    check_planned,
    check_sampling,
    max_turns,
)
from mtpb.rundir.manifest import Manifest, SamplingFacts, ShardFacts
from mtpb.rundir.shards import Shard
from mtpb.rundir.store import SHARD, default_output, output_directory
from mtpb.running.backends import choose_backend, cluster_options
from mtpb.running.conversation import Conversations
from mtpb.running.describe import describe_environment
from mtpb.running.dialogues import Asking, ChatForm, RandomKeys, asking
from mtpb.running.evaluation import Evaluation
from mtpb.running.judge import Judge, ProgramPool
from mtpb.samplers.sampler import Backend


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run needs; samples and verdicts depend on `identity` only."""

    config: RunConfig
    backend: Backend
    evaluation: Evaluation
    identity: dict[str, Any]
    output: Path
    shard: Shard | None = None

    @contextmanager
    def open_pool(self) -> Iterator[ProgramPool]:
        """The sandbox: of this machine, or of all nodes of a cluster, which is then at hand."""
        engine, evaluation = self.config.engine, self.evaluation
        if not isinstance(engine, RayEngineConfig):
            with evaluation.open_pool() as pool:
                yield pool
            return
        from mtpb.cluster.pool import ClusterPool
        from mtpb.cluster.session import connected

        options, limits = cluster_options(engine), evaluation.limits
        with (
            connected(options),
            ClusterPool(options, limits, evaluation.isolation, evaluation.libraries) as nodes,
        ):
            yield nodes

    @property
    def max_turns(self) -> int:
        """How many attempts a conversation may have."""
        return max_turns(self.config.benchmark)

    def judge(self, pool: ProgramPool) -> Judge:
        return replace(self.evaluation.judge(pool), max_turns=self.max_turns)

    @property
    def conversations(self) -> Conversations:
        """Every conversation of the run, or of its shard, in canonical order."""
        evaluation, sampling = self.evaluation, self.config.sampling
        most = sampling.max_new_tokens
        if most is None and self.backend.chat:
            most = evaluation.benchmark.protocol.chat.max_new_tokens
        return Conversations(evaluation.benchmark, sampling.n, evaluation.format, most, self.shard)

    @property
    def asking(self) -> Asking:
        """How conversations are put to the model."""
        benchmark, model = self.evaluation.benchmark, self.config.model
        form = None
        if self.backend.chat:
            assert isinstance(model, (OpenAIModelConfig, TransformersModelConfig))
            chat, whole = benchmark.protocol.chat, not benchmark.protocol.prompt_in_program
            functions = {p.id: p.test.names for p in benchmark.problems if p.test and not whole}
            form = ChatForm(chat, model.think_end, functions)
        return asking(RandomKeys(self.config.seed, benchmark.suite), form)


def make_plan(config: RunConfig) -> Plan:
    """Checks the configuration and resolves what it names; may fetch a benchmark or a checkpoint.

    Raises UsageError, BenchmarkError or ModelError for values out of range and for what cannot be
    found. May also ask a server.
    """
    check_sampling(config.sampling)
    check_limits(config.limits)
    shard = None if config.shard is None else Shard.parse(config.shard)
    evaluation = Evaluation.of(config.benchmark, config.sandbox)
    benchmark = evaluation.benchmark
    check_planned(benchmark.cases, config.sampling.n)
    backend = choose_backend(config, benchmark.protocol.nl_whitespace_tokens)
    identity = dict(_identity(config, evaluation, backend))
    output = output_directory(config.output) or default_output(
        config.results, benchmark.name, backend.facts.name, identity, shard
    )
    if shard is not None:
        identity[SHARD] = str(shard)
    return Plan(config, backend, evaluation, identity, output, shard)


def _identity(
    config: RunConfig, evaluation: Evaluation, backend: Backend
) -> Iterator[tuple[str, Any]]:
    yield from backend.identity.items()
    yield from evaluation.asked.items()
    if backend.chat:
        yield "benchmark.conversation", "chat"
        yield "benchmark.chat_sha256", evaluation.benchmark.protocol.chat.sha256
    if (attempts := max_turns(config.benchmark)) > 1:
        yield "benchmark.max_turns", attempts
        yield "benchmark.feedback_sha256", evaluation.benchmark.protocol.feedback.sha256
    for key, value in asdict(config.sampling).items():
        if key != "k":  # pass@k is computed anew from the verdicts
            yield f"sampling.{key}", value
    yield "seed", config.seed
    yield from evaluation.limited.items()


def describe(plan: Plan, pool: ProgramPool) -> Manifest:
    """The manifest of a planned run, judged by this pool."""
    config, backend, evaluation = plan.config, plan.backend, plan.evaluation
    return Manifest(
        identity=plan.identity,
        model=backend.facts,
        benchmark=evaluation.facts,
        planned=plan.conversations.whole,
        guarantee=backend.guarantee,
        sampling=SamplingFacts(
            config.sampling.n,
            config.sampling.temperature,
            config.sampling.top_p,
            config.sampling.top_k,
            config.sampling.max_new_tokens,
        ),
        seed=config.seed,
        shard=_shard_facts(plan),
        engine=backend.engine,
        server=backend.server,
        sandbox=evaluation.sandbox_facts(pool),
        environment=describe_environment(),
    )


def _shard_facts(plan: Plan) -> ShardFacts | None:
    shard = plan.shard
    return None if shard is None else ShardFacts(shard.number, shard.of, len(plan.conversations))
