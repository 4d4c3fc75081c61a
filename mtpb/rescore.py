"""Judges a run's samples again: by another scorer, other limits or corrected expected values.

    mtpb rescore RUN output=slower sandbox.timeout=30
    mtpb rescore RUN output=verified benchmark=mtpb-verified
    mtpb rescore RUN output=strict benchmark.scorer=strict

Nothing is generated. `output` becomes a run directory with the same samples; what is not given is
as in the run. An interrupted command is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mtpb.cli.application import application
from mtpb.cli.ending import errors_in
from mtpb.config import (
    BenchmarkConfig,
    RescoreBenchmarkConfig,
    RescoreConfig,
    SandboxConfig,
    pass_ks,
    read_config,
)
from mtpb.errors import UsageError
from mtpb.report.conclusion import conclude
from mtpb.rundir.manifest import Manifest, Origin, Throughput
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunDirectory, RunWriter, expanded, output_directory
from mtpb.running.describe import describe_environment
from mtpb.running.evaluation import Evaluation
from mtpb.running.imported import read_samples
from mtpb.running.pipeline import judge_all
from sandbox import Pool


@application("rescore", RescoreConfig)
def main(config: RescoreConfig) -> int:
    return rescore(config)


def rescore(config: RescoreConfig) -> int:
    """Judges the samples, prints the tables and returns the status."""
    run = RunDirectory(expanded(config.run))
    output = output_directory(config.output)
    if output is None or output.resolve() == run.path.resolve():
        raise UsageError(f"output={config.output}: is the run itself; name another directory")
    before, kept = run.manifest(), read_config(run.path / "config.yaml")
    if before.shard is not None:
        raise UsageError(f"run={run.path}: is a shard; put the run together with mtpb.merge first")
    if before.max_turns > 1:
        raise UsageError(
            f"run={run.path}: has turns with feedback, and what the model was told followed from "
            "the verdicts; run it anew with the other scorer or limits"
        )
    sandbox = _with_kept(kept, "sandbox", SandboxConfig, config.sandbox)
    benchmark = _benchmark(kept, config.benchmark)
    evaluation = Evaluation.of(benchmark, sandbox)
    samples = list(read_samples(run.samples_path, evaluation.benchmark))
    ks = pass_ks(OmegaConf.select(kept, "sampling.k"), _samples_per_case(before, samples))
    with errors_in(output):
        with evaluation.open_pool() as pool:
            manifest = _manifest(before, run, evaluation, pool)
            with RunWriter(output, manifest, _config(kept, benchmark, sandbox, output)) as writer:
                fresh = (sample for sample in samples if sample.key not in writer.samples)
                judge = evaluation.judge(pool)
                judge_all(writer, judge, map(judge.submit, fresh), samples)
        return conclude(writer.directory, ks)


def _benchmark(kept: DictConfig, given: RescoreBenchmarkConfig) -> BenchmarkConfig:
    """The run's suite, or the given one on the run's content."""
    merged: BenchmarkConfig = _with_kept(kept, "benchmark", BenchmarkConfig, given)
    other_suite = given.suite is not None and given.suite != OmegaConf.select(
        kept, "benchmark.suite"
    )
    return replace(merged, scorer=given.scorer, name=given.name) if other_suite else merged


def _with_kept(kept: DictConfig, section: str, kind: type[Any], given: Any) -> Any:
    """A section of the run's configuration, with the values that are given."""
    known = OmegaConf.select(kept, section) or {}
    values = {key: value for key, value in vars(given).items() if value is not None}
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(kind), known, values))


def _samples_per_case(before: Manifest, samples: list[Sample]) -> int:
    if before.sampling is not None:
        return before.sampling.n
    return 1 + max((sample.sample for sample in samples), default=0)


def _manifest(before: Manifest, run: RunDirectory, evaluation: Evaluation, pool: Pool) -> Manifest:
    """The run's manifest, judged anew."""
    n, host = before.sampling, before.environment.host
    return replace(
        before,
        identity={**before.identity, **evaluation.asked, **evaluation.limited},
        benchmark=evaluation.facts,
        planned=evaluation.benchmark.cases * n.n if n else before.planned,
        origin=Origin("rescore", (str(run.path),), (host,) if host else ()),
        sandbox=evaluation.sandbox_facts(pool),
        environment=describe_environment(),
        throughput=Throughput(before.throughput.tokens, before.throughput.generate_s),
    )


def _config(
    kept: DictConfig, benchmark: BenchmarkConfig, sandbox: SandboxConfig, output: Path
) -> str:
    """The configuration of a run that is judged so."""
    sections: Mapping[str, Any] = {
        "benchmark": OmegaConf.structured(benchmark),
        "sandbox": OmegaConf.structured(sandbox),
        "output": str(output),
    }
    return OmegaConf.to_yaml(OmegaConf.merge(kept, sections))


if __name__ == "__main__":
    main()
