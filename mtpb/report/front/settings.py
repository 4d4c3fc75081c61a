"""Every run of a report: its settings, commit, date, machine, and how complete it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mtpb.rundir.events import read_events
from mtpb.rundir.run import Run
from mtpb.tables import Cell, Column, Kind, Table

KIND = (
    Column("model", "model"),
    Column("suite", "suite"),
    Column("format", "format"),
    Column("temperature", "T", Kind.number),
)
"""The columns that say what a run is of."""

_LONGEST = 20_000  # characters of a configuration that are shown


def runs_table(runs: Sequence[Run]) -> Table:
    """A row for each run, in the order of `runs`; columns that no run fills are left out."""
    columns = (
        Column("run", "run"),
        *KIND,
        Column("n", "n", Kind.count),
        Column("judged", "judged", Kind.count),
        Column("planned", "of samples", Kind.count),
        Column("complete", "complete", Kind.flag),
        Column("started", "started"),
        Column("commit", "commit"),
        Column("host", "machine"),
        Column("device", "device"),
        Column("problems", "problems", Kind.count),
        Column("top_p", "top-p", Kind.number),
        Column("seed", "seed", Kind.count),
        Column("scorer", "scorer"),
    )
    rows = tuple((name, *_row(run)) for name, run in zip(names(runs), runs, strict=True))
    return Table("runs", "Runs and their settings", columns, rows).trimmed()


def names(runs: Sequence[Run]) -> list[str]:
    """What each run is called: its directory, below the folder that all of them are in."""
    paths = [Path(os.path.abspath(run.source)) for run in runs]
    common = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    return [path.relative_to(common).as_posix() for path in paths]


def _row(run: Run) -> tuple[Cell, ...]:
    manifest, sampling = run.manifest, run.manifest.sampling
    environment, engine = manifest.environment, manifest.engine
    device = None if engine is None else " ".join(filter(None, (engine.device, engine.device_name)))
    return (
        *kind_cells(run),
        None if sampling is None else sampling.n,
        run.judged,
        manifest.planned,
        run.finished,
        started(run),
        environment.git_commit and environment.git_commit[:10],
        environment.host,
        device,
        len(run.problems),
        None if sampling is None else sampling.top_p,
        manifest.seed,
        run.scorer,
    )


def kind_cells(run: Run) -> tuple[Cell, ...]:
    """The cells of the columns `KIND`."""
    asked = None if run.benchmark.has_tests else run.format.replace("_", "-")
    return run.model, run.benchmark.name, asked, run.temperature


def started(run: Run) -> str | None:
    """When the run was first started by its log: UTC, to the minute; None without a log."""
    if run.directory is None:
        return None
    first = next(read_events(run.directory.path), None)
    return None if first is None else first.time[:16].replace("T", " ")


def settings(name: str, run: Run) -> dict[str, Any]:
    """Manifest and configuration of the run that is called `name`, without its problems."""
    facts = run.manifest.to_json()
    facts["benchmark"] = {k: v for k, v in facts["benchmark"].items() if k != "problems"}
    identity = dict(facts["identity"])
    asked = identity.get("benchmark.problems")
    if asked:
        identity["benchmark.problems"] = f"{len(asked)} problems"
    return {
        "name": name,
        "source": run.source,
        "manifest": {**facts, "identity": identity},
        "config": _config(run),
    }


def _config(run: Run) -> str:
    """The text of config.yaml; "" where there is none that can be read."""
    if run.directory is None:
        return ""
    with suppress(OSError):
        path: Path = run.directory.path / "config.yaml"
        return path.read_bytes()[:_LONGEST].decode("utf-8", "replace")
    return ""
