"""Puts the shards of one run together.

    mtpb merge 'results/mtpb/NAME-shard-*' output=whole
    mtpb merge shards/1 shards/2 output=whole

Gives what one run would have given: the same samples, and the shards' verdicts. Nothing is written
unless all shards are there, finished and of one configuration. An interrupted merge is repeated by
the same command.
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from mtpb.cli.application import application
from mtpb.cli.ending import errors_in
from mtpb.config import MergeConfig, check_patterns, pass_ks, read_config
from mtpb.errors import UsageError
from mtpb.report.conclusion import conclude
from mtpb.rundir.merging import find_parts, put_together
from mtpb.rundir.store import RunWriter, output_directory


@application("merge", MergeConfig)
def main(config: MergeConfig) -> int:
    patterns = check_patterns(config.runs)
    output = output_directory(config.output)
    assert output is not None
    return merge(patterns, output)


def merge(patterns: list[str], output: Path) -> int:
    """Merges, prints the tables of the whole run and returns the status."""
    parts = find_parts(patterns, output)
    whole = put_together(parts)
    kept = read_config(parts[0].directory.path / "config.yaml")
    kept.shard, kept.output = None, str(output)
    sampling = whole.manifest.sampling
    if sampling is None:
        raise UsageError(f"runs: {parts[0]} does not say how many samples a case it has")
    ks = pass_ks(OmegaConf.select(kept, "sampling.k"), sampling.n)
    with errors_in(output):
        with RunWriter(output, whole.manifest, OmegaConf.to_yaml(kept)) as writer:
            writer.put_records(whole.order, whole.samples, whole.verdicts)
        return conclude(writer.directory, ks)


if __name__ == "__main__":
    main()
