"""Runs a harness: trusted code in the program's process, with builtins of its own."""

from __future__ import annotations

import ast
import builtins
import sys
import time
import types
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, cast

from sandbox.inside.channel import Channel
from sandbox.protocol.freezing import Frozen, freeze
from sandbox.protocol.plain import REPORT

# interim values may cost this much CPU time, and this share of the program's
INTERIM_FREE_S = 0.02
INTERIM_SHARE = 0.05


Code = Callable[..., object]


class HarnessSpace:
    """The harness' namespace, with builtins that the program does not share."""

    def __init__(self, code: CodeType, arguments: Mapping[str, object], channel: Channel) -> None:
        self._names: dict[str, Any] = {
            "__builtins__": dict(vars(builtins)),
            "__name__": "harness",
            "freeze": lambda value: Frozen(freeze(value, budget=REPORT)),
            **arguments,
        }
        exec(code, self._names)
        self._channel = channel
        self._interim = cast("Code | None", self._names.get("interim"))
        self._on_print = cast("Code | None", self._names.get("on_print"))
        self._report = cast("Code | None", self._names.get("report"))
        self._spent = 0.0

    def rewrite(self, tree: ast.Module) -> ast.Module:
        rewrite = self._names.get("rewrite")
        if rewrite is None:
            return tree
        return ast.fix_missing_locations(cast(ast.Module, rewrite(tree)))

    def watch_prints(self, module: types.ModuleType) -> None:
        if self._on_print is not None or self._interim is not None:
            vars(module)["print"] = _watched_print(self)

    def printed(self, args: tuple[object, ...]) -> None:
        if self._on_print is not None:
            self._on_print(args)
        if self._interim is not None and self._can_afford():
            started = time.process_time()
            self._channel.interim(freeze(self._interim(), budget=REPORT))
            self._spent += time.process_time() - started

    def _can_afford(self) -> bool:
        return self._spent < INTERIM_FREE_S + INTERIM_SHARE * time.process_time()

    def report(self) -> None:
        if self._report is not None:
            self._channel.value(freeze(self._report(), budget=REPORT))


def _watched_print(space: HarnessSpace) -> Code:
    original, stdout, printed = print, sys.stdout, space.printed

    def watched(*args: object, file: Any = None, **options: Any) -> None:
        original(*args, file=file, **options)
        if file is None or file is stdout:
            printed(args)

    watched.__name__ = watched.__qualname__ = "print"
    watched.__doc__ = print.__doc__
    return watched
