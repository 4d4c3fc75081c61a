"""Scratch directories: made, emptied and removed whatever a program left in them."""

from __future__ import annotations

import contextlib
import itertools
import os


def clear(directory: str) -> None:
    """Empty a directory without recursion: nested directories are moved to its top first."""
    for name in itertools.count():
        directories = []
        for entry in list(os.scandir(directory)):
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.path)
            else:
                os.unlink(entry.path)
        if not directories:
            return
        for number, path in enumerate(directories):
            for inner in list(os.scandir(path)):
                if inner.is_dir(follow_symlinks=False):
                    os.rename(inner.path, os.path.join(directory, f"{name}-{number}-{inner.name[:99]}"))
                else:
                    os.unlink(inner.path)
            os.rmdir(path)


def remove(directory: str) -> None:
    """Remove a scratch directory; one that is gone already is fine."""
    with contextlib.suppress(OSError):
        clear(directory)
    with contextlib.suppress(OSError):
        os.rmdir(directory)
