"""Judges samples that were written elsewhere, or again those of a run.

    python -m mtpb.score samples=samples.jsonl benchmark=humaneval

Verdicts come out in the order of the samples. A directory that exists already is resumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from omegaconf import OmegaConf

from mtpb.cli import application
from mtpb.config import ScoreConfig, check_sandbox
from mtpb.exchange import read_samples
from mtpb.judge import Judge
from mtpb.manifest import ModelFacts, describe_benchmark, make_manifest
from mtpb.pipeline import complete
from mtpb.plan import (
    benchmark_identity,
    chosen_scorer,
    default_output,
    limits_identity,
    load_benchmark,
    open_pool,
    program_limits,
)
from mtpb.records import Sample
from mtpb.store import RunWriter
from mtpb.summary import conclude


@application("score", ScoreConfig)
def main(config: ScoreConfig) -> int:
    return score(config)


def score(config: ScoreConfig) -> int:
    """Judges all samples of a file or folder; 1 if the sandbox itself failed on a program."""
    check_sandbox(config.sandbox)
    benchmark = load_benchmark(config.benchmark)
    scorer = chosen_scorer(config.benchmark, benchmark)
    limits = program_limits(config.sandbox, benchmark)
    path = Path(config.samples).expanduser()
    samples = list(read_samples(path, benchmark))
    identity = {
        "samples.sha256": samples_sha256(samples),
        **benchmark_identity(config.benchmark, benchmark, scorer),
        **limits_identity(limits),
    }
    output = (
        default_output(config.results, benchmark.name, path.stem, identity)
        if config.output is None
        else Path(config.output)
    )
    with open_pool(config.sandbox, limits, benchmark) as pool:
        manifest = make_manifest(
            identity,
            ModelFacts(name=path.stem),
            describe_benchmark(benchmark, config.benchmark.format.value, scorer),
            {"sandbox": {**limits_identity(limits), "layers": pool.layers}},
        )
        with RunWriter(output, manifest, OmegaConf.to_yaml(config)) as writer:
            fresh = (sample for sample in samples if sample.key not in writer.samples)
            complete(writer, Judge(benchmark, pool, scorer), fresh, [s.key for s in samples])
    ks = None if config.k is None else tuple(config.k)
    return conclude(writer.directory, ks, Path(config.results))


def samples_sha256(samples: Iterable[Sample]) -> str:
    """Hash of what is judged: whose samples, and which programs."""
    digest = sha256()
    for sample in samples:
        digest.update(sample.to_json().encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
