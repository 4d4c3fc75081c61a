"""Judges samples of another tool, or those of a run again.

    mtpb score samples.jsonl benchmark=humaneval
    mtpb score mtpb_samples/ benchmark=mtpb benchmark.scorer=strict
    mtpb score results/starter/RUN/samples.jsonl output=again sandbox.timeout=20

Verdicts are in the order of the samples. An existing directory is resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from omegaconf import OmegaConf

from mtpb.cli.application import application
from mtpb.cli.ending import errors_in
from mtpb.config import ScoreConfig, max_turns, pass_ks
from mtpb.errors import UsageError
from mtpb.report.conclusion import conclude
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import Manifest, ModelFacts
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunWriter, default_output, expanded, output_directory
from mtpb.running.describe import describe_environment
from mtpb.running.evaluation import Evaluation
from mtpb.running.imported import read_samples, sample_files
from mtpb.running.pipeline import judge_all


@application("score", ScoreConfig)
def main(config: ScoreConfig) -> int:
    return score(config)


def score(config: ScoreConfig) -> int:
    """Judges all samples of a file or folder, prints the tables and returns the status."""
    if not config.samples:
        raise UsageError("samples=: is empty; name a file or a folder")
    path = expanded(config.samples)
    sample_files(path)  # reports a wrong path before a suite is fetched
    if max_turns(config.benchmark) > 1:
        raise UsageError(
            "benchmark.conversation=feedback, benchmark.max_turns: samples that are there are not "
            "asked again; leave both out"
        )
    evaluation = Evaluation.of(config.benchmark, config.sandbox)
    benchmark = evaluation.benchmark
    samples = list(read_samples(path, benchmark))
    if not samples:
        raise UsageError(f"samples={path}: none of a case that {benchmark.name} asks")
    ks = pass_ks(config.sampling.k, fewest_samples(samples))
    identity = {
        "samples.sha256": samples_sha256(samples),
        **evaluation.asked,
        **evaluation.limited,
    }
    output = output_directory(config.output) or default_output(
        config.results, benchmark.name, path.stem, identity
    )
    with errors_in(output):
        with evaluation.open_pool() as pool:
            manifest = Manifest(
                identity=identity,
                model=ModelFacts(name=path.stem),
                benchmark=evaluation.facts,
                planned=len(samples),
                guarantee=Guarantee.nothing,  # another tool may write other samples next time
                sandbox=evaluation.sandbox_facts(pool),
                environment=describe_environment(),
            )
            with RunWriter(output, manifest, OmegaConf.to_yaml(config)) as writer:
                fresh = (sample for sample in samples if sample.key not in writer.samples)
                judge = evaluation.judge(pool)
                judge_all(writer, judge, map(judge.submit, fresh), samples)
        return conclude(writer.directory, ks)


def fewest_samples(samples: Iterable[Sample]) -> int:
    """The number of samples of the case with the fewest, of those that have any."""
    return min(Counter((sample.problem, sample.case) for sample in samples).values())


def samples_sha256(samples: Iterable[Sample]) -> str:
    """Hash of the samples as a run directory has them."""
    digest = sha256()
    for sample in samples:
        digest.update(sample.to_json().encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
