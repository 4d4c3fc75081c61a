"""How much a command says on standard error, beside errors and warnings.

The level of the logger `mtpb` holds it: nothing more with `quiet=true`; by default a progress bar
and notices, such as what to do next; with `verbose=true` also the events of a run's log.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

from mtpb.errors import UsageError

NOTICE = 25  # between logging.INFO and logging.WARNING
TERMINAL = "MTPB_TERMINAL"  # set for a process whose standard error goes to its parent's terminal
_LOGGER = logging.getLogger("mtpb")


def log_to_stderr() -> None:
    """Sends log records to standard error, one line each; levels are as `set_volume` says."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    logging.basicConfig(handlers=[handler])
    set_volume()


def set_volume(quiet: bool = False, verbose: bool = False) -> None:
    """Raises UsageError for both."""
    if quiet and verbose:
        raise UsageError("quiet=true, verbose=true: each excludes the other; leave one out")
    _LOGGER.setLevel(logging.WARNING if quiet else logging.INFO if verbose else NOTICE)


def notice(text: str) -> None:
    """Shows a line unless the command is quiet."""
    _LOGGER.log(NOTICE, text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream, which is None where it was closed, is a terminal."""
    return stream is not None and stream.isatty()


def shows_progress() -> bool:
    """Whether there is a terminal for progress bars, and the command is not quiet."""
    has_terminal = is_terminal(sys.stderr) or bool(os.environ.get(TERMINAL))
    return _LOGGER.isEnabledFor(NOTICE) and has_terminal


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"{record.levelname.lower()}: {line}" if record.levelno > NOTICE else line
