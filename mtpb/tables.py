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
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """A figure with the ends of its 95 % interval, None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


Plain = str | int | float | bool | Estimate | None


@dataclass(frozen=True, slots=True)
class Partial:
    """A cell that comes from a run which is not finished: it is written with a mark."""

    value: Plain


Cell = Plain | Partial

MARK = "†"


def plain(cell: Cell) -> Plain:
    """The cell without its mark."""
    return cell.value if isinstance(cell, Partial) else cell


def partial(cells: Iterable[Plain]) -> tuple[Cell, ...]:
    """Marks the numbers among the cells as coming from a run which is not finished."""
    return tuple(cell if cell is None or isinstance(cell, str) else Partial(cell) for cell in cells)


class Kind(Enum):
    """What a column's values are, and so how they are written. Rates are fractions."""

    text = "text"
    count = "count"
    number = "number"  # two decimals
    rate = "rate"  # a fraction, shown in percent
    difference = "difference"  # of two rates, shown in percentage points with its sign
    flag = "flag"  # yes or no


class Written(NamedTuple):
    """A cell as text: its value, the ends of its interval where it has one, and its mark."""

    value: str
    ends: tuple[str, str] | None = None
    mark: str = ""

    @property
    def interval(self) -> str:
        return f"[{self.ends[0]}, {self.ends[1]}]" if self.ends else ""

    def __str__(self) -> str:
        return f"{self.marked} {self.interval}".rstrip()

    @property
    def marked(self) -> str:
        return self.value + self.mark


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
        """Figures with intervals take three columns: KEY, KEY_low, KEY_high. Fractions stay so.

        Where some cells come from unfinished runs, a last column, `partial`, has their keys.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        estimates = [
            any(isinstance(plain(cell), Estimate) for cell in column)
            for column in self._by_column()
        ]
        keys = [(c.key, f"{c.key}_low", f"{c.key}_high") for c in self.columns]
        head = [
            name
            for key, three in zip(keys, estimates, strict=True)
            for name in key[: 1 + 2 * three]
        ]
        writer.writerow([*head, "partial"] if self.partial else head)
        for row in self.rows:
            values = [
                value
                for cell, three in zip(row, estimates, strict=True)
                for value in _spread(plain(cell))[: 1 + 2 * three]
            ]
            writer.writerow([*values, " ".join(self._marked(row))] if self.partial else values)
        return file.getvalue()

    def json(self) -> str:
        return json.dumps(self.to_json(), indent=1) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Rows as objects; a figure with an interval is `{"value", "low", "high"}`.

        A row with cells from unfinished runs has their keys under `partial`.
        """
        return {
            "name": self.name,
            "title": self.title,
            "columns": [
                {"key": c.key, "label": c.label, "kind": c.kind.value, "group": c.group}
                for c in self.columns
            ],
            "rows": [self._row_json(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def _row_json(self, row: Sequence[Cell]) -> dict[str, Any]:
        values = {
            column.key: value._asdict() if isinstance(value, Estimate) else value
            for column, value in zip(self.columns, map(plain, row), strict=True)
        }
        marked = self._marked(row)
        return {**values, "partial": marked} if marked else values

    def _marked(self, row: Sequence[Cell]) -> list[str]:
        """Keys of the row's cells that come from unfinished runs."""
        return [
            c.key for c, cell in zip(self.columns, row, strict=True) if isinstance(cell, Partial)
        ]

    @property
    def partial(self) -> bool:
        """Whether some cells come from unfinished runs."""
        return any(isinstance(cell, Partial) for row in self.rows for cell in row)

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
    bare = plain(cell)
    value, low, high = bare if isinstance(bare, Estimate) else (bare, None, None)
    if value is None:
        return Written("–")
    write, mark = _WRITERS[kind], MARK if isinstance(cell, Partial) else ""
    if low is None or high is None:
        return Written(write(value), None, mark)
    return Written(write(value), (write(low), write(high)), mark)


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
    bare = plain(cell)
    return (bare.value if isinstance(bare, Estimate) else bare) is not None


def _spread(cell: Plain) -> tuple[Plain, Plain, Plain]:
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
        return [clean(cell.marked) for cell in cells]
    wide = max((_width(cell.value) for cell in cells), default=0)
    ends = max((_width(end) for cell in cells for end in cell.ends or ()), default=0)
    room = max((_width(cell.mark) for cell in cells), default=0)
    return [
        _pad(cell.value, wide, right=True)
        + _pad(cell.mark, room, right=False)
        + _interval(cell, ends)
        for cell in cells
    ]


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
    return _tex(cell.marked) + interval


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
    "†": r"\textdagger{}",
    "[": "{[}",  # after a line's end a bare bracket would be read as an optional argument
    "]": "{]}",
    **{c: "\\" + c for c in "&%$#_"},
}


def _tex(text: str) -> str:
    """Text for LaTeX; letters beyond Latin-1 that it may have no glyph for become U+ numbers."""
    return "".join(_TEX.get(c) or (c if ord(c) < 0x100 else f"U+{ord(c):04X}") for c in clean(text))
