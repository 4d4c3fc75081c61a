"""Runs as a pandas data frame.

from mtpb import load_run
frame = load_run("results/mtpb/codegen-2B-mono-0123456789")
all_of_them = load_run("results/mtpb/*")
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtpb.errors import UsageError
from mtpb.rundir.records import SCORERS, Verdict
from mtpb.rundir.run import Run, encodable, matching, read_run
from mtpb.rundir.store import RunDirectory

if TYPE_CHECKING:
    import pandas as pd

VERDICT = (
    "problem",
    "case",
    "sample",
    "passed",
    "status",
    "detail",
    "turn",
    "line",
    "cpu_s",
    "wall_s",
    *SCORERS,
    "attempts",
)

COLUMNS = {
    "run": "the run directory",
    "model": "the model's name",
    "data": "what it was trained on (nl, multi, mono), missing where unknown",
    "size": "its size, such as 2B, missing where unknown",
    "suite": "the suite, by what it holds",
    "format": "multi_turn, single_turn or three_shot",
    "temperature": "of sampling; missing for imported samples",
    "problem": "the problem's id",
    "case": "the case, from 0",
    "sample": "the sample of the case, from 0",
    "passed": "whether it passed, by the run's scorer",
    "status": "how it ended: passed, wrong_answer, exception, timeout, …",
    "detail": "what was wrong, in a line",
    "turn": "the turn to blame, from 0; missing where none is",
    "line": "the line of the program that failed; missing where none did",
    "cpu_s": "CPU seconds of the program",
    "wall_s": "wall seconds of the program",
    **dict.fromkeys(SCORERS, "whether it passed by this scorer; missing where it does not judge"),
    "attempts": "attempts that were made, in a run with feedback",
    "name": "the problem's name",
    "category": "the problem's category",
    "turns": "how many turns the problem has",
    "clean": "whether the case is free of known faults of the benchmark",
    "tokens": "tokens of the sample's completions; missing without samples.jsonl",
    "program": "the whole program; missing without samples.jsonl",
}
"""The columns of a frame, in order, and what they hold."""


class UnfinishedRunError(UsageError):
    """A run lacks verdicts on some of its planned samples."""


class UnfinishedRunWarning(UserWarning):
    """The frame is of a run that lacks verdicts on some of its planned samples."""


def load_run(
    runs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, partial: bool = False
) -> pd.DataFrame:
    """A row for each sample of one run or of several, with the columns of `COLUMNS`.

    `runs` is a run directory, a folder that holds some, a glob, or a list of these. Samples without
    a verdict are left out. `frame.attrs` has `judged` and `planned`, how many samples are judged
    and how many there are once the runs are finished; one on which the sandbox itself failed is not
    judged.

    Raises UnfinishedRunError, a UsageError, for a run that is not finished. With `partial` the
    verdicts that exist are returned, and an UnfinishedRunWarning says how many they are. Raises
    UsageError where no run directory is found, and for one that has a broken line, or verdicts on
    problems that its manifest does not list.
    """
    import pandas as pd

    asked = [runs] if isinstance(runs, (str, os.PathLike)) else list(runs)
    patterns = [str(Path(one)) for one in asked]
    directories = matching(patterns)
    if not directories:
        named = ", ".join(patterns)
        raise UsageError(f"{named}: no run directory; name one, a folder with some, or a glob")
    found = [read_run(directory) for directory in directories]
    for run in found:
        if not run.finished:
            if not partial:
                raise UnfinishedRunError(
                    f"{run.source}: {run.extent} are judged; finish the run with the command that "
                    "started it, or load what there is: load_run(…, partial=True)"
                )
            message = f"{run.source}: {run.extent} are judged"
            warnings.warn(message, UnfinishedRunWarning, stacklevel=2)
    frames = [_frame(run, directory) for run, directory in zip(found, directories, strict=True)]
    frame = pd.concat(frames, ignore_index=True)
    frame.attrs.update(
        judged=sum(run.judged for run in found), planned=sum(run.manifest.planned for run in found)
    )
    return frame


def _frame(run: Run, directory: RunDirectory) -> pd.DataFrame:
    import pandas as pd

    latest = {verdict.key: verdict for verdict in directory.verdicts()}
    frame = pd.DataFrame(map(_row, latest.values()), columns=list(VERDICT))
    for name in ("turn", "line", "attempts"):
        frame[name] = frame[name].astype("Int64")
    for name in SCORERS:
        frame[name] = frame[name].astype("boolean")
    # models do write lone surrogates, which pandas cannot hold
    problems = {encodable(problem.id): problem for problem in run.problems}
    for name in ("name", "category"):
        frame[name] = [encodable(getattr(problems[id], name)) for id in frame["problem"]]
    frame["turns"] = [problems[id].turns for id in frame["problem"]]
    frame["clean"] = [
        problems[id].cases[case].clean
        for id, case in zip(frame["problem"], frame["case"], strict=True)
    ]
    kept = {sample.key: (sample.tokens, sample.program) for sample in directory.samples()}
    samples = pd.DataFrame(
        [
            (encodable(key.problem), key.case, key.sample, tokens, encodable(program))
            for key, (tokens, program) in kept.items()
        ],
        columns=["problem", "case", "sample", "tokens", "program"],
    )
    frame = frame.merge(samples, on=["problem", "case", "sample"], how="left")
    for name in ("data", "size"):
        frame[name] = pd.Series([getattr(run.manifest.model, name)] * len(frame), dtype="string")
    frame["run"], frame["model"] = run.source, encodable(run.model)
    frame["suite"], frame["format"] = encodable(run.benchmark.name), run.format
    frame["temperature"] = pd.Series([run.temperature] * len(frame), dtype="float64")
    return frame[list(COLUMNS)]


def _row(verdict: Verdict) -> list[object]:
    fields = [
        verdict.scores.get(name) if name in SCORERS else getattr(verdict, name) for name in VERDICT
    ]
    return [encodable(value) if isinstance(value, str) else value for value in fields]
