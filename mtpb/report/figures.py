"""Figures for papers: SVG and PNG of one column's width, distinguishable without colour.

Colours are those of Okabe and Ito; series also differ in marker and dash. Error bars are 95 %
intervals. matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtpb.report.formats import pairs
from mtpb.report.lengths import bins_only
from mtpb.report.passk import best_cell, models_of
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.manifest import data_order
from mtpb.tables import MARK, Cell, Column, Estimate, Partial, Table, clean, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH, HEIGHT = 3.35, 2.4  # inches: one column of a two-column paper
INK = "#010203"  # a placeholder for the text's colour, which the page's theme sets

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK, "#999999")
_MARKERS = "osD^vPX*"
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
_LOOK: dict[Any, Any] = {
    "text.parse_math": False,  # names are not formulas
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#808080",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "svg.hashsalt": "mtpb",  # the same figure gives the same file
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing; `name` is its file's stem, `draw` draws into the axes, `height` is in inches."""

    name: str
    title: str
    draw: Callable[[Axes], None]
    height: float = HEIGHT

    def svg(self, *, themed: bool = False) -> str:
        """An SVG; with `themed`, text stays text and has the colour of the surrounding page."""
        if not themed:
            return self._rendered("svg", "path", "black").decode()
        drawn = self._rendered("svg", "none", INK).decode()
        return drawn[drawn.index("<svg") :].replace(INK, "currentColor")

    def png(self) -> bytes:
        return self._rendered("png", "path", "black")

    def _rendered(self, kind: str, fonts: str, ink: str) -> bytes:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        inked = {f"{part}.color": ink for part in ("text", "xtick", "ytick")}
        look = (
            _LOOK | inked | {"svg.fonttype": fonts, "axes.labelcolor": ink, "axes.edgecolor": ink}
        )
        with pyplot.rc_context(look):
            canvas, axes = pyplot.subplots(figsize=(WIDTH, self.height), layout="constrained")
            try:
                self.draw(axes)
                _legend(canvas, axes, self.height)
                return _saved(canvas, kind)
            finally:
                pyplot.close(canvas)


def _legend(canvas: Canvas, axes: Axes, height: float) -> None:
    """Puts the legend below the drawing and makes the canvas higher by the legend's lines."""
    if any(label.endswith(MARK) for label in axes.get_legend_handles_labels()[1]):
        axes.plot([], [], linestyle="none", label=f"{MARK} unfinished run")
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels), default=0)
    columns = 4 if longest < 7 else 3 if longest < 11 else 2 if longest < 26 else 1
    lines = -(-len(labels) // columns)
    if labels:
        canvas.set_figheight(height + 0.14 * lines)
        canvas.legend(handles, labels, loc="outside lower center", ncols=columns)


def _saved(canvas: Canvas, kind: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
    canvas.savefig(file, format=kind, dpi=300, transparent=kind == "svg", metadata=metadata)
    return file.getvalue()


def by_size(suite: SuiteRuns) -> Figure:
    """Pass rate (pass@1) by number of parameters, a line for each data variant."""
    series: dict[str, list[tuple[float, Cell]]] = {}
    for runs in models_of(suite.runs if suite.has_tests else suite.best):
        if runs[0].parameters:
            point = (runs[0].parameters, best_cell(runs, 1))
            series.setdefault(runs[0].data, []).append(point)

    sizes = {float(run.parameters): clean(run.size) for run in suite.runs if run.parameters}

    def draw(axes: Axes) -> None:
        for number, data in enumerate(sorted(series, key=data_order)):
            shift = 1.04 ** (number - (len(series) - 1) / 2)  # so that error bars do not overlap
            points = sorted(series[data], key=lambda point: point[0])
            _points(axes, [(x * shift, cell) for x, cell in points], data, number)
        _log_axis(axes, "parameters", sizes)
        _percent(axes, "pass@1, %" if suite.has_tests else "pass rate, %")

    return Figure(f"{suite.name}-by-size", f"{suite.label}: pass rate by size", draw)


def by_k(suite: SuiteRuns) -> Figure:
    """pass@k by k, each at its best temperature."""
    models = models_of(suite.of_format(suite.main_format))

    def draw(axes: Axes) -> None:
        for number, runs in enumerate(models):
            most = max(run.samples_per_case for run in runs)
            ks = sorted({k for k in (1, 2, 5, 10, 20, 50, 100) if k <= most} | {most})
            shift = 1.03 ** (number - (len(models) - 1) / 2)
            points = [(k * shift, best_cell(runs, k)) for k in ks]
            _points(axes, points, clean(runs[0].model), number)
        _log_axis(axes, "k", {k: f"{k:g}" for k in (1, 2, 5, 10, 20, 50, 100) if k <= most})
        _percent(axes, "pass@k, %")

    return Figure(f"{suite.name}-by-k", f"{suite.label}: pass@k", draw)


def by_column(table: Table, name: str, label: str, axis: str) -> Figure:
    """A table of models × groups as a figure: groups on the axis, a series for each model."""
    groups = table.columns[1:]

    def draw(axes: Axes) -> None:
        width = 0.5 / max(len(table.rows), 1)
        for number, (model, *cells) in enumerate(table.rows):
            shift = (number - (len(table.rows) - 1) / 2) * width
            points = [
                (place + shift, cell)
                for place, cell in enumerate(cells)
                if isinstance(plain(cell), Estimate)
            ]
            _points(axes, points, clean(str(model)), number)
        axes.set_xticks(range(len(groups)), [_short(column) for column in groups])
        axes.set_xlabel(axis)
        _percent(axes, label)

    return Figure(name, table.title, draw)


def _short(column: Column) -> str:
    label = clean(column.label).replace(" turns", "").replace(" turn", "")
    return _plain(label.replace("–", "–\n") if column.group == "tokens" else label)


def _points(axes: Axes, points: Sequence[tuple[float, Cell]], label: str, number: int) -> None:
    """Draws a series: points joined by a line, with intervals as error bars. Points from unfinished
    runs are marked, and so is the label."""
    _series(axes, points, label, number, upright=True)


def row_points(axes: Axes, points: Sequence[tuple[float, Cell]], label: str, number: int) -> None:
    """Draws a series of rows: figures along the x axis with their intervals, not joined."""
    _series(axes, points, label, number, upright=False)


def _series(
    axes: Axes, points: Sequence[tuple[float, Cell]], label: str, number: int, *, upright: bool
) -> None:
    known = []
    for place, cell in points:
        figure = plain(cell)
        if not isinstance(figure, Estimate) or figure.value is None:
            continue
        known.append((place, figure))
        if isinstance(cell, Partial):
            at = (place, 100 * figure.value) if upright else (100 * figure.value, place)
            axes.annotate(MARK, at, xytext=(3, 3), textcoords="offset points")
            label = label.removesuffix(MARK) + MARK
    if not known:
        return
    places = [place for place, _ in known]
    values = np.array([100 * (e.value or 0) for _, e in known])
    lows = np.array([100 * (e.value if e.low is None else e.low) for _, e in known])  # type: ignore[operator]
    highs = np.array([100 * (e.value if e.high is None else e.high) for _, e in known])  # type: ignore[operator]
    errors = np.clip([values - lows, highs - values], 0, None)
    dash = _DASHES[(number + number // len(_COLOURS)) % len(_DASHES)]
    axes.errorbar(
        *((places, values) if upright else (values, places)),
        **({"yerr": errors, "linestyle": dash} if upright else {"xerr": errors, "linestyle": ""}),
        label=_plain(label),
        color=_COLOURS[number % len(_COLOURS)],
        marker=_MARKERS[number % len(_MARKERS)],
        elinewidth=0.8,
        capsize=1.5,
        clip_on=False,  # markers at 0 and 100 are not cut
    )


def _plain(text: str) -> str:
    """The label in a form that matplotlib shows: it hides labels that start with an underscore."""
    return "\u200b" + text if text.startswith("_") else text


def _log_axis(axes: Axes, label: str, ticks: Mapping[float, str]) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.margins(x=0.08)


def _percent(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    if axes.dataLim.ymin >= 0:
        axes.set_ylim(bottom=0)
    else:
        axes.axhline(0, color=INK, linewidth=0.6)


def _shortened(label: str) -> str:
    """At most 26 characters: the beginning and the end."""
    return label if len(label) <= 26 else f"{label[:12]}…{label[-13:]}"


def percent_axis(axes: Axes, rows: Sequence[str]) -> None:
    """Percent along the x axis, and the names of rows, the first at the top."""
    axes.set_yticks(range(len(rows)), [_plain(_shortened(clean(row))) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("pass rate, %")
    axes.set_xlim(left=0)


def figures_of(suite: SuiteRuns, tables: Mapping[str, Table]) -> list[Figure]:
    """The figures of a suite; `tables` are its tables by name."""
    drawn = [by_size(suite)] if any(run.parameters for run in suite.runs) else []
    if any(run.samples_per_case > 1 for run in suite.of_format(suite.main_format)):
        drawn.append(by_k(suite))
    if lengths := tables.get(f"{suite.name}-lengths"):
        name = f"{suite.name}-lengths"
        drawn.append(by_column(bins_only(lengths), name, "samples, %", "generated tokens"))
    if suite.has_tests:
        return drawn
    turns = tables[f"{suite.name}-by-turns"]
    drawn.append(by_column(turns, f"{suite.name}-by-turns", "pass rate, %", "turns (problems)"))
    gains = tables.get(f"{suite.name}-gain-by-difficulty")
    if gains is not None and pairs(suite):
        name = f"{suite.name}-gain-by-difficulty"
        drawn.append(by_column(gains, name, "multi − single, points", "difficulty (problems)"))
    return drawn
