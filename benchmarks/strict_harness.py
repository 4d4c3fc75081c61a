"""The part of the strict scorer that runs in the program's process.

It is not imported: its text is executed there, with `freeze` defined. It shows a bare last
expression as a notebook does, and freezes the last printed value when it is printed.
"""

import ast
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:

    def freeze(value: object) -> object: ...


_ATOMS = {int, float, complex, bool, str, bytes, type(None)}
_last: tuple[str, object] = ("nothing", None)


def rewrite(tree: ast.Module) -> ast.Module:
    """Passes the value of a bare last expression to `sys.displayhook`."""
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Starred):
        hook = ast.parse("__import__('sys').displayhook", mode="eval").body
        for node in ast.walk(hook):
            ast.copy_location(node, last.value)
        call = ast.Call(func=hook, args=[last.value], keywords=[])
        last.value = ast.copy_location(call, last.value)
    return tree


def _display(value: object) -> None:
    if value is not None:
        on_print((value,))
        sys.stdout.write(f"{value!r}\n")


sys.displayhook = _display


def on_print(args: tuple[object, ...]) -> None:
    """Keeps the printed value: immutable ones as they are, lists of them copied, others frozen."""
    global _last
    if len(args) != 1:
        _last = ("arguments", len(args))
        return
    (value,) = args
    kind = type(value)
    if kind in _ATOMS:
        _last = ("value", value)
    elif kind is list and _ATOMS.issuperset(map(type, value)):  # type: ignore[call-overload]
        _last = ("value", list(value))  # type: ignore[call-overload]
    else:
        _last = ("value", freeze(value))


def report() -> tuple[str, object]:
    """("value", the last print's only argument), ("arguments", how many) or ("nothing", None)."""
    return _last
