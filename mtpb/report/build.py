"""Makes a report from run directories and writes it into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mtpb.cli.ending import say
from mtpb.config.report import PageLimits, Thresholds
from mtpb.errors import UsageError
from mtpb.report import formats, lengths, moved, passk, passrate
from mtpb.report.attempts import attempts
from mtpb.report.figures import Figure, figures_of
from mtpb.report.front.changes import changes_table
from mtpb.report.front.leaderboard import leaderboards
from mtpb.report.front.settings import runs_table
from mtpb.report.page.content import Report
from mtpb.report.page.write import write_page
from mtpb.report.passrate import Grouping
from mtpb.report.published import Published
from mtpb.report.runs import SuiteRuns, described, find_runs, suites_of, to_show
from mtpb.rundir.run import Run
from mtpb.tables import MARK, Column, Kind, Table, clean, latex_document


@dataclass(frozen=True, slots=True)
class Options:
    """`reference` is the model, or the run's directory, whose pass rates say which problems are
    easy or hard; None is the best run of each suite. `partial` includes unfinished runs, marked.
    `before` are runs of an earlier report, which are compared with and not shown."""

    published: Published = field(default_factory=Published)
    thresholds: Thresholds = field(default_factory=Thresholds)
    reference: str | None = None
    html: bool = True
    figures: bool = True
    limits: PageLimits = field(default_factory=PageLimits)
    partial: bool = False
    before: tuple[Run, ...] = ()


def report(runs: Sequence[Run], options: Options) -> Report:
    """The tables and figures of these runs.

    Unfinished runs are left out or, with `options.partial`, marked; a table of their own lists
    them. Raises UsageError if no run remains, or if the reference is not among them.
    """
    candidates = to_show(runs, options.partial)
    suites = suites_of(candidates)
    check_reference(suites, options.reference)
    tables, figures = leaderboards(suites)
    shown = [run for suite in suites for run in suite.runs]
    tables = [noted(table, shown) for table in tables]
    changes = changes_table(shown, [*options.before, *candidates])
    if changes.rows:
        tables.append(noted(changes, shown))
    tables.append(runs_table(runs))
    for suite in suites:
        own = {table.name: table for table in suite_tables(suite, options)}
        tables += own.values()
        figures += figures_of(suite, own)
    tables.append(noted(passrate.cost(suites).trimmed(), [r for s in suites for r in s.runs]))
    unfinished = [run for run in runs if not run.finished]
    if unfinished:
        tables.append(unfinished_table(unfinished, options.partial))
    return Report(tuple(runs), suites, tuple(tables), tuple(figures))


def unfinished_table(runs: Sequence[Run], shown: bool) -> Table:
    """The unfinished runs: how many samples are judged, and whether the report has them."""
    treatment = (
        f"their numbers are marked {MARK}"
        if shown
        else "left out of all other tables and figures; partial=true shows them, marked"
    )
    return Table(
        "unfinished",
        f"Unfinished runs: {treatment}",
        (
            Column("run", "run"),
            Column("model", "model"),
            Column("suite", "suite"),
            Column("judged", "judged", Kind.count),
            Column("planned", "of samples", Kind.count),
        ),
        tuple(
            (run.source, run.model, run.benchmark.name, run.judged, run.manifest.planned)
            for run in runs
        ),
        ("The command that started a run finishes it.",),
    )


def noted(table: Table, runs: Sequence[Run]) -> Table:
    """The table with a note that names the unfinished runs behind its marked numbers."""
    if not table.partial:
        return table
    marked = [f"{described(run)} ({run.extent})" for run in runs if not run.finished]
    return replace(table, notes=(*table.notes, f"{MARK} Unfinished: {'; '.join(marked)}."))


def suite_tables(suite: SuiteRuns, options: Options) -> list[Table]:
    """The tables of a suite: of pass@k for a function suite, of pass rates for a multi-turn one."""
    reference = suite.reference(options.reference)
    levels = (
        None if reference is None else passrate.by_difficulty(suite, reference, options.thresholds)
    )
    if suite.has_tests:
        tables = [passk.grid(suite), passk.temperatures(suite, options.published)]
    else:
        tables = [passrate.scorers(suite, options.published)]
        if any(case.mended for problem in suite.problems for case in problem.cases):
            tables.append(moved.moved(suite))
        if formats.pairs(suite):
            tables.append(formats.formats(suite, options.published))
            if levels:
                tables.append(formats.gains(suite, levels))
    tables += [passrate.groups(suite, grouping) for grouping in groupings(suite, levels)]
    if any(run.manifest.max_turns > 1 for run in suite.best):
        tables.append(attempts(suite.name, suite.label, suite.best))
    tables.append(passrate.failures(suite))
    measured = lengths.lengths(suite)
    if measured.rows:
        tables.append(measured)
    return [noted(table.trimmed(), suite.runs) for table in tables]


def groupings(suite: SuiteRuns, levels: Grouping | None) -> list[Grouping]:
    """How problems are grouped: by number of turns, by measured and stated difficulty, and by
    category, as far as the problems differ in them."""
    stated = passrate.by_key(suite, "difficulty", "stated difficulty")
    category = passrate.by_key(suite, "category")
    return [
        *([] if suite.has_tests else [passrate.by_turns(suite)]),
        *([levels] if levels and levels.of else []),
        *([stated] if stated.of else []),
        *([category] if len(set(category.of.values())) > 1 else []),
    ]


def write_report(patterns: str | Sequence[str], output: Path, options: Options) -> Report:
    """Writes tables/, figures/ and index.html into the output folder.

    Raises UsageError if no run is found or none is finished, or if the reference is not among them.
    """
    made = report(find_runs(patterns), options)
    write_tables(made.tables, output / "tables")
    if options.figures:
        write_figures(made.figures, output / "figures")
    if options.html:
        page = output / "index.html"
        omission = write_page(made, page, options.limits)
        made = replace(made, omission=omission)
    return made


def check_reference(suites: Sequence[SuiteRuns], reference: str | None) -> None:
    """Warns of suites without a run of the reference. Raises UsageError if no suite has one."""
    missing = [suite.label for suite in suites if suite.reference(reference) is None]
    if len(missing) == len(suites):
        names = sorted({run.model for suite in suites for run in suite.best})
        raise UsageError(
            f"difficulty.reference={reference}: not among the runs of this report; name a model "
            f"({', '.join(names)}), a run's directory, or null for the best model"
        )
    for label in missing:
        say(clean(f"warning: {label} has no tables by difficulty: no run of {reference}"))


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        for name, content in table.files().items():
            (folder / name).write_text(content, encoding="utf-8")
    document = latex_document(table.name for table in tables)
    (folder / "tables.tex").write_text(document, encoding="utf-8")


def write_figures(figures: Sequence[Figure], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (folder / f"{figure.name}.svg").write_text(figure.svg(), encoding="utf-8")
        (folder / f"{figure.name}.png").write_bytes(figure.png())
