"""The cells of a table: their values, the kinds of columns, and how each kind is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import Any, NamedTuple, Protocol

MARK = "†"


class Estimate(NamedTuple):
    """A figure with the ends of its 95 % interval, None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


Plain = str | int | float | bool | Estimate | None


@dataclass(frozen=True, slots=True)
class Partial:
    """A cell that comes from an unfinished run; it is written with a mark."""

    value: Plain


Cell = Plain | Partial


def plain(cell: Cell) -> Plain:
    """The cell without its mark."""
    return cell.value if isinstance(cell, Partial) else cell


def partial(cells: Iterable[Plain]) -> tuple[Cell, ...]:
    """Marks the numbers among the cells as coming from an unfinished run."""
    return tuple(cell if cell is None or isinstance(cell, str) else Partial(cell) for cell in cells)


class Kind(Enum):
    """What a column's values are, which decides how they are written. Rates are fractions."""

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


def write_cell(cell: Cell, kind: Kind) -> Written:
    """A cell as readers see it; a dash where the value is unknown."""
    bare = plain(cell)
    value, low, high = bare if isinstance(bare, Estimate) else (bare, None, None)
    if value is None:
        return Written("–")
    write, mark = _WRITERS[kind], MARK if isinstance(cell, Partial) else ""
    if low is None or high is None:
        return Written(write(value), None, mark)
    return Written(write(value), (write(low), write(high)), mark)


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


def column_groups(columns: Sequence[Column]) -> list[tuple[str, list[int]]]:
    """Neighbours of the same group, as indices; columns of no group stand alone."""
    numbered = list(enumerate(columns))
    return [
        (group, [i for i, _ in members])
        for (group, _), members in (
            (key, list(found))
            for key, found in groupby(numbered, key=lambda n: (n[1].group, n[1].group or n[0]))
        )
    ]


class Origin(Protocol):
    """What cells are computed from, such as a run; it may not be finished."""

    @property
    def finished(self) -> bool: ...


def marked(cells: Sequence[Plain], *origins: Origin | None) -> tuple[Cell, ...]:
    """The cells, their numbers marked if one of their origins is not finished."""
    if all(origin is None or origin.finished for origin in origins):
        return tuple(cells)
    return partial(cells)
