"""The leaderboard: models × suites with intervals, as a table and as a figure.

Suites that runs asked whole come first; parts of suites are a table of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtpb.report.figures import HEIGHT, Figure, percent_axis, row_points
from mtpb.report.passk import best_cell, models_of
from mtpb.report.runs import SuiteRuns
from mtpb.tables import Cell, Column, Estimate, Kind, Table, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOTE = (
    "Pass rate by the runs' own scorer (pass@1 of suites with tests), each model at its best "
    "temperature; multi-turn where a suite has both formats. Sorted by the first column."
)
_PARTS = "Figures of parts of suites are not comparable with those of whole suites."


def leaderboards(suites: Sequence[SuiteRuns]) -> tuple[list[Table], list[Figure]]:
    """The table of whole suites with its figure, then the table of parts; each if it has rows."""
    whole = [suite for suite in suites if not suite.is_part]
    parts = [suite for suite in suites if suite.is_part]
    tables, figures = [], []
    if whole:
        tables.append(_table("leaderboard", "Leaderboard: pass rates, % [95 % interval]", whole))
        figures.append(_figure(tables[0]))
    if parts:
        title = "Leaderboard of parts of suites: pass rates, % [95 % interval]"
        tables.append(_table("leaderboard-parts", title, parts, _PARTS))
    return tables, figures


def _table(name: str, title: str, suites: Sequence[SuiteRuns], *notes: str) -> Table:
    rows: dict[str, list[Cell]] = {}
    for place, suite in enumerate(suites):
        for runs in models_of(suite.runs if suite.has_tests else suite.best):
            row = rows.setdefault(runs[0].model, [None] * len(suites))
            row[place] = best_cell(runs, 1)
    columns = (Column(suite.name, suite.label, Kind.rate) for suite in suites)
    ranked = sorted(rows.items(), key=lambda row: [-_value(cell) for cell in row[1]])
    return Table(
        name,
        title,
        (Column("model", "model"), *columns),
        tuple((model, *cells) for model, cells in ranked),
        (_NOTE, *notes),
    )


def _value(cell: Cell) -> float:
    """The figure of a cell; below all figures where there is none."""
    figure = plain(cell)
    return figure.value if isinstance(figure, Estimate) and figure.value is not None else -1.0


def _figure(table: Table) -> Figure:
    """The table as points with intervals: a row for each model, a series for each suite."""
    models = [str(row[0]) for row in table.rows]

    def draw(axes: Axes) -> None:
        suites = len(table.columns) - 1
        for number, column in enumerate(table.columns[1:]):
            shift = (number - (suites - 1) / 2) * 0.5 / max(suites, 1)
            points = [(place + shift, row[number + 1]) for place, row in enumerate(table.rows)]
            row_points(axes, points, column.label, number)
        percent_axis(axes, models)

    height = HEIGHT * max(1.0, (len(models) + 3) / 9)
    return Figure("leaderboard", "Pass rates of all models", draw, height)
