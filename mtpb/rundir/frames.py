"""A run as a pandas data frame.

from mtpb import load_run
frame = load_run("results/mtpb/codegen-2B-mono-0123456789")
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mtpb.errors import UsageError
from mtpb.rundir.records import SCORERS, Verdict, VerdictStatus
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
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


class UnfinishedRunError(UsageError):
    """A run lacks verdicts on some of its planned samples."""


class UnfinishedRunWarning(UserWarning):
    """The frame is of a run that lacks verdicts on some of its planned samples."""


def load_run(path: str | os.PathLike[str], *, partial: bool = False) -> pd.DataFrame:
    """A row for each sample: its verdict, what the manifest says of its problem, and its program.

    Columns: those of verdicts.jsonl (`turn`, `line`, `attempts` and the scorers are missing values
    where a verdict does not have them), then `name`, `category`, `turns`, `clean` (no known fault
    of the benchmark spoils the case), `tokens` and `program` (missing where samples.jsonl does not
    have the sample). Samples without a verdict are left out. `frame.attrs` has `judged` and
    `planned`, how many samples are judged and how many the run has once it is finished; one on
    which the sandbox itself failed is not judged.

    Raises UnfinishedRunError, a UsageError, for a run that is not finished. With `partial` the
    verdicts that exist are returned, and an UnfinishedRunWarning says how many they are. Raises
    UsageError if `path` is not a run directory, has a broken line, or has verdicts on problems
    that the manifest does not list.
    """
    import pandas as pd

    run = read_run(RunDirectory(Path(path)))
    if not run.finished:
        if not partial:
            raise UnfinishedRunError(
                f"{run.source}: {run.extent} are judged; finish the run with the command that "
                "started it, or load what there is: load_run(…, partial=True)"
            )
        message = f"{run.source}: {run.extent} are judged"
        warnings.warn(message, UnfinishedRunWarning, stacklevel=2)
    directory = RunDirectory(Path(path))
    latest = {verdict.key: verdict for verdict in directory.verdicts()}
    verdicts = pd.DataFrame(map(_row, latest.values()), columns=list(COLUMNS))
    for name in ("turn", "line", "attempts"):
        verdicts[name] = verdicts[name].astype("Int64")
    for name in SCORERS:
        verdicts[name] = verdicts[name].astype("boolean")
    problems = {problem.id: problem for problem in run.problems}
    for name in ("name", "category", "turns"):
        verdicts[name] = [getattr(problems[id], name) for id in verdicts["problem"]]
    verdicts["clean"] = [
        problems[id].cases[case].clean
        for id, case in zip(verdicts["problem"], verdicts["case"], strict=True)
    ]
    kept = {sample.key: (sample.tokens, sample.program) for sample in directory.samples()}
    samples = pd.DataFrame(
        [(*key, *about) for key, about in kept.items()],
        columns=["problem", "case", "sample", "tokens", "program"],
    )
    frame = verdicts.merge(samples, on=["problem", "case", "sample"], how="left")
    frame.attrs.update(judged=run.judged, planned=run.manifest.planned)
    return frame


def _row(verdict: Verdict) -> list[object]:
    fields = [
        verdict.scores.get(name) if name in SCORERS else getattr(verdict, name) for name in COLUMNS
    ]
    return [value.value if isinstance(value, VerdictStatus) else value for value in fields]
