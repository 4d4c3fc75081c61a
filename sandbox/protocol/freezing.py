"""Converts any object to plain data, inside the untrusted process.

The only code of an object's own class that runs is its `__repr__`, and only where the object has
no plain form.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, cast

from sandbox.protocol.encoding import text_bytes
from sandbox.protocol.plain import ANSWER, MAX_DEPTH, NONE, REPR_CHARS, Budget, Plain


class OverBudgetError(Exception):
    """The value does not fit its budget; the container that holds it becomes an object."""


class Frozen:
    """A value that was frozen earlier; freezing it again changes nothing."""

    __slots__ = ("plain",)

    def __init__(self, plain: Plain) -> None:
        self.plain = plain

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frozen) and self.plain == other.plain

    def __hash__(self) -> int:
        return hash(self.plain)


class Extension:
    """Plain data for types that `freeze` does not know; None where the extension does not either.

    `standard` is called before a subclass is converted to its base, `other` for all that is left.
    """

    def standard(self, value: object, freeze: Callable[[object], Plain]) -> Plain | None:
        return None

    def other(self, value: object, freeze: Callable[[object], Plain]) -> Plain | None:
        return None


_NO_EXTENSION = Extension()


class _Allowance:
    """What is left of a budget while a value is frozen, and the extension for other types."""

    __slots__ = ("bytes", "extension", "int_bits", "nodes")

    def __init__(self, budget: Budget, extension: Extension) -> None:
        self.nodes, self.bytes, self.int_bits = budget
        self.extension = extension

    def spend(self, size: int) -> None:
        self.nodes -= 1
        self.bytes -= size
        if self.nodes < 0 or self.bytes < 0:
            raise OverBudgetError


def freeze(value: object, extension: Extension = _NO_EXTENSION, budget: Budget = ANSWER) -> Plain:
    """Plain data for the present state of `value`. Hostile objects cannot make it raise.

    A part that is too large for the budget becomes an object with the text "too large".
    """
    return _freeze(value, MAX_DEPTH, _Allowance(budget, extension))


def _freeze(value: object, depth: int, allowance: _Allowance) -> Plain:
    kind = type(value)
    try:
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value, allowance)
        if kind is Frozen:
            return cast(Frozen, value).plain
        if depth == 0:
            return _opaque(value, allowance)
        container = _CONTAINERS.get(kind)
        if container is not None:
            return container(value, depth - 1, allowance)
        return _freeze_other(value, kind, depth, allowance)
    except OverBudgetError:
        raise
    except (Exception, RecursionError):  # noqa: BLE001  a hostile object may raise anything
        return _opaque(value, allowance)


def _constant(plain: Plain) -> Callable[[object, _Allowance], Plain]:
    def freeze_constant(value: object, allowance: _Allowance) -> Plain:
        allowance.spend(1)
        return plain

    return freeze_constant


def _bool(value: object, allowance: _Allowance) -> Plain:
    allowance.spend(1)
    return ("bool", value)


def _int(value: object, allowance: _Allowance) -> Plain:
    bits = cast(int, value).bit_length()
    if bits > allowance.int_bits:
        return _object("builtins.int", f"an integer of {bits} bits", allowance)
    allowance.spend(6 + bits // 8)
    return ("int", value)


def _float(value: object, allowance: _Allowance) -> Plain:
    allowance.spend(9)
    return ("float", value)


def _complex(value: object, allowance: _Allowance) -> Plain:
    allowance.spend(17)
    return ("complex", value)


def _str(value: object, allowance: _Allowance) -> Plain:
    text = cast(str, value)
    size = len(text)
    if not text.isascii() and size <= allowance.bytes:
        size = len(text.encode("utf-8", "surrogatepass"))
    if size + 5 > allowance.bytes:
        return _object("builtins.str", "too large", allowance)
    allowance.spend(size + 5)
    return ("str", text)


def _bytes(value: object, allowance: _Allowance) -> Plain:
    size = len(cast(bytes, value)) + 5
    if size > allowance.bytes:
        return _object("builtins.bytes", "too large", allowance)
    allowance.spend(size)
    return ("bytes", value)


_SCALARS: dict[type, Callable[[object, _Allowance], Plain]] = {
    type(None): _constant(NONE),
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
}


Container = Callable[[object, int, _Allowance], Plain]


def _bounded(freeze_items: Container, length: Callable[[Any], int]) -> Container:
    """Makes `freeze_items` return an object, at the cost of one, where a container does not fit."""

    def freeze_bounded(value: object, depth: int, allowance: _Allowance) -> Plain:
        before = allowance.nodes, allowance.bytes
        try:
            allowance.spend(5)
            if length(value) > allowance.nodes:
                raise OverBudgetError
            return freeze_items(value, depth, allowance)
        except OverBudgetError:
            allowance.nodes, allowance.bytes = before
            return _object(type_name(type(value)), "too large", allowance)

    return freeze_bounded


def _items(tag: str, base: type) -> Container:
    iterate = cast("Callable[[object], Iterator[object]]", base.__dict__["__iter__"])

    def freeze_items(value: object, depth: int, allowance: _Allowance) -> Plain:
        return (tag, tuple([_freeze(item, depth, allowance) for item in iterate(value)]))

    return _bounded(freeze_items, base.__dict__["__len__"])


def _dict(value: object, depth: int, allowance: _Allowance) -> Plain:
    pairs = dict.items(cast("dict[object, object]", value))
    return (
        "dict",
        tuple([(_freeze(k, depth, allowance), _freeze(v, depth, allowance)) for k, v in pairs]),
    )


_CONTAINERS: dict[type, Container] = {
    list: _items("list", list),
    tuple: _items("tuple", tuple),
    set: _items("set", set),
    frozenset: _items("frozenset", frozenset),
    dict: _bounded(_dict, dict.__len__),
}

# Instances of subclasses become values of the base, read by the base's own methods.
_BASES: tuple[tuple[type, Callable[[object], object]], ...] = (
    (int, lambda value: int.__add__(cast(int, value), 0)),
    (float, lambda value: float.__add__(cast(float, value), 0.0)),
    (complex, lambda value: complex.__add__(cast(complex, value), 0j)),
    (str, lambda value: str.__str__(cast(str, value))),
    (bytes, lambda value: bytes.__add__(cast(bytes, value), b"")),
)


def _freeze_other(value: object, kind: type, depth: int, allowance: _Allowance) -> Plain:
    def freeze_part(part: object) -> Plain:
        return _freeze(part, depth - 1, allowance)

    extended = allowance.extension.standard(value, freeze_part)
    if extended is not None:
        return _paid(extended, allowance)
    bases = type.__dict__["__mro__"].__get__(kind)
    numpy = _library("numpy")
    if numpy is not None:
        if numpy.generic in bases and str not in bases and bytes not in bases:
            return _freeze_scalar(numpy.generic.item(value), value, depth, allowance)
        if numpy.ndarray in bases:
            return _freeze_array(numpy, value, depth, allowance)
    for base, plain in _BASES:
        if base in bases:
            return _freeze(plain(value), depth, allowance)
    for base, container in _CONTAINERS.items():
        if base in bases:
            return container(value, depth - 1, allowance)
    series = getattr(_library("pandas"), "Series", None)
    if series is not None and series in bases:
        frozen = cast("tuple[str, object]", _freeze(series.tolist(value), depth, allowance))
        return ("series", frozen[1]) if frozen[0] == "list" else cast(Plain, frozen)
    extended = allowance.extension.other(value, freeze_part)
    return _opaque(value, allowance) if extended is None else _paid(extended, allowance)


def _paid(plain: Plain, allowance: _Allowance) -> Plain:
    """Charge the node that an extension made; its parts have been charged already."""
    allowance.spend(9 + sum(len(text_bytes(part)) for part in plain[1:] if isinstance(part, str)))
    return plain


def _library(name: str) -> Any:
    """A library, if it itself has been imported and not a stand-in for it."""
    module = sys.modules.get(name)
    return module if type(module) is types.ModuleType else None


def _freeze_scalar(item: object, value: object, depth: int, allowance: _Allowance) -> Plain:
    # item() of a long double returns the same type; dates become objects
    return (
        _opaque(value, allowance) if type(item) is type(value) else _freeze(item, depth, allowance)
    )


def _freeze_array(numpy: Any, value: object, depth: int, allowance: _Allowance) -> Plain:
    array: Any = numpy.ndarray
    base = array.view(value, array)
    if base.size > allowance.nodes:
        return _object(type_name(type(value)), "too large", allowance)
    allowance.spend(4 * base.ndim)
    frozen = cast("tuple[str, object]", _freeze(base.reshape(-1).tolist(), depth, allowance))
    if frozen[0] != "list":
        return cast(Plain, frozen)
    return ("array", tuple(int(n) for n in base.shape), frozen[1])


def type_name(kind: type) -> str:
    """`module.Name` of a class, whatever its metaclass says."""
    try:
        module = type.__dict__["__module__"].__get__(kind)
        name = type.__dict__["__qualname__"].__get__(kind)
        return f"{module}.{name}"[:REPR_CHARS] if isinstance(module, str) else str(name)
    except Exception:  # noqa: BLE001
        return "object"


def _opaque(value: object, allowance: _Allowance) -> Plain:
    try:
        text = repr(value) if _SCALARS.get(type(value)) is None else "too large"
        text = str.__str__(text)[:REPR_CHARS]
    except BaseException as error:
        if not isinstance(error, (Exception, RecursionError)):
            raise
        text = "<unprintable>"
    return _object(type_name(type(value)), text, allowance)


def _object(name: str, text: str, allowance: _Allowance) -> Plain:
    allowance.spend(9 + len(text_bytes(name)) + len(text_bytes(text)))
    return ("object", name, text)
