"""The official scorer: the rules of the scorer that was released with MTPB.

Source of the rules: github.com/salesforce/CodeGen, codegen1/benchmark/mtpb_exec.py. Its effects
between samples are left out: state shared by programs in one process, and the guard that blocks
imports for all later programs. `HARNESS` runs in the program's process, finds the last printed
value and casts it to the expected type; `mismatch` compares plain data in the trusted process.

The caller handles the program's ending: one that ends by `SystemExit` fails; one that was killed
may have reported no value. Any other ending is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.plain import NUMBERS, Plain, report, show

HARNESS = Path(__file__).with_name("official_harness.py").read_text(encoding="utf-8")

_FLOAT_TOLERANCE = 1e-6
_SERIES_ABSOLUTE, _SERIES_RELATIVE = 1e-8, 1e-5  # numpy.allclose, which a Series is compared with


def arguments(expected: object) -> Mapping[str, object]:
    """The harness gets the name of the expected value's type."""
    return {"expected_type": type(expected).__name__}


def mismatch(value: Plain | None, expected: object) -> str | None:
    """None if the reported value is accepted, else how it differs."""
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
    values, wanted = _series_numbers(array), _rows(expected)
    if values is None or wanted is None or len({len(row) for row in wanted}) > 1:
        return False
    return all(_row_close(values, row) for row in wanted)


def _series_numbers(array: Plain) -> list[complex] | None:
    match array:
        case ("array", (_,), tuple(values)) if all(value[0] in NUMBERS for value in values):
            return [value[1] for value in values]
        case _:
            return None


def _rows(expected: object) -> list[list[float]] | None:
    """Innermost rows of a number or a rectangular list of numbers; None for anything else."""
    if isinstance(expected, int | float):
        return [[expected]]
    if not isinstance(expected, list):
        return None
    if all(isinstance(element, int | float) for element in expected):
        return [expected]
    nested = [_rows(element) if isinstance(element, list) else None for element in expected]
    lengths = {len(rows) for rows in nested if rows is not None}
    if None in nested or len(lengths) != 1:
        return None
    return [row for rows in nested if rows is not None for row in rows]


def _row_close(values: list[complex], row: list[float]) -> bool:
    width = len(row) if len(values) == 1 else len(values)
    if len(row) not in (1, width):
        return False
    left = values * width if len(values) == 1 else values
    right = row * width if len(row) == 1 else row
    return all(map(_close, left, right))


def _close(value: complex, expected: float) -> bool:
    if value == expected:
        return True
    try:
        return abs(value - expected) <= _SERIES_ABSOLUTE + _SERIES_RELATIVE * abs(expected)
    except OverflowError:  # an int beyond the range of floats beside a float
        return False
