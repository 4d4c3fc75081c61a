"""Tables as data, and the forms in which people want them.

A table knows nothing of where it is shown: cells are values, and a column says of what kind they
are. `text` is for the terminal, `markdown` and `latex` (booktabs) for documents, `csv` and `json`
for programs; the last two keep full precision. Names of models and problems may hold anything,
so every form escapes what it prints.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from mtpb.errors import UsageError
from mtpb.store import RunDirectory


class Estimate(NamedTuple):
    """A figure with the ends of its 95 % interval, None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


Cell = str | int | float | bool | Estimate | None


class Kind(Enum):
    """What a column's values are, and so how they are written. Rates are fractions."""

    text = "text"
    count = "count"
    number = "number"  # two decimals
    rate = "rate"  # a fraction, shown in percent
    difference = "difference"  # of two rates, shown in percentage points with its sign
    flag = "flag"  # yes or no


class Written(NamedTuple):
    """A cell as text: its value, and the ends of its interval where it has one."""

    value: str
    ends: tuple[str, str] | None = None

    @property
    def interval(self) -> str:
        return f"[{self.ends[0]}, {self.ends[1]}]" if self.ends else ""

    def __str__(self) -> str:
        return f"{self.value} {self.interval}".rstrip()


@dataclass(frozen=True, slots=True)
class Column:
    """`key` names the column for programs, `label` for readers; `group` is a heading above it."""

    key: str
    label: str
    kind: Kind = Kind.text
    group: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is a file name's stem; `rows` are as long as `columns`; `notes` stand below."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal: aligned, values under values and intervals under intervals."""
        return _text(self)

    def markdown(self) -> str:
        head = [_markdown(_heading(column)) for column in self.columns]
        marks = ["---" if column.kind is Kind.text else "---:" for column in self.columns]
        body = [[_markdown(f"{cell}") for cell in row] for row in self.written()]
        lines = ["| " + " | ".join(row) + " |" for row in (head, marks, *body)]
        notes = "".join(f"\n{_markdown(note)}\n" for note in self.notes)
        return f"### {_markdown(self.title)}\n\n" + "\n".join(lines) + "\n" + notes

    def latex(self) -> str:
        """A `table` environment for booktabs; compiles with pdflatex whatever the cells hold."""
        return _latex(self)

    def csv(self) -> str:
        """Figures with intervals take three columns: KEY, KEY_low, KEY_high. Fractions stay so."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        estimates = [
            any(isinstance(cell, Estimate) for cell in column) for column in self._by_column()
        ]
        keys = [(c.key, f"{c.key}_low", f"{c.key}_high") for c in self.columns]
        writer.writerow(
            name
            for key, three in zip(keys, estimates, strict=True)
            for name in key[: 1 + 2 * three]
        )
        for row in self.rows:
            writer.writerow(
                value
                for cell, three in zip(row, estimates, strict=True)
                for value in _spread(cell)[: 1 + 2 * three]
            )
        return file.getvalue()

    def json(self) -> str:
        return json.dumps(self.to_json(), indent=1) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Rows as objects; a figure with an interval is `{"value", "low", "high"}`."""
        return {
            "name": self.name,
            "title": self.title,
            "columns": [
                {"key": c.key, "label": c.label, "kind": c.kind.value, "group": c.group}
                for c in self.columns
            ],
            "rows": [
                {
                    column.key: cell._asdict() if isinstance(cell, Estimate) else cell
                    for column, cell in zip(self.columns, row, strict=True)
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }

    def written(self) -> list[list[Written]]:
        """Every cell as people read it."""
        return [
            [write_cell(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def trimmed(self) -> Table:
        """The table without the columns in which nothing is known."""
        columns = zip(self.columns, self._by_column(), strict=True)
        kept = [(c, cells) for c, cells in columns if any(map(_known, cells)) or not cells]
        rows = tuple(zip(*(cells for _, cells in kept), strict=True))
        return replace(self, columns=tuple(column for column, _ in kept), rows=rows)

    def _by_column(self) -> list[tuple[Cell, ...]]:
        return list(zip(*self.rows, strict=True)) or [() for _ in self.columns]


def write_cell(cell: Cell, kind: Kind) -> Written:
    """A cell as people read it; a dash where nothing is known."""
    value, low, high = cell if isinstance(cell, Estimate) else (cell, None, None)
    if value is None:
        return Written("–")
    write = _WRITERS[kind]
    if low is None or high is None:
        return Written(write(value))
    return Written(write(value), (write(low), write(high)))


def write_all(table: Table) -> dict[str, str]:
    """The files of a table, by name."""
    return {
        f"{table.name}.md": table.markdown(),
        f"{table.name}.tex": table.latex(),
        f"{table.name}.csv": table.csv(),
        f"{table.name}.json": table.json(),
    }


def latex_document(names: Iterable[str]) -> str:
    """A document that shows the tables of these names, to look at or to take the preamble from."""
    inputs = "\n".join(rf"\input{{{name}.tex}}" for name in names)
    return (
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[utf8]{inputenc}\n"
        "\\usepackage{textcomp}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n"
        "\\usepackage[margin=2cm]{geometry}\n\\extrafloats{100}\n"
        f"\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )


def _known(cell: Cell) -> bool:
    return (cell.value if isinstance(cell, Estimate) else cell) is not None


def _spread(cell: Cell) -> tuple[Cell, Cell, Cell]:
    if isinstance(cell, Estimate):
        return cell.value, cell.low, cell.high
    return clean(cell) if isinstance(cell, str) else cell, None, None


def _heading(column: Column) -> str:
    return f"{column.group} {column.label}".strip()


def _count(value: Any) -> str:
    return f"{value:,}"


_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.text: str,
    Kind.count: _count,
    Kind.number: lambda value: f"{value:,.2f}",
    Kind.rate: lambda value: f"{100 * value:.1f}",
    Kind.difference: lambda value: f"{100 * value:+.1f}".replace("-", "−"),
    Kind.flag: lambda value: "yes" if value else "no",
}


# --- terminal


def _text(table: Table) -> str:
    written = table.written()
    columns = list(zip(*written, strict=True)) or [() for _ in table.columns]
    cells = [_aligned(cells, c) for cells, c in zip(columns, table.columns, strict=True)]
    widths = [
        max(_width(line) for line in (clean(column.label), *lines))
        for column, lines in zip(table.columns, cells, strict=True)
    ]
    for group, members in _groups(table.columns):  # the heading may be wider than what it heads
        wide = sum(widths[i] for i in members) + 2 * (len(members) - 1)
        widths[members[-1]] += max(0, _width(clean(group)) - wide)
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    head = [clean(column.label) for column in table.columns]
    lines = [clean(table.title), rule]
    if any(column.group for column in table.columns):
        lines.append(_group_line(table.columns, widths))
    lines += [_line(head, widths, table.columns), rule]
    lines += [_line(row, widths, table.columns) for row in zip(*cells, strict=True)]
    lines += [rule, *(clean(note) for note in table.notes)]
    return "\n".join(line.rstrip() for line in lines)


def _aligned(cells: Sequence[Written], column: Column) -> list[str]:
    """A column's cells, all figures of one width and all intervals of one width."""
    if column.kind is Kind.text:
        return [clean(cell.value) for cell in cells]
    wide = max((_width(cell.value) for cell in cells), default=0)
    ends = max((_width(end) for cell in cells for end in cell.ends or ()), default=0)
    return [_pad(cell.value, wide, right=True) + _interval(cell, ends) for cell in cells]


def _interval(cell: Written, width: int) -> str:
    if not width:
        return ""
    if cell.ends is None:
        return " " * (2 * width + 5)
    low, high = (_pad(end, width, right=True) for end in cell.ends)
    return f" [{low}, {high}]"


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    return "  ".join(
        _pad(cell, width, right=column.kind is not Kind.text)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    )


def _group_line(columns: Sequence[Column], widths: Sequence[int]) -> str:
    pieces = []
    for group, members in _groups(columns):
        width = sum(widths[i] for i in members) + 2 * (len(members) - 1)
        pieces.append(_pad(clean(group), width, right=False))
    return "  ".join(pieces)


def _groups(columns: Sequence[Column]) -> list[tuple[str, list[int]]]:
    """Neighbours of the same group, as indices; columns of no group stand alone."""
    numbered = list(enumerate(columns))
    return [
        (group, [i for i, _ in members])
        for (group, _), members in (
            (key, list(found))
            for key, found in groupby(numbered, key=lambda n: (n[1].group, n[1].group or n[0]))
        )
    ]


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _width(text: str) -> int:
    """Columns that a terminal gives the text."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def clean(text: str) -> str:
    """The text without what could move a terminal's cursor or break a line: shown as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in text
    )


# --- documents


def _markdown(text: str) -> str:
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_|\[\]~#])", r"\\\1", text)


def _latex(table: Table) -> str:
    head = " & ".join(_tex(column.label) for column in table.columns)
    body = "\n".join(" & ".join(map(_tex_cell, row)) + r" \\" for row in table.written())
    alignment = "".join("l" if column.kind is Kind.text else "r" for column in table.columns)
    tabular = (
        f"\\begin{{tabular}}{{@{{}}{alignment}@{{}}}}\n\\toprule\n"
        f"{_tex_groups(table.columns)}{head} \\\\\n\\midrule\n"
        f"{body}\n\\bottomrule\n\\end{{tabular}}"
    )
    # a table that is wider than the line is shrunk to it; a narrow one keeps its size
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"
    fitted = f"\\resizebox{{{width}}}{{!}}{{%\n{tabular}}}"
    caption = ". ".join([table.title, *table.notes]).replace("..", ".")
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n\\caption{{{_tex(caption)}}}\n"
        f"\\label{{tab:{re.sub('[^a-z0-9-]+', '-', table.name.lower())}}}\n"
        f"\\smallskip\n{fitted}\n\\end{{table}}\n"
    )


def _tex_groups(columns: Sequence[Column]) -> str:
    """The line of headings above the columns' own, ruled off below each."""
    if not any(column.group for column in columns):
        return ""
    cells, rules = [], []
    for group, members in _groups(columns):
        if not group:
            cells.append("")
            continue
        cells.append(f"\\multicolumn{{{len(members)}}}{{c}}{{{_tex(group)}}}")
        rules.append(f"\\cmidrule(lr){{{members[0] + 1}-{members[-1] + 1}}}")
    return " & ".join(cells) + " \\\\\n" + "".join(rules) + "\n"


def _tex_cell(cell: Written) -> str:
    interval = f" {{\\scriptsize {_tex(cell.interval)}}}" if cell.ends else ""
    return _tex(cell.value) + interval


_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "[": "{[}",  # after a line's end a bare bracket would be read as an optional argument
    "]": "{]}",
    **{c: "\\" + c for c in "&%$#_"},
}


def _tex(text: str) -> str:
    """Text for LaTeX; letters beyond Latin-1 that it may have no glyph for become U+ numbers."""
    return "".join(_TEX.get(c) or (c if ord(c) < 0x100 else f"U+{ord(c):04X}") for c in clean(text))


# --- what a run prints


def run_table(manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> Table:
    """One run's figures, a row for each scorer and subset, with how its programs fared below."""
    entries = summary["results"]
    names = [name for name in entries[0]["overall"]["intervals"] if name != "pass@1"]
    rows = [
        (
            entry["scorer"],
            entry["subset"],
            entry["overall"]["samples"],
            *(estimate(entry["overall"], name) for name in names),
        )
        for entry in entries
    ]
    figures = (Column(name, name.replace("_", " "), Kind.rate) for name in names)
    columns = (
        Column("scorer", "scorer"),
        Column("subset", "cases"),
        Column("samples", "samples", Kind.count),
        *figures,
    )
    model, benchmark = manifest["model"], manifest["benchmark"]
    return Table(
        "run",
        f"{model['name'] or 'imported samples'} on {benchmark['name']}, % [95 % interval]",
        columns,
        tuple(rows),
        (_statuses(entries, benchmark["scorer"]),),
    )


def _statuses(entries: Iterable[Mapping[str, Any]], scorer: str) -> str:
    counts = next(e["overall"]["status"] for e in entries if e["scorer"] == scorer)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def estimate(figures: Mapping[str, Any], name: str) -> Estimate:
    """A figure of metrics.json with its interval."""
    low, high = figures["intervals"].get(name) or (None, None)
    return Estimate(figures[name], low, high)


class Place(NamedTuple):
    """A row of the results table; `parameters` sorts the sizes."""

    setting: str
    parameters: int
    size: str


def results_table(results: Path) -> Table:
    """Pass rates of all complete runs in a folder: a row for each suite, setting and size, a column
    for each data variant. Where several runs share a place, the newest is shown. A directory that
    cannot be read is left out with a warning: it must not spoil what others print.
    """
    places: dict[Place, dict[str, Estimate]] = {}
    for run in find_runs(results):
        try:
            manifest = run.manifest()
            figures = _chosen_figures(run, manifest)
            if figures is not None:
                place, data = _place(manifest)
                places.setdefault(place, {})[data] = estimate(figures, "pass_rate")
        except (UsageError, *MISSHAPEN) as error:
            left_out(run, error)
    variants = sorted({data for row in places.values() for data in row}, key=data_order)
    return Table(
        "results",
        f"Pass rates in {results}, % [95 % interval]",
        (
            Column("setting", "suite"),
            Column("size", "size"),
            *(Column(data, data, Kind.rate) for data in variants),
        ),
        tuple(
            (place.setting, place.size, *(row.get(data) for data in variants))
            for place, row in sorted(places.items())
        ),
    )


# what reading JSON of another shape than ours ends with
MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError)


def left_out(run: RunDirectory, error: Exception) -> None:
    """Says on standard error that a run is left out of what is being made."""
    what = str(error) if isinstance(error, UsageError) else f"not as runs are ({error!r})"
    print(clean(f"warning: {run.path} is left out: {what}"), file=sys.stderr)


def _place(manifest: Mapping[str, Any]) -> tuple[Place, str]:
    """Row and column of a run. A model of unknown data stands under its name: sizes may repeat."""
    model = manifest["model"]
    size = model["size"] or ""
    if model["data"] is None:
        size = f"{size} {model['name'] or 'imported'}".strip()
    return Place(_setting(manifest), model["parameters"] or 0, size), model["data"] or "other"


def find_runs(results: Path) -> list[RunDirectory]:
    """The run directories below a folder, the oldest first."""
    manifests = sorted(results.rglob("manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    return [RunDirectory(path.parent) for path in manifests]


def data_order(data: str) -> tuple[int, str]:
    """The paper's order of data variants, others after them."""
    known = ("nl", "multi", "mono")
    return (known.index(data) if data in known else len(known), data)


def _chosen_figures(run: RunDirectory, manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The overall figures by the run's own scorer over all cases; None if it is not complete."""
    if not (run.path / "metrics.json").exists():
        return None
    scorer = manifest["benchmark"]["scorer"]
    for entry in run.metrics()["results"]:
        if (entry["scorer"], entry["subset"]) == (scorer, "all"):
            overall: Mapping[str, Any] = entry["overall"]
            return overall
    return None


def _setting(manifest: Mapping[str, Any]) -> str:
    """What, besides the model, a run's figures depend on, in few words."""
    benchmark, sampling = manifest["benchmark"], manifest.get("sampling") or {}
    words = [benchmark["name"]]
    if benchmark["scorers"] != ["test"]:
        words += [benchmark["scorer"], benchmark["format"].replace("_", "-")]
    if manifest["identity"].get("benchmark.problems"):
        count = len(benchmark["problems"])
        words.append(f"{count} problem{'s' * (count != 1)}")
    if "temperature" in sampling:
        words += [f"T={sampling['temperature']:g}", f"n={sampling['n']}"]
    return ", ".join(words)
