"""How a command ends: its exit status, and what an internal error leaves behind.

Needs the standard library only: it is imported before a command is, so that an error in the import
of anything else has its status too.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import NoReturn

ERROR_LOG = "error.log"
_DIRECTORY = "run_directory"  # attribute of an error: the run directory that was being written


class Exit(IntEnum):
    """Exit statuses of all commands; docs/exit-statuses.md says what leads to each."""

    done = 0
    failed = 1  # a regression, a failed check, runs of a study that failed; never a crash
    usage = 2
    internal = 3
    interrupted = 130
    unread = 141  # standard output was closed by its reader


@contextmanager
def errors_in(run: Path) -> Iterator[None]:
    """Notes in every error that leaves the block that this run directory was being written."""
    try:
        yield
    except Exception as error:
        error.__dict__.setdefault(_DIRECTORY, run)
        raise


def crashed(error: BaseException) -> Exit:
    """Tells of an internal error on standard error and returns the exit status for it.

    The traceback is appended to error.log of the run directory that was being written; where there
    is none, or it cannot be written, it goes to standard error.
    """
    with suppress(BaseException):  # even with a full disk and no memory left the status is this one
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        log = _logged(trace, error.__dict__.get(_DIRECTORY))
        if log is None:
            say(trace.rstrip("\n"))
        where = "the traceback is above" if log is None else f"the traceback is in {log}"
        say(f"internal error: {summary(error)}; {nothing_lost()}; {where}")
    return Exit.internal


def interrupted() -> Exit:
    """Tells of an interruption and returns the exit status for it."""
    say(f"interrupted; {nothing_lost()}")
    return Exit.interrupted


def nothing_lost() -> str:
    """That what was written is kept, and the command line that goes on from there."""
    return f"nothing that was written is lost, to go on repeat: {command()}"


def command() -> str:
    """The command line of this process, for a shell."""
    return shlex.join(sys.orig_argv)


def summary(error: BaseException) -> str:
    """The error's class and the first line of its message."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def say(text: str) -> None:
    """Prints to standard error, if it can be written to."""
    with suppress(OSError, ValueError, AttributeError):  # full, closed, or not there at all
        print(text, file=sys.stderr, flush=True)


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> NoReturn:
    """As sys.excepthook: an error that nobody caught ends the process with our status for it.

    Python's own status is 1, which says that a check has failed.
    """
    raise SystemExit(interrupted() if issubclass(kind, KeyboardInterrupt) else crashed(error))


def _logged(trace: str, run: Path | None) -> Path | None:
    """Appends the traceback to the run directory's log; None if there is no such directory."""
    if run is None or not (run / "manifest.json").is_file():
        return None
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        with (run / ERROR_LOG).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{now} {command()} (process {os.getpid()})\n{trace}\n")
    except OSError:
        return None
    return run / ERROR_LOG
