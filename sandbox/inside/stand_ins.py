"""Stand-in modules for libraries that a server does not hold although its programs may use them.

Importing a stand-in is cheap and enough for a program that never uses the library. The first use
of any kind ends the process; the pool then runs the program again on a server with the library.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import ClassVar, NoReturn

# attributes that are the library's own, so that reading them is no use
KNOWN = {"__name__", "__spec__", "__loader__", "__package__", "__path__", "__file__", "__cached__"}


class StandIn(types.ModuleType):
    """Stands for an installed library until its first use, which calls `on_use` with its name."""

    on_use: ClassVar[Callable[[str], NoReturn]]

    def __getattribute__(self, name: str) -> object:
        if name not in KNOWN:
            StandIn.on_use(super().__getattribute__("__name__"))
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        vars(self)

    def __delattr__(self, name: str) -> None:
        vars(self)


def install(roots: Iterable[str], on_use: Callable[[str], NoReturn]) -> None:
    """Add stand-ins for installed libraries to `sys.modules`, unless they are imported already.

    `on_use` is called with a library's name, in the process of the program that uses it.
    """
    StandIn.on_use = on_use
    for root in set(roots).difference(sys.modules):
        spec = PathFinder.find_spec(root)
        assert spec is not None
        module = module_from_spec(spec)
        module.__class__ = StandIn
        sys.modules[root] = module
