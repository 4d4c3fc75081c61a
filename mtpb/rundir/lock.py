"""The lock of a run directory: one process at a time writes to it.

The lock is on a file of its own that is opened for writing, and stays in the directory. NFS hands
such locks on to its server, so that they hold between machines; a lock on the directory itself
would hold on one machine only.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mtpb.errors import UsageError

FILE = ".lock"


def locked(directory: Path) -> int:
    """Locks an existing directory; returns the descriptor that holds the lock until it is closed.

    Raises UsageError where another process has it, where the directory cannot be written, and on a
    file system without locks.
    """
    try:
        lock = os.open(directory / FILE, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(
            f"output={directory}: cannot be written ({error.strerror}); choose another output"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise _unlocked(directory, error) from error
    return lock


def _unlocked(directory: Path, error: OSError) -> UsageError:
    if isinstance(error, BlockingIOError):
        return UsageError(
            f"output={directory}: another process is writing to it; wait for it or choose another "
            "output"
        )
    return UsageError(
        f"output={directory}: its file system has no locks ({error.strerror}), so nothing would "
        "keep two runs from writing to it; choose an output on a file system with flock"
    )
