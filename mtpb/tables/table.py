"""A table as data, and the forms in which it is written.

`text` is for the terminal, `markdown` and `latex` for documents, `csv` and `json` for programs;
the last two keep full precision. Names of models and problems may hold anything, so every form
escapes what it writes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mtpb.tables.cells import Cell, Column, Estimate, Partial, Plain, Written, plain, write_cell
from mtpb.tables.documents import latex, markdown
from mtpb.tables.terminal import text
from mtpb.tables.text import clean


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is a file name's stem; `rows` are as long as `columns`; `notes` stand below."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal, without a newline after the last line."""
        return text(self.title, self.columns, self.written(), self.notes)

    def markdown(self) -> str:
        return markdown(self.title, self.columns, self.written(), self.notes)

    def latex(self) -> str:
        """A `table` environment for booktabs; compiles with pdflatex whatever the cells hold."""
        caption = ". ".join([self.title, *self.notes]).replace("..", ".")
        return latex(self.name, caption, self.columns, self.written())

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

    def files(self) -> dict[str, str]:
        """The table in every form but the terminal's, by file name."""
        return {
            f"{self.name}.md": self.markdown(),
            f"{self.name}.tex": self.latex(),
            f"{self.name}.csv": self.csv(),
            f"{self.name}.json": self.json(),
        }

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
        """Every cell as readers see it, row by row."""
        return [
            [write_cell(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def trimmed(self) -> Table:
        """The table without the columns whose cells are all unknown."""
        columns = zip(self.columns, self._by_column(), strict=True)
        kept = [(c, cells) for c, cells in columns if any(map(_known, cells)) or not cells]
        rows = tuple(zip(*(cells for _, cells in kept), strict=True))
        return replace(self, columns=tuple(column for column, _ in kept), rows=rows)

    def _by_column(self) -> list[tuple[Cell, ...]]:
        return list(zip(*self.rows, strict=True)) or [() for _ in self.columns]


def _known(cell: Cell) -> bool:
    bare = plain(cell)
    return (bare.value if isinstance(bare, Estimate) else bare) is not None


def _spread(cell: Plain) -> tuple[Plain, Plain, Plain]:
    if isinstance(cell, Estimate):
        return cell.value, cell.low, cell.high
    return clean(cell) if isinstance(cell, str) else cell, None, None


# --- terminal
