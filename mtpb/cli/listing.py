"""Commands without keys, which print one text: they need no Hydra and so begin quickly."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from benchmarks.problem import BenchmarkError
from mtpb.cli.ending import Exit, excepthook, printed, say
from mtpb.cli.help import main as print_help
from mtpb.cli.subcommands import asks_for_help


def listing(command: str, text: Callable[[], str]) -> NoReturn:
    """Prints the text, or the command's help, and ends the process with the exit status."""
    sys.excepthook = excepthook
    if asks_for_help(sys.argv[1:]):
        sys.exit(print_help(command, ()))
    if sys.argv[1:]:
        say(f"error: {sys.argv[1]}: mtpb {command} takes no keys")
        sys.exit(Exit.usage)
    try:
        sys.exit(printed(text()))
    except BenchmarkError as error:
        say(f"error: {error}")
        sys.exit(Exit.usage)
    except OSError as error:
        say(f"error: {error.filename}: {error.strerror}")
        sys.exit(Exit.usage)
