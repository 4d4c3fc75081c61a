"""Tables for the terminal: aligned, values under values and intervals under intervals."""

from __future__ import annotations

from collections.abc import Sequence

from mtpb.tables.cells import Column, Kind, Written, column_groups
from mtpb.tables.text import clean, width


def text(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[Written]], notes: Sequence[str]
) -> str:
    """The table's lines, without a newline after the last."""
    by_column = list(zip(*rows, strict=True)) or [() for _ in columns]
    cells = [_aligned(cells, column) for cells, column in zip(by_column, columns, strict=True)]
    widths = [
        max(width(line) for line in (clean(column.label), *lines))
        for column, lines in zip(columns, cells, strict=True)
    ]
    for group, members in column_groups(columns):  # the heading may be wider than what it heads
        wide = sum(widths[i] for i in members) + 2 * (len(members) - 1)
        widths[members[-1]] += max(0, width(clean(group)) - wide)
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    head = [clean(column.label) for column in columns]
    lines = [clean(title), rule]
    if any(column.group for column in columns):
        lines.append(_group_line(columns, widths))
    lines += [_line(head, widths, columns), rule]
    lines += [_line(row, widths, columns) for row in zip(*cells, strict=True)]
    lines += [rule, *(clean(note) for note in notes)]
    return "\n".join(line.rstrip() for line in lines)


def _aligned(cells: Sequence[Written], column: Column) -> list[str]:
    """A column's cells, with all values padded to one width and all intervals to another."""
    if column.kind is Kind.text:
        return [clean(cell.marked) for cell in cells]
    wide = max((width(cell.value) for cell in cells), default=0)
    ends = max((width(end) for cell in cells for end in cell.ends or ()), default=0)
    room = max((width(cell.mark) for cell in cells), default=0)
    return [
        _pad(cell.value, wide, right=True)
        + _pad(cell.mark, room, right=False)
        + _interval(cell, ends)
        for cell in cells
    ]


def _interval(cell: Written, room: int) -> str:
    """The interval with both ends padded to `room` columns, or as many spaces if there is none."""
    if not room:
        return ""
    if cell.ends is None:
        return " " * (2 * room + 5)
    low, high = (_pad(end, room, right=True) for end in cell.ends)
    return f" [{low}, {high}]"


def _line(cells: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    return "  ".join(
        _pad(cell, room, right=column.kind is not Kind.text)
        for cell, room, column in zip(cells, widths, columns, strict=True)
    )


def _group_line(columns: Sequence[Column], widths: Sequence[int]) -> str:
    pieces = []
    for group, members in column_groups(columns):
        room = sum(widths[i] for i in members) + 2 * (len(members) - 1)
        pieces.append(_pad(clean(group), room, right=False))
    return "  ".join(pieces)


def _pad(cell: str, room: int, *, right: bool) -> str:
    space = " " * (room - width(cell))
    return space + cell if right else cell + space
