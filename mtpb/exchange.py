"""Writes a run for other tools: samples, figures, or a table.

    mtpb exchange results/humaneval/RUN output=samples.jsonl
    mtpb exchange results/humaneval/RUN output=humaneval.yaml format=hub
    mtpb exchange 'results/mtpb/*' output=samples.parquet format=parquet

Formats: `human_eval` and `evalplus` (a function suite's samples), `every_eval_ever` (a run's
figures, as eval.schema.json has them), `hub` (a file for `.eval_results` of a model's repository)
and `parquet` (a row a sample, of one run or of several: the columns of `load_run`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import yaml

from mtpb.cli.application import application
from mtpb.config import ExchangeConfig
from mtpb.config.commands import ExchangeFormat
from mtpb.errors import UsageError
from mtpb.formats.results import every_eval_ever, hub_results
from mtpb.formats.samples import exported_samples
from mtpb.rundir.frames import load_run
from mtpb.rundir.run import extent, read_run
from mtpb.rundir.store import RunDirectory


@application("exchange", ExchangeConfig)
def main(config: ExchangeConfig) -> int:
    output = Path(config.output)
    match config.format:
        case ExchangeFormat.human_eval | ExchangeFormat.evalplus:
            print(_samples(config, output))
        case ExchangeFormat.parquet:
            frame = load_run(config.run, partial=config.partial)
            frame.to_parquet(output)
            print(f"{len(frame):,} rows written to {output}")
        case _:
            _write(output, [_record(config)])
            print(output)
    return 0


def _samples(config: ExchangeConfig, output: Path) -> str:
    run = RunDirectory(Path(config.run))
    whole = config.format is ExchangeFormat.evalplus
    lines = (json.dumps(sample) + "\n" for sample in exported_samples(run, whole))
    count = _write(output, lines)
    return f"{extent(count, run.manifest().planned)} written to {output}"


def _record(config: ExchangeConfig) -> str:
    """The figures of a finished run."""
    directory = RunDirectory(Path(config.run))
    run = read_run(directory)
    if not run.finished:
        raise UsageError(
            f"run={run.source}: {run.extent} are judged; figures are shared of finished runs only: "
            "finish it with the command that started it"
        )
    if config.format is ExchangeFormat.hub:
        return str(yaml.safe_dump(hub_results(run, directory), sort_keys=False))
    return json.dumps(every_eval_ever(run, directory, config.organization), indent=2) + "\n"


def _write(output: Path, texts: Iterable[str]) -> int:
    """Writes the texts to a new file or over an old one; returns how many they are."""
    count = 0
    with output.open("w", encoding="utf-8") as file:
        for text in texts:
            file.write(text)
            count += 1
    return count


if __name__ == "__main__":
    main()
