"""The state that every program finds in its process, prepared once before any fork."""

from __future__ import annotations

import builtins
import signal
import sys
import types
from types import CodeType, FrameType
from typing import Any

from sandbox.protocol.failures import TimeLimit


class Environment:
    """Builtins, modules and compiled harnesses, made in the server and copied by each fork."""

    def __init__(self) -> None:
        self.harnesses: dict[str, CodeType] = {}
        self.builtins = types.ModuleType("builtins", builtins.__doc__)
        vars(self.builtins).update(vars(builtins))
        self.modules = {name: types.ModuleType(name) for name in ("__main__", "program")}
        for module in self.modules.values():
            module.__dict__["__builtins__"] = self.builtins
        signal.signal(signal.SIGXCPU, _raise_time_limit)
        signal.signal(signal.SIGPROF, _raise_time_limit)  # the limit of a single call

    def harness(self, source: str) -> CodeType:
        """The harness' code, compiled once."""
        if source not in self.harnesses:
            code = compile(source, "<harness>", "exec", dont_inherit=True)
            self.harnesses[source] = code
        return self.harnesses[source]

    def enter(self, name: str) -> dict[str, Any]:
        """Make module `name` the program's; the names that its code will define."""
        sys.modules[name] = self.modules[name]
        sys.modules["builtins"] = self.builtins
        return self.modules[name].__dict__


def _raise_time_limit(signum: int, frame: FrameType | None) -> None:
    raise TimeLimit
