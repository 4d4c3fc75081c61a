"""Handles, the program's side: numbers for its own objects, stand-ins for objects of the test."""

from __future__ import annotations

import functools
import io
import pickle
from collections.abc import Callable
from typing import Any

from sandbox.protocol.freezing import type_name
from sandbox.protocol.handles import PICKLED_HERE, view
from sandbox.protocol.plain import Plain
from sandbox.protocol.standard import Freeze, Standard

_NAMED_HERE = PICKLED_HERE.encode()  # part of every pickle that has a handle


class Handles(Standard):
    """The objects to which a test holds handles, and stand-ins for the test's objects."""

    LIMIT = 100_000

    def __init__(self, ask: Callable[..., object]) -> None:
        self._ask = ask  # asks the test to operate on an object of its own
        self._objects: list[object] = []
        self._given: dict[int, tuple[int, object]] = {}  # id of the stand-in: (handle, stand-in)

    def other(self, value: object, freeze: Freeze) -> Plain | None:
        given = self._given.get(id(value))
        if given is not None:
            return ("given", given[0])
        if len(self._objects) >= self.LIMIT:
            return None
        self._objects.append(value)
        return ("remote", len(self._objects) - 1, type_name(type(value)))

    def load(self, pickled: bytes) -> Any:
        """The values that the test sent, with stand-ins for its objects and our own objects."""
        if _NAMED_HERE not in pickled:  # the common case
            return pickle.loads(pickled)
        here: dict[str, Callable[..., object]]
        here = {"remote": self.__getitem__, "given": self._stand_in, "view": view}
        return _Unpickler(pickled, here).load()

    def __getitem__(self, handle: int) -> object:
        return self._objects[handle]

    def _stand_in(self, handle: int, name: str, advances: bool) -> object:
        ask = self._ask

        def function(*args: object, **kwargs: object) -> object:
            return ask("call", handle, args, kwargs)

        function.__name__ = function.__qualname__ = name
        stand_in = _GivenIterator(ask, handle) if advances else function
        self._given[id(stand_in)] = (handle, stand_in)
        return stand_in


class _GivenIterator:
    """Stands for an iterator of the test's."""

    def __init__(self, ask: Callable[..., object], handle: int) -> None:
        self._next = functools.partial(ask, "next", handle, (), {})

    def __iter__(self) -> _GivenIterator:
        return self

    def __next__(self) -> object:
        return self._next()


class _Unpickler(pickle.Unpickler):
    def __init__(self, pickled: bytes, here: dict[str, Callable[..., object]]) -> None:
        super().__init__(io.BytesIO(pickled))
        self._here = here

    def find_class(self, module: str, name: str) -> Any:
        return self._here[name] if module == PICKLED_HERE else super().find_class(module, name)
