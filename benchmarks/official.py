"""The official scorer: what the scorer released with MTPB says of a program's last print.

Source of the rules: github.com/salesforce/CodeGen, codegen1/benchmark/mtpb_exec.py. Left out are
its accidents between samples (state shared by programs that run in one process, and the guard
that blocks imports for all later ones). `HARNESS` runs next to the program, finds the value and
casts it to the expected type; `mismatch` compares plain data on the trusted side.

How a program ended is not looked at here, and does not matter with two exceptions that are the
caller's: one that ends by `SystemExit` fails, and one that was killed has nothing to compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from pathlib import Path

from benchmarks.plain import NUMBERS, Plain, report, show

HARNESS = Path(__file__).with_name("official_harness.py").read_text(encoding="utf-8")

_FLOAT_TOLERANCE = 1e-6
_SERIES_ABSOLUTE, _SERIES_RELATIVE = 1e-8, 1e-5  # numpy.allclose, which a Series is compared with


def arguments(expected: object) -> Mapping[str, object]:
    """What the harness may know: the expected value's type, by name."""
    return {"expected_type": type(expected).__name__}


def mismatch(value: Plain | None, expected: object) -> str | None:
    """None if the reported value is accepted, else what is wrong with it."""
    kind, payload = report(value)
    if kind == "value":
        return None if _accepted(payload, expected) else _differs(payload, expected)
    if kind == "series":
        return None if _series_close(payload, expected) else _differs(payload, expected)
    if kind == "refused":
        return f"the printed value is refused ({show(payload)}), expected {expected!r}"
    return "nothing was printed"


def _differs(payload: Plain, expected: object) -> str:
    return f"printed {show(payload)}, expected {expected!r}"


def _accepted(payload: Plain, expected: object) -> bool:
    if isinstance(expected, bool) and payload[0] == "str":
        return bool(payload[1] == str(expected))
    if payload[0] != type(expected).__name__ or expected is None or isinstance(expected, dict):
        return False
    if isinstance(expected, float):
        return bool(abs(payload[1] - expected) < _FLOAT_TOLERANCE)
    return _equal(payload, expected)


def _equal(plain: Plain, expected: object) -> bool:
    """Python's own ==: exact, 1 == 1.0 == True, a tuple is not a list."""
    match plain:
        case ("none",):
            return expected is None
        case ("str", text):
            return bool(text == expected)
        case (tag, number) if tag in NUMBERS:
            return isinstance(expected, int | float) and bool(number == expected)
        case ("list", values):
            return isinstance(expected, list) and _all_equal(values, expected)
        case ("dict", pairs):
            return isinstance(expected, dict) and _dict_equal(pairs, expected)
        case ("array", _, (only,)):  # == gives an array, whose truth is its single element's
            return _equal(only, _single(expected))
        case _:
            return False


def _all_equal(values: tuple[Plain, ...], expected: list[object]) -> bool:
    return len(values) == len(expected) and all(map(_equal, values, expected))


def _dict_equal(pairs: tuple[tuple[Plain, Plain], ...], expected: dict[str, object]) -> bool:
    by_key = {key[1]: value for key, value in pairs if key[0] == "str"}
    return (
        len(pairs) == len(expected)
        and by_key.keys() == expected.keys()
        and all(_equal(by_key[key], expected[key]) for key in expected)
    )


def _single(expected: object) -> object:
    while isinstance(expected, list) and len(expected) == 1:
        expected = expected[0]
    return expected


def _series_close(array: Plain, expected: object) -> bool:
    """numpy.allclose of a Series' values and the expected ones, broadcasting included."""
    numbers = [value[1] if value[0] in NUMBERS else None for value in array[2]]
    rows = _rows(expected)
    return (
        rows is not None
        and len({len(row) for row in rows}) <= 1
        and all(_row_close(numbers, row) for row in rows)
    )


def _rows(expected: object) -> list[list[object]] | None:
    """Innermost rows of a number or of a rectangular list of them; None for anything else."""
    if not isinstance(expected, list):
        return [[expected]]
    if not any(isinstance(element, list) for element in expected):
        return [expected]
    nested = [_rows(element) if isinstance(element, list) else None for element in expected]
    if len({None if rows is None else len(rows) for rows in nested}) != 1:
        return None
    return [row for rows in nested if rows is not None for row in rows] if nested[0] else None


def _row_close(numbers: list[complex | None], row: list[object]) -> bool:
    if len(numbers) == 1 or len(row) == 1:
        width = 0 if not (numbers and row) else max(len(numbers), len(row))
    elif len(numbers) == len(row):
        width = len(row)
    else:
        return False
    left = repeat(numbers[0], width) if len(numbers) == 1 else iter(numbers)
    right = repeat(row[0], width) if len(row) == 1 else iter(row)
    return all(_close(a, b) for a, b in zip(left, right, strict=False))


def _close(value: complex | None, expected: object) -> bool:
    if value is None or not isinstance(expected, int | float):
        return False
    if value == expected:
        return True
    try:
        return abs(value - expected) <= _SERIES_ABSOLUTE + _SERIES_RELATIVE * abs(expected)
    except OverflowError:  # an int beyond the range of floats beside a float
        return False
