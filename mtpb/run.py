"""Generate, judge, tabulate: one model on one benchmark.

    mtpb run
    mtpb run model=codegen-2B-mono benchmark=mtpb sampling=mtpb
    mtpb run model=openai model.name=MODEL model.base_url=http://localhost:8000/v1

An existing run directory is resumed: finished samples are kept, and those without a verdict are
judged. A finished one is only tabulated again. With `shard=3/16` only that part of the run is made,
in a directory of its own, and `mtpb.merge` puts the parts together.
"""

from __future__ import annotations

from contextlib import closing
from itertools import chain

from omegaconf import OmegaConf

from mtpb.checking.preflight import preflight
from mtpb.cli.application import application
from mtpb.cli.ending import errors_in
from mtpb.cli.sweep import add_directory
from mtpb.config import RunConfig, pass_ks
from mtpb.errors import UsageError
from mtpb.report.conclusion import conclude, conclude_shard, conclude_sweep
from mtpb.rundir.store import RunDirectory, RunWriter
from mtpb.running.generation import Generation
from mtpb.running.pipeline import judge_all, to_be_asked
from mtpb.running.plan import Plan, describe, make_plan


@application("run", RunConfig, conclude_sweep)
def main(config: RunConfig) -> int:
    return run(config)


def run(config: RunConfig) -> int:
    """Executes what is left of the configured run, prints its tables and returns its status."""
    ks = pass_ks(config.sampling.k, config.sampling.n)
    plan = make_plan(config)
    if plan.shard is None:  # a shard has no figures for a table
        add_directory(plan.output)
    with errors_in(plan.output):
        directory = executed(plan)
        if plan.shard is not None:
            return conclude_shard(directory)
        return conclude(directory, ks)


def executed(plan: Plan) -> RunDirectory:
    """Generates and judges what is missing of the planned run; returns its directory."""
    config, conversations = plan.config, plan.conversations
    with (
        plan.open_pool() as pool,
        RunWriter(plan.output, describe(plan, pool), OmegaConf.to_yaml(config)) as writer,
    ):
        judge = plan.judge(pool)
        missing = (c for c in conversations if to_be_asked(writer, judge, c.key))
        if (first := next(missing, None)) is None:  # then no model is loaded
            judge_all(writer, judge, (), conversations)
        else:
            preflight(pool, plan.evaluation.benchmark, plan.output)
            generation = Generation(plan, writer)
            with closing(generation.samples(chain([first], missing), judge)) as fresh:
                judge_all(writer, judge, fresh, conversations, generation.activity)
        _check_whole(plan, len(writer.samples))
    return writer.directory


def _check_whole(plan: Plan, there: int) -> None:
    """Raises UsageError where `limits.tokens` ended the run before all its samples were there."""
    if there < len(plan.conversations):
        raise UsageError(
            f"limits.tokens={plan.config.limits.tokens}: reached with {there} of "
            f"{len(plan.conversations)} samples; to go on repeat the command with a higher limit"
        )


if __name__ == "__main__":
    main()
