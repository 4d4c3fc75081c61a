"""The part of the official scorer that runs in the program's process.

It is not imported: its text is executed there, with `freeze` and `expected_type` defined. The
program can read everything in it, so it has the name of the expected type, but not the value.
The rules, oddities included, are those of the scorer that was released with MTPB.
"""

import ast
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    expected_type = "str"

_last: tuple[object, ...] | None = None
_LASTING = {str, int, float, complex, bool, list, tuple, set, dict, range, type(None)}
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


def rewrite(tree: ast.Module) -> ast.Module:
    """Prints the value of the last statement, of any kind, if it has one."""
    for statement in tree.body[-1:]:
        value = getattr(statement, "value", None)
        if isinstance(value, ast.expr) and not _calls_print(value):
            call = ast.Call(func=ast.Name(id="print", ctx=ast.Load()), args=[value], keywords=[])
            statement.value = ast.copy_location(call, value)  # type: ignore[attr-defined]
            ast.fix_missing_locations(statement)
    return tree


def _calls_print(value: ast.expr) -> bool:
    function = getattr(value, "func", None)
    return isinstance(function, ast.Name) and function.id.startswith("print")


def on_print(args: tuple[object, ...]) -> None:
    global _last
    _last = args


def report() -> tuple[str, object]:
    """("value" | "series", what was printed last, as the expected type) or ("refused", why)."""
    if _last is None:
        return "nothing", None
    if not _last:
        return "refused", "the last print has no argument"
    try:
        return _converted(_last[0])
    except Exception as error:  # noqa: BLE001  the program's own classes may raise anything
        return "refused", f"{type(error).__name__}: {error}"


def interim() -> tuple[str, object]:
    """The report so far, for a program that is killed; it consumes no iterator."""
    seen = type(_last[0]) if _last else None
    if seen in _LASTING or str(getattr(seen, "__module__", "")).startswith(("numpy", "pandas")):
        return report()
    return "nothing", None


def _library(name: str) -> object:
    """A library if it has been imported; None for a placeholder of one that was not used."""
    module = sys.modules.get(name)
    return module if type(module) is type(sys) else None


def _converted(value: object) -> tuple[str, object]:
    if type(value) is getattr(_library("pandas"), "Series", None):
        return "series", value.to_numpy()  # type: ignore[attr-defined]
    value = _python(value)
    if expected_type not in _TYPES or expected_type == "dict":
        return "refused", f"a value of type {expected_type} is never accepted"
    expected = _TYPES[expected_type]
    if type(value) is not expected:
        value = str(value) if expected is bool else expected(value)
    return "value", value


def _python(value: object) -> object:
    """The value with tuples in lists, NumPy scalars and arrays as Python's lists and numbers."""
    numpy: Any = _library("numpy")
    if type(value) is list:
        return [list(row) for row in value] if value and type(value[0]) is tuple else value
    if numpy is None:
        return value
    if type(value) in (numpy.uint8, numpy.int16, numpy.int32, numpy.int64):
        return int(value)  # type: ignore[call-overload]
    if type(value) in (numpy.float16, numpy.float32, numpy.float64):
        return float(value)  # type: ignore[arg-type]
    if type(value) is numpy.bool_:
        return bool(value)
    if type(value) is numpy.ndarray:
        return value.tolist()  # type: ignore[attr-defined]
    return value
