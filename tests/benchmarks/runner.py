"""Runs a harness in this process, as the sandbox does in the program's, but without any walls."""

import ast
import builtins
import contextlib
import io
import sys
from types import ModuleType
from typing import Any

from sandbox.protocol.freezing import Frozen, freeze


def run_here(scorer: ModuleType, program: str, expected: object) -> tuple[str | None, object]:
    """What the scorer says of the program's value, and how the program ended (None: by itself)."""
    harness: dict[str, Any] = {
        "freeze": lambda value: Frozen(freeze(value)),
        **scorer.arguments(expected),
    }
    with kept(sys, "displayhook"), contextlib.redirect_stdout(io.StringIO()):
        exec(scorer.HARNESS, harness)
        end = _end_of(program, harness)
        value = freeze(harness["report"]())
    return scorer.mismatch(value, expected), end


def _end_of(program: str, harness: dict[str, Any]) -> BaseException | None:
    def show(*args: object, **options: Any) -> None:
        print(*args, **options)
        harness["on_print"](args)

    try:
        with kept(builtins, "list", "type", "len"):
            code = compile(harness["rewrite"](ast.parse(program)), "<program>", "exec")
            names = {**vars(builtins), "print": show}
            exec(code, {"__name__": "__main__", "__builtins__": names})
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return error
    return None


@contextlib.contextmanager
def kept(holder: Any, *names: str) -> Any:
    """Puts the attributes back to what they were."""
    before = {name: getattr(holder, name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(holder, name, value)
