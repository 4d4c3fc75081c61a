"""Empties and removes scratch directories, whatever a program left in them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator


def clear(directory: str) -> None:
    """Empty a directory, without recursion: what lies deeper is moved to its top first.

    The new names are random, so that a program cannot have taken them beforehand.
    """
    secret = os.urandom(16).hex()  # `secrets` would add hooks to every fork
    fresh = (os.path.join(directory, f".{secret}-{n}") for n in itertools.count())
    while inner := [path for path in _entries(directory) if not _removed(path)]:
        for path in inner:
            _empty(path, fresh)


def _empty(path: str, fresh: Iterator[str]) -> None:
    for deeper in _entries(path):
        if not _removed(deeper):
            os.rename(deeper, next(fresh))
    os.rmdir(path)


def _entries(directory: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(directory)]
    except PermissionError:
        os.chmod(directory, 0o700)
        return [entry.path for entry in os.scandir(directory)]


def _removed(path: str) -> bool:
    """Remove a file or an empty directory; False for a directory with something in it."""
    if not os.path.isdir(path) or os.path.islink(path):
        os.unlink(path)
        return True
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def remove(directory: str) -> None:
    """Remove a scratch directory; one that is gone already is fine."""
    with contextlib.suppress(OSError):
        clear(directory)
    with contextlib.suppress(OSError):
        os.rmdir(directory)
