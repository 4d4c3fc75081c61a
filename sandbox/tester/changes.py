"""Applies changes that a program made to its arguments in place to the test's own objects."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any

from sandbox.protocol.freezing import type_name


def update(old: Any, new: Any) -> Any:
    """Give containers in `old` the content of `new`, in place where the types allow it.

    Returns `old`, or `new` where it cannot be changed in place.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        fresh = {key: update(old[key], new[key]) if key in old else new[key] for key in new}
        old.clear()
        dict.update(old, fresh)
    elif type(old) is not type(new):
        return new
    elif isinstance(old, list):
        if len(old) == len(new):
            old[:] = map(update, old, new)
        else:
            old[:] = new
    elif isinstance(old, (set, collections.deque)):
        _refill(old, new)
    elif isinstance(old, bytearray):
        old[:] = new
    elif isinstance(old, tuple) and len(old) == len(new):
        return tuple(map(update, old, new))
    elif type_name(type(old)) == "numpy.ndarray" and (old.shape, old.dtype) == (
        new.shape,
        new.dtype,
    ):
        old[...] = new
    else:
        return new
    return old


def _refill(old: Any, new: Iterable[object]) -> None:
    old.clear()
    (old.extend if isinstance(old, collections.deque) else old.update)(new)
