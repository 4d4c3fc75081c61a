"""Judges samples that were written elsewhere, or again those of a run.

    python -m mtpb.score samples=samples.jsonl benchmark=humaneval

Verdicts come out in the order of the samples. A directory that exists already is resumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from omegaconf import OmegaConf

from mtpb.cli import application
from mtpb.config import ScoreConfig, check_sandbox, pass_ks
from mtpb.ending import errors_in
from mtpb.errors import UsageError
from mtpb.report.summary import conclude
from mtpb.rundir.manifest import Guarantee, Manifest, ModelFacts
from mtpb.rundir.records import Sample
from mtpb.rundir.store import RunWriter, default_output, output_directory
from mtpb.running.describe import describe_benchmark, describe_environment
from mtpb.running.imported import read_samples, sample_files
from mtpb.running.judge import Judge
from mtpb.running.pipeline import complete
from mtpb.running.suite import (
    benchmark_identity,
    check_format,
    chosen_scorer,
    describe_sandbox,
    limits_identity,
    load_whole,
    open_pool,
    program_limits,
    select,
)


@application("score", ScoreConfig)
def main(config: ScoreConfig) -> int:
    return score(config)


def score(config: ScoreConfig) -> int:
    """Judges all samples of a file or folder, prints the tables and returns the status."""
    check_sandbox(config.sandbox)
    if not config.samples:
        raise UsageError("samples=: is empty; name a file or a folder")
    path = Path(config.samples).expanduser()
    sample_files(path)  # a wrong path is told before a suite is fetched
    whole = load_whole(config.benchmark)
    benchmark = select(whole, config.benchmark)
    check_format(config.benchmark, benchmark)
    scorer = chosen_scorer(config.benchmark, benchmark)
    limits = program_limits(config.sandbox, benchmark)
    samples = list(read_samples(path, benchmark))
    ks = pass_ks(config.sampling.k, fewest_samples(samples))
    identity = {
        "samples.sha256": samples_sha256(samples),
        **benchmark_identity(config.benchmark, whole, benchmark, scorer),
        **limits_identity(limits),
    }
    output = output_directory(config.output) or default_output(
        config.results, benchmark.name, path.stem, identity
    )
    with errors_in(output):
        with open_pool(config.sandbox, limits, benchmark) as pool:
            manifest = Manifest(
                identity=identity,
                model=ModelFacts(name=path.stem),
                benchmark=describe_benchmark(benchmark, config.benchmark.format.value, scorer),
                planned=len(samples),
                guarantee=Guarantee.nothing,  # whoever wrote the samples may write others next time
                sandbox=describe_sandbox(limits, pool),
                environment=describe_environment(),
            )
            with RunWriter(output, manifest, OmegaConf.to_yaml(config)) as writer:
                fresh = (sample for sample in samples if sample.key not in writer.samples)
                complete(writer, Judge(benchmark, pool, scorer), fresh, samples)
        return conclude(writer.directory, ks, Path(config.results))


def fewest_samples(samples: Iterable[Sample]) -> int:
    """How many samples the case with the fewest has; cases without any are left out."""
    return min(Counter((sample.problem, sample.case) for sample in samples).values())


def samples_sha256(samples: Iterable[Sample]) -> str:
    """Hash of what is judged: whose samples, and which programs."""
    digest = sha256()
    for sample in samples:
        digest.update(sample.to_json().encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
