"""How a run or a scoring ends: metrics.json, the tables, the directory's path, the exit status."""

from __future__ import annotations

import sys
from pathlib import Path

from mtpb.metrics import summarise
from mtpb.store import RunDirectory, write_json
from mtpb.tables import results_table, run_table


def conclude(run: RunDirectory, ks: tuple[int, ...] | None, results: Path) -> int:
    """Writes metrics.json and prints the run's table, then that of the results folder.

    Returns 1 if the sandbox itself failed on a program, so that the figures are not whole.
    """
    summary = summarise(run, ks)
    write_json(run.path / "metrics.json", summary)
    print(run_table(run.manifest(), summary).text())
    if run.path.resolve().is_relative_to(results.resolve()):
        print(f"\n{results_table(results).text()}")
    print(f"\n{run.path}")
    failed = summary["results"][0]["overall"]["status"]["sandbox_error"]
    if failed:
        print(
            f"error: the sandbox itself failed on {failed} programs, which are left out above; "
            "the same command judges them again",
            file=sys.stderr,
        )
    return 1 if failed else 0
