"""JSON into dataclasses: the fields say what a file must hold, `decode` checks it.

    decode(Manifest, {"planned": "many", …})  # UsageError: key 'planned': expected int, got 'many'

A field with a default may be missing from the JSON; keys that the record does not have are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from mtpb.errors import UsageError

T = TypeVar("T")
_COUNTLESS = 1 << 63  # an upper bound of all numbers


def decode(kind: type[T], value: Any, key: str = "") -> T:
    """Converts `value`, as read from JSON, to a `kind`.

    `kind` is a dataclass, an enum (by value), a scalar, `Any`, or one of these in `tuple[…, ...]`,
    `Mapping[str, …]` or a union with None. `key` names `value` in errors, as in
    `benchmark.problems[3].id`. Raises UsageError for a value of another kind and a missing key.
    """
    return cast(T, _decoded(kind, value, key))


def _decoded(kind: Any, value: Any, key: str) -> Any:
    if kind is Any:
        return value
    if get_origin(kind) in (Union, UnionType):
        return None if value is None else _decoded(_other_than_none(kind), value, key)
    if get_origin(kind) is tuple:
        items = _checked(value, list, "a list", key)
        return tuple(_decoded(get_args(kind)[0], v, f"{key}[{i}]") for i, v in enumerate(items))
    if get_origin(kind) is not None:  # Mapping[str, …]
        items = _checked(value, dict, "an object", key)
        return {k: _decoded(get_args(kind)[1], v, f"{key}.{k}") for k, v in items.items()}
    if is_dataclass(kind):
        return _record(cast(type, kind), _checked(value, dict, "an object", key), key)
    if issubclass(kind, Enum):
        for member in kind:
            if member.value == value:
                return member
        raise _unexpected(key, f"one of {', '.join(str(m.value) for m in kind)}", value)
    if type(value) in (int, float) and not abs(value) < _COUNTLESS:  # also NaN
        raise _unexpected(key, f"a number below {_COUNTLESS:,}", value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # not isinstance: True would pass as an int
        raise _unexpected(key, kind.__name__, value)
    return value


def _record(kind: type, items: Mapping[str, Any], key: str) -> Any:
    values = {}
    for name, (hint, optional) in _fields(kind).items():
        place = f"{key}.{name}" if key else name
        if name in items:
            values[name] = _decoded(hint, items[name], place)
        elif not optional:
            raise UsageError(f"key {place!r} is missing")
    return kind(**values)


@lru_cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    """Each field's type, and whether it has a default."""
    hints = get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is not MISSING or field.default_factory is not MISSING,
        )
        for field in fields(kind)
    }


def _other_than_none(kind: Any) -> Any:
    (other,) = (argument for argument in get_args(kind) if argument is not NoneType)
    return other


def _checked(value: Any, kind: type, words: str, key: str) -> Any:
    if not isinstance(value, kind):
        raise _unexpected(key, words, value)
    return value


def _unexpected(key: str, wanted: str, value: Any) -> UsageError:
    return UsageError(f"key {key!r}: expected {wanted}, got {value!r:.60}")
