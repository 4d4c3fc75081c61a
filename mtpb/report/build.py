"""Everything that a report is, made from run directories into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtpb.errors import UsageError
from mtpb.report import formats, passk, passrate
from mtpb.report.figures import Figure, figures_of
from mtpb.report.pages import write_page
from mtpb.report.passrate import Difficulty, Thresholds
from mtpb.report.published import Published
from mtpb.report.runs import Run, Suite, find_runs, suites_of
from mtpb.tables import Table, latex_document, write_all


@dataclass(frozen=True, slots=True)
class Options:
    """`reference` names the run that tells easy problems from hard ones; None: all runs' mean."""

    published: Published = field(default_factory=Published)
    thresholds: Thresholds = field(default_factory=Thresholds)
    reference: str | None = None
    html: bool = True
    figures: bool = True
    max_samples: int = 20_000


@dataclass(frozen=True, slots=True)
class Report:
    """What was made, still in memory."""

    suites: tuple[Suite, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def report(runs: Sequence[Run], options: Options) -> Report:
    """The tables and figures that these runs allow."""
    suites = suites_of(runs)
    tables: list[Table] = []
    figures: list[Figure] = []
    for suite in suites:
        own = {table.name: table for table in suite_tables(suite, options)}
        tables += own.values()
        figures += figures_of(suite, own)
    return Report(suites, (*tables, passrate.cost(suites).trimmed()), tuple(figures))


def suite_tables(suite: Suite, options: Options) -> list[Table]:
    """A function suite's tables are of pass@k, a multi-turn suite's of pass rates."""
    if suite.has_tests:
        tables = [passk.grid(suite), passk.temperatures(suite, options.published)]
        levels = stated_difficulty(suite)
    else:
        levels = measured_difficulty(suite, options)
        tables = [passrate.scorers(suite, options.published)]
        if formats.pairs(suite):
            tables.append(formats.formats(suite, options.published))
            if levels:
                tables.append(formats.gains(suite, levels))
        tables.append(passrate.groups(suite, "turns", passrate.turns_label))
    if levels:
        tables.append(
            passrate.groups(suite, "difficulty", lambda problem: levels.get(problem["id"]))
        )
    if len({problem["category"] for problem in suite.problems}) > 1:
        tables.append(passrate.groups(suite, "category", lambda problem: problem["category"]))
    tables.append(passrate.failures(suite))
    return [table.trimmed() for table in tables]


def stated_difficulty(suite: Suite) -> Difficulty:
    """What the problems themselves say, where they do."""
    return {p["id"]: p["difficulty"] for p in suite.problems if p["difficulty"]}


def measured_difficulty(suite: Suite, options: Options) -> Difficulty:
    """By the pass rates of the reference run, or of all the suite's runs."""
    runs = suite.runs
    if options.reference is not None:
        wanted = Path(options.reference).resolve()
        runs = tuple(run for run in runs if run.directory.path.resolve() == wanted)
    return passrate.difficulty(suite, runs, options.thresholds)


def write_report(patterns: str | Sequence[str], output: Path, options: Options) -> Report:
    """Writes tables/, figures/ and index.html into the output folder.

    Raises UsageError where no runs are found or the reference is not among them.
    """
    runs = find_runs(patterns)
    paths = {run.directory.path.resolve() for run in runs}
    if options.reference is not None and Path(options.reference).resolve() not in paths:
        raise UsageError(
            f"difficulty.reference={options.reference}: not among the runs of this report; "
            "name one of their directories"
        )
    made = report(runs, options)
    write_tables(made.tables, output / "tables")
    if options.figures:
        write_figures(made.figures, output / "figures")
    if options.html:
        write_page(
            made.suites, made.tables, made.figures, output / "index.html", options.max_samples
        )
    return made


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        for name, content in write_all(table).items():
            (folder / name).write_text(content, encoding="utf-8")
    document = latex_document(table.name for table in tables)
    (folder / "tables.tex").write_text(document, encoding="utf-8")


def write_figures(figures: Sequence[Figure], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (folder / f"{figure.name}.svg").write_text(figure.svg(), encoding="utf-8")
        (folder / f"{figure.name}.png").write_bytes(figure.png())
