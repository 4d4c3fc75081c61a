"""Baselines: the verdicts of runs in small files that can be committed.

    mtpb baseline save name=main run=results/starter/RUN
    mtpb baseline list
    mtpb baseline show name=main

They are kept in the folder `baselines`; `mtpb.compare` takes their names.
"""

from __future__ import annotations

import re
from pathlib import Path

from mtpb.cli.application import application
from mtpb.comparing.baselines import baseline_path, read_baseline, write_baseline
from mtpb.config import Action, BaselineConfig
from mtpb.errors import UsageError
from mtpb.report.estimates import estimate
from mtpb.rundir.run import Run
from mtpb.rundir.store import RunDirectory, expanded
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import Column, Estimate, Kind, Table


@application("baseline", BaselineConfig)
def main(config: BaselineConfig) -> int:
    folder = expanded(config.baselines)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"baselines={folder}: is a file; name a folder")
    if config.action is Action.save:
        print(save(_given("name", config.name), _given("run", config.run), folder, config.force))
    elif config.action is Action.show:
        print(show(read_baseline(baseline_path(_given("name", config.name), folder))))
    else:
        print(listing(folder).text())
    return 0


def save(name: str, run: str, folder: Path, force: bool) -> Path:
    """Saves a run as a baseline and returns its file.

    Raises UsageError for a name that cannot be a file's, for an existing one unless `force` is
    given, and for an unfinished run.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UsageError(f"name={name}: use letters, digits, '.', '-' and '_' only")
    path = folder / f"{name}.json"
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; choose another name, or force=true to replace")
    write_baseline(path, RunDirectory(expanded(run)))
    return path


def listing(folder: Path) -> Table:
    """The baselines of a folder, by name."""
    found = [read_baseline(path) for path in sorted(folder.glob("*.json"))]
    return Table(
        "baselines",
        f"Baselines in {folder}/, pass rate in % [95 % interval]",
        (
            Column("name", "name"),
            Column("model", "model"),
            Column("benchmark", "benchmark"),
            Column("samples", "samples", Kind.count),
            Column("pass_rate", "pass rate", Kind.rate),
        ),
        tuple(
            (
                baseline.source,
                baseline.model,
                baseline.benchmark.name,
                len(baseline.verdicts),
                pass_rate(baseline),
            )
            for baseline in found
        ),
    )


def show(baseline: Run) -> str:
    """A baseline's figures, overall and by category, and its settings."""
    settings = [f"  {key}: {value}" for key, value in sorted(baseline.manifest.identity.items())]
    return "\n".join([categories(baseline).text(), "", "settings", *settings])


def categories(baseline: Run) -> Table:
    names = [problem.category for problem in baseline.problems]
    rows = [("all", len(names), pass_rate(baseline))]
    for category in dict.fromkeys(names):
        members = [i for i, name in enumerate(names) if name == category]
        rows.append((category, len(members), pass_rate(baseline, members)))
    return Table(
        "baseline",
        f"{baseline.source}: {baseline.model} on {baseline.benchmark.name}, "
        f"scorer {baseline.scorer}, pass rate in % [95 % interval]",
        (
            Column("category", "category"),
            Column("problems", "problems", Kind.count),
            Column("pass_rate", "pass rate", Kind.rate),
        ),
        tuple(rows),
    )


def pass_rate(baseline: Run, problems: list[int] | None = None) -> Estimate:
    """The pass rate over some problems (by number), or over all of them."""
    rates = problem_rates(baseline)[:, 0]
    return estimate(rates if problems is None else rates[problems])


def _given(key: str, value: str | None) -> str:
    if value is None:
        raise UsageError(f"{key}: this action needs it; give {key}=…")
    return value


if __name__ == "__main__":
    main()
