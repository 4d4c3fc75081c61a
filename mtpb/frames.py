"""A run as a pandas data frame.

from mtpb import load_run
frame = load_run("results/mtpb/codegen-2B-mono-0123456789")
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mtpb.records import Status, Verdict
from mtpb.store import RunDirectory

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
    "official",
    "strict",
)


def load_run(path: str | os.PathLike[str]) -> pd.DataFrame:
    """A row for each sample: its verdict, what the manifest says of its problem, and its program.

    Columns: those of verdicts.jsonl (`official`, `strict`, `turn` and `line` are missing values
    where a verdict does not have them), then `name`, `category`, `turns`, `clean` (no known fault
    of the benchmark spoils the case), `tokens` and `program`. Samples without a verdict are left
    out. Raises UsageError for what is no run directory or has a broken line.
    """
    import pandas as pd

    run = RunDirectory(Path(path))
    problems = {problem["id"]: problem for problem in run.manifest()["benchmark"]["problems"]}
    verdicts = pd.DataFrame(map(_row, run.verdicts()), columns=list(COLUMNS))
    for name in ("turn", "line"):
        verdicts[name] = verdicts[name].astype("Int64")
    for name in ("official", "strict"):
        verdicts[name] = verdicts[name].astype("boolean")
    for name in ("name", "category", "turns"):
        verdicts[name] = [problems[problem][name] for problem in verdicts["problem"]]
    verdicts["clean"] = [
        problems[problem]["cases"][case]["clean"]
        for problem, case in zip(verdicts["problem"], verdicts["case"], strict=True)
    ]
    samples = pd.DataFrame(
        [(*sample.key, sample.tokens, sample.program) for sample in run.samples()],
        columns=["problem", "case", "sample", "tokens", "program"],
    )
    return verdicts.merge(samples, on=["problem", "case", "sample"], how="left")


def _row(verdict: Verdict) -> list[object]:
    values = (getattr(verdict, name) for name in COLUMNS)
    return [value.value if isinstance(value, Status) else value for value in values]
