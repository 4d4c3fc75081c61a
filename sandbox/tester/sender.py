"""Pickles what a test sends to the program, with handles for objects that stay in the tester."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

from sandbox.protocol.freezing import type_name
from sandbox.protocol.handles import given, remote, view
from sandbox.protocol.plain import PlainError
from sandbox.protocol.standard import DICT_VIEWS


class TestFaultError(BaseException):
    """The test asks what no program can answer. A BaseException: `except Exception` misses it."""

    __test__ = False


class ProgramFaultError(BaseException):
    """The program wrote an invalid answer. A BaseException: `except Exception` misses it."""


class Opaque:
    """An object of the program that cannot cross; equal to nothing but itself."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self._text = text or kind

    def __repr__(self) -> str:
        return self._text


class Sender:
    """Pickles values for the program and keeps the objects that it sends as handles.

    `handle_of` returns the handle of an object that stands for one of the program, else None.
    """

    def __init__(self, handle_of: Callable[[object], int | None]) -> None:
        self.handle_of = handle_of
        self._given: list[object] = []
        self._handles: dict[int, int] = {}

    def pickled(self, value: object) -> bytes:
        """Bytes for `Handles.load`; TestFaultError names a type that cannot cross."""
        buffer = io.BytesIO()
        pickler = _Pickler(buffer, self)
        try:
            pickler.dump(value)
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise cannot_cross(pickler.latest, str(error)) from error
        return buffer.getvalue()

    @property
    def has_given(self) -> bool:
        """Whether the program has a handle, which it may use at any time."""
        return bool(self._given)

    def give(self, value: object) -> int:
        """The handle of an object of the test's."""
        if id(value) not in self._handles:
            self._handles[id(value)] = len(self._given)
            self._given.append(value)
        return self._handles[id(value)]

    def taken(self, handle: int) -> object:
        """The object of a handle that came back; PlainError where none was given."""
        if handle >= len(self._given):
            raise PlainError(f"no object {handle} was given to the program")
        return self._given[handle]


def cannot_cross(value: object, why: str) -> TestFaultError:
    return TestFaultError(
        f"it passes a value of type {type_name(type(value))}, which cannot cross to a program"
        + (f": {why}" if why else "")
    )


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, sender: Sender) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._sender = sender
        self.latest: object = None

    def reducer_override(self, value: Any) -> Any:
        """Called by pickle for everything but plain values and containers."""
        self.latest = value
        handle = self._sender.handle_of(value)
        if handle is not None:
            return remote, (handle,)
        if isinstance(value, Opaque):
            raise ProgramFaultError(f"a value of type {value.kind} was too much to cross")
        if _importable(value):
            return NotImplemented
        if isinstance(value, type):
            raise cannot_cross(value, f"class {value.__qualname__} is the test's own")
        if _stays(value):
            name = str(getattr(value, "__name__", type(value).__name__))
            return given, (self._sender.give(value), name, hasattr(value, "__next__"))
        if type(value) in DICT_VIEWS:
            return view, (DICT_VIEWS[type(value)], list(value))
        if type(value).__module__ != "builtins" and not _importable(type(value)):
            raise cannot_cross(value, "")
        return NotImplemented


def _importable(value: Any) -> bool:
    """Whether the program finds the same class or function under the same name."""
    names = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    module = sys.modules.get(names[0]) if isinstance(names[0], str) else None
    if module is None or not isinstance(names[1], str):
        return False
    found: object = module
    for name in names[1].split("."):
        found = getattr(found, name, None)
    return found is value


def _stays(value: Any) -> bool:
    """Whether it must not be copied, because it has a state or a namespace of its own."""
    return hasattr(value, "__next__") or (callable(value) and not _is_partial(value))


def _is_partial(value: object) -> bool:
    return type_name(type(value)) == "functools.partial"
