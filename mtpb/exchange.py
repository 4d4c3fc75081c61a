"""Writes a run for other tools: samples, figures, or a table.

    mtpb exchange results/humaneval/RUN output=samples.jsonl
    mtpb exchange results/humaneval/RUN output=humaneval.yaml format=hub
    mtpb exchange 'results/mtpb/*' output=samples.parquet format=parquet

Formats: `human_eval` and `evalplus` (a function suite's samples), `every_eval_ever` (a run's
figures, as eval.schema.json has them), `every_eval_ever_samples` (its samples and verdicts, a line
each), `hub` (a file for `.eval_results` of a model's repository)
and `parquet` (a row a sample, of one run or of several: the columns of `load_run`).
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import yaml

from mtpb.cli.application import application
from mtpb.config import ExchangeConfig
from mtpb.config.commands import ExchangeFormat
from mtpb.errors import UsageError
from mtpb.formats.instances import instances
from mtpb.formats.results import every_eval_ever, hub_results
from mtpb.formats.samples import exported_samples
from mtpb.rundir.frames import load_run
from mtpb.rundir.run import Run, extent, read_run
from mtpb.rundir.store import RunDirectory, replacing


@application("exchange", ExchangeConfig)
def main(config: ExchangeConfig) -> int:
    output = Path(config.output)
    with _written(output) as place:
        match config.format:
            case ExchangeFormat.human_eval | ExchangeFormat.evalplus:
                said = _write_samples(config, place)
            case ExchangeFormat.every_eval_ever_samples:
                said = _write_instances(config, place)
            case ExchangeFormat.parquet:
                frame = load_run(config.run, partial=config.partial)
                frame.to_parquet(place)
                said = f"{len(frame):,} rows"
            case _:
                place.write_text(_record(config), encoding="utf-8")
                said = "a record"
    print(f"{said} written to {output}")
    return 0


def _written(output: Path) -> AbstractContextManager[Path]:
    """Where to write so that a failure leaves the output as it was; a pipe or a link is itself."""
    if output.exists() and (output.is_symlink() or not output.is_file()):
        return nullcontext(output)
    return replacing(output)


def _write_samples(config: ExchangeConfig, place: Path) -> str:
    """Writes a function suite's samples; returns how many of those planned there are."""
    run = RunDirectory(Path(config.run))
    count = 0
    with place.open("w", encoding="utf-8") as file:
        for sample in exported_samples(run, whole=config.format is ExchangeFormat.evalplus):
            file.write(json.dumps(sample) + "\n")
            count += 1
    return extent(count, run.manifest().planned)


def _write_instances(config: ExchangeConfig, place: Path) -> str:
    run, directory = _finished(config)
    with place.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(one)}\n" for one in instances(run, directory))
    return f"{run.judged:,} samples"


def _finished(config: ExchangeConfig) -> tuple[Run, RunDirectory]:
    directory = RunDirectory(Path(config.run))
    run = read_run(directory)
    if not run.finished:
        raise UsageError(
            f"run={run.source}: {run.extent} are judged; figures are shared of finished runs only: "
            "finish it with the command that started it"
        )
    return run, directory


def _record(config: ExchangeConfig) -> str:
    """The figures of a finished run."""
    run, directory = _finished(config)
    if config.format is ExchangeFormat.hub:
        return str(yaml.safe_dump(hub_results(run, directory), sort_keys=False))
    return json.dumps(every_eval_ever(run, directory, config.organization), indent=2) + "\n"


if __name__ == "__main__":
    main()
