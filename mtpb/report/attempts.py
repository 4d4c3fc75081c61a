"""The table of runs with feedback: what further attempts add."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mtpb.rundir.run import Run
from mtpb.statistics.attempts import attempt_figures
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked


def attempts(name: str, title: str, runs: Iterable[Run]) -> Table:
    """A row for each run with feedback, of which there is at least one."""
    chosen = [run for run in runs if run.manifest.max_turns > 1]
    most = max(run.manifest.max_turns for run in chosen)
    return Table(
        f"{name}-attempts",
        f"{title}: pass@1 by number of attempts, % [95 % interval]",
        (
            Column("model", "model"),
            Column("temperature", "at T", Kind.number),
            *(Column(f"pass@1_{n}", _counted(n), Kind.rate) for n in range(1, most + 1)),
            Column("reciprocal_rank", "mean reciprocal rank", Kind.rate),
            Column("recovery", "recovery rate", Kind.rate),
        ),
        tuple(_row(run, most) for run in chosen),
        (
            "The reciprocal rank of a sample is one over the number of the attempt that passed, 0 "
            "if none did; the recovery rate is the share of samples that passed later among those "
            "that failed at first.",
        ),
    )


def _row(run: Run, most: int) -> tuple[Cell, ...]:
    *within, rank, recovery = [
        Estimate(None) if np.isnan(value) else Estimate(value, low, high)
        for value, low, high in attempt_figures(run).tolist()
    ]
    within += [Estimate(None)] * (most - len(within))
    return (run.model, run.temperature, *marked((*within, rank, recovery), run))


def _counted(attempts: int) -> str:
    return f"{attempts} attempt{'s' * (attempts != 1)}"
