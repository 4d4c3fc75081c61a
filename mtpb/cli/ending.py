"""Exit statuses, and what is reported of an internal error or an interruption.

Imports the standard library only. `mtpb/__init__.py` imports it before a command's module, so that
an error while that module is imported ends with the right exit status too.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from enum import IntEnum
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TextIO

from mtpb.cli.packages import foreign_owner
from mtpb.errors import command, nothing_lost

ERROR_LOG = "error.log"
_DIRECTORY = "run_directory"  # attribute of an exception: the run directory that was being written


class Exit(IntEnum):
    """Exit statuses of all commands; docs/exit-statuses.md says what leads to each."""

    done = 0
    failed = 1  # a regression, a failed check, or failed runs of a study; never a crash
    usage = 2
    internal = 3
    interrupted = 130
    unread = 141  # the reader of standard output closed it


@contextmanager
def errors_in(run: Path) -> Iterator[None]:
    """Attaches this run directory to every error that leaves the block, for `crashed`."""
    try:
        yield
    except Exception as error:
        error.__dict__.setdefault(_DIRECTORY, run)
        raise


def crashed(error: BaseException) -> Exit:
    """Reports an internal error on standard error and returns the exit status for it.

    The traceback is appended to error.log of the run directory that was being written; where there
    is none, or it cannot be written, it goes to standard error.
    """
    with suppress(BaseException):  # a full disk or a lack of memory must not change the exit status
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        log = _logged(trace, error.__dict__.get(_DIRECTORY))
        if log is None:
            say(trace.rstrip("\n"))
        where = "the traceback is above" if log is None else f"the traceback is in {log}"
        say(f"internal error: {summary(error)}; {nothing_lost()}; {where}")
    return Exit.internal


def interrupted() -> Exit:
    """Reports an interruption on standard error and returns the exit status for it."""
    say(f"interrupted; {nothing_lost()}")
    return Exit.interrupted


def summary(error: BaseException) -> str:
    """The error's class and the first line of its message."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def say(text: str) -> None:
    """Prints to standard error; does nothing if that cannot be written to."""
    if sys.stderr is not None:  # `print` would take standard output instead
        with suppress(OSError, ValueError):  # the stream may be full or closed
            print(text, file=sys.stderr, flush=True)


def printed(text: str) -> Exit:
    """Prints to standard output and returns the exit status for how that went."""
    escape_unwritable()
    return flushed(sys.stdout, f"{text}\n")


def escape_unwritable() -> None:
    """Lets standard output write characters that its encoding lacks as escapes."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def flushed(stream: TextIO | None, rest: str = "") -> Exit:
    """Writes the rest to the stream, flushes it, and returns the exit status for how that went.

    The interpreter flushes at its end too, but its exit status for a full disk is 120.
    """
    if stream is None:
        return Exit.done
    try:
        if rest:
            stream.write(rest)
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # drops the rest
        if isinstance(error, BrokenPipeError):
            return Exit.unread
        say(f"error: {stream.name}: cannot be written ({error.strerror})")
        return Exit.usage
    return Exit.done


def excepthook(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> NoReturn:
    """For sys.excepthook: an uncaught error ends the process with the exit status for it.

    Python's own status would be 1, which here means that a check has failed.
    """
    if issubclass(kind, KeyboardInterrupt):
        raise SystemExit(interrupted())
    if isinstance(error, ImportError) and (owner := foreign_owner(error)):
        say(f"error: {owner}")
        raise SystemExit(Exit.usage)
    raise SystemExit(crashed(error))


def _logged(trace: str, run: Path | None) -> Path | None:
    """Appends the traceback to error.log and returns its path; None if it cannot be written."""
    if run is None or not (run / "manifest.json").is_file():
        return None
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        with (run / ERROR_LOG).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{now} {command()} (process {os.getpid()})\n{trace}\n")
    except OSError:
        return None
    return run / ERROR_LOG
