"""Generate, judge, tabulate: one model on one benchmark.

    python -m mtpb.run model=codegen-2B-mono benchmark=mtpb

An existing run directory is resumed: finished samples are kept, and those without a verdict are
judged. A finished one is only tabulated again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import chain
from pathlib import Path

from omegaconf import OmegaConf

from mtpb.checking.preflight import preflight
from mtpb.cli import application
from mtpb.config import RunConfig, pass_ks
from mtpb.ending import errors_in
from mtpb.report.conclusion import conclude
from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunDirectory, RunWriter
from mtpb.running.conversation import Conversation
from mtpb.running.pipeline import judge_all
from mtpb.running.plan import Plan, describe, make_plan


@application("run", RunConfig)
def main(config: RunConfig) -> int:
    return run(config)


def run(config: RunConfig) -> int:
    """Executes what is left of the configured run, prints its tables and returns its status."""
    ks = pass_ks(config.sampling.k, config.sampling.n)
    plan = make_plan(config)
    with errors_in(plan.output):
        directory = executed(plan)
        return conclude(directory, ks, Path(config.results))


def executed(plan: Plan) -> RunDirectory:
    """Generates and judges what is missing of the planned run; returns its directory."""
    config, conversations = plan.config, plan.conversations
    with (
        plan.evaluation.open_pool() as pool,
        RunWriter(plan.output, describe(plan, pool), OmegaConf.to_yaml(config)) as writer,
    ):
        missing = (c for c in conversations if c.key not in writer.samples)
        judge = plan.evaluation.judge(pool)
        if (first := next(missing, None)) is None:  # then no model is loaded
            judge_all(writer, judge, (), conversations)
        else:
            preflight(pool, plan.evaluation.benchmark, plan.output)
            with closing(generated(plan, chain([first], missing), writer)) as fresh:
                judge_all(writer, judge, fresh, conversations)
    return writer.directory


def generated(
    plan: Plan, missing: Iterable[Conversation], writer: RunWriter
) -> Generator[Sample, None, None]:
    """Yields the samples of the missing conversations; loads the model first."""
    from mtpb.running.generate import RandomKeys, generate, load_engine  # imports torch

    engine = load_engine(plan)
    try:
        keys = RandomKeys(plan.config.seed, plan.evaluation.benchmark.suite)
        yield from generate(engine, missing, keys)
    finally:  # also when interrupted
        stats = engine.stats
        writer.add_throughput(Throughput(tokens=stats.tokens, generate_s=stats.seconds))


if __name__ == "__main__":
    main()
