"""Converts plain data to builtin values; refuses sets and dicts built to collide."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast

from sandbox.protocol.plain import ANSWER, MAX_SAME_HASH, Plain, PlainError

Rebuild = Callable[[Plain, Callable[[Plain], object]], object]


def _refuse(plain: Plain, thaw: Callable[[Plain], object]) -> object:
    raise PlainError(f"{plain[1]} is no plain value: {plain[-1]}")


def thaw(plain: Plain, rebuild: Rebuild = _refuse) -> object:
    """The exact builtin value that plain data stand for.

    `rebuild(plain, thaw)` makes values of what is not plain; by default that is a PlainError.
    Sets and dicts with many members of one hash are refused: they would take quadratic time.
    """

    def again(plain: Plain) -> object:
        tag = plain[0]
        if tag in _SCALAR_TAGS:
            return plain[1]
        if tag == "none":
            return None
        if tag == "dict":
            pairs = cast("tuple[tuple[Plain, Plain], ...]", plain[1])
            keys = members([again(key) for key, _ in pairs])
            return dict(zip(keys, [again(value) for _, value in pairs], strict=True))
        if tag == "array":
            return _array(
                cast("tuple[int, ...]", plain[1]), [again(item) for item in _plains(plain[2])]
            )
        build = _BUILDERS.get(cast(str, tag))
        if build is None:
            return rebuild(plain, again)
        items = [again(item) for item in _plains(plain[1])]
        return build(members(items) if tag in _HASHING else items)

    return again(plain)


def _plains(value: object) -> tuple[Plain, ...]:
    return cast("tuple[Plain, ...]", value)


def _array(shape: tuple[int, ...], items: list[object]) -> object:
    import numpy

    if all(type(item) is str for item in items) and items:
        longest = max(len(cast(str, item)) for item in items)
        if longest * len(items) > ANSWER.bytes // 4:  # every item takes the room of the longest
            raise PlainError("an array of text is too large")
    try:
        return numpy.array(items).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise PlainError(f"no array can be made of its items: {error}") from error


def members(items: list[object]) -> list[object]:
    """Returns `items` if all are hashable and few share a hash; PlainError otherwise."""
    try:
        most = Counter(map(hash, items)).most_common(1)
    except TypeError as error:  # a forged set or dict with unhashable members
        raise PlainError("plain data hold an unhashable member") from error
    if most and most[0][1] > MAX_SAME_HASH:
        raise PlainError(f"{most[0][1]:,} members of a set or dict have the same hash")
    return items


_SCALAR_TAGS = frozenset({"bool", "int", "float", "complex", "str", "bytes"})
_HASHING = frozenset({"set", "frozenset"})
_BUILDERS: dict[str, Callable[[Iterable[object]], object]] = {
    "list": builtins.list,
    "tuple": builtins.tuple,
    "set": builtins.set,
    "frozenset": builtins.frozenset,
    "series": builtins.list,
}


def thaw_all(arguments: dict[str, Plain]) -> dict[str, object]:
    """The values of frozen keyword arguments."""
    return {name: thaw(value) for name, value in arguments.items()}
