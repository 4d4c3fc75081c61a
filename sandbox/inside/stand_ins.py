"""Libraries that a server does not hold although its programs may use them.

Each has a stand-in among the modules: importing it costs nothing, and will do if the library is
never used. The first use of any kind ends the process; the pool then runs the program again
where the library is held.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import ClassVar, NoReturn

# the same as the library's own
KNOWN = {"__name__", "__spec__", "__loader__", "__package__", "__path__", "__file__", "__cached__"}


class StandIn(types.ModuleType):
    """A library that is imported and not used."""

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
    """Put stand-ins for installed libraries among the modules, where they are not there.

    `on_use` is called with a library's name, in the process of the program that uses it.
    """
    StandIn.on_use = on_use
    for root in set(roots).difference(sys.modules):
        spec = PathFinder.find_spec(root)
        assert spec is not None
        module = module_from_spec(spec)
        module.__class__ = StandIn
        sys.modules[root] = module
