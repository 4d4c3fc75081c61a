"""The harness: commands that generate, judge, tabulate and compare.

from mtpb import load_run
samples = load_run("results/starter/…")  # a pandas data frame with a row for each sample
"""

import sys
from typing import TYPE_CHECKING

from mtpb.cli.ending import excepthook
from mtpb.cli.packages import prefer_own
from mtpb.cli.subcommands import asks_for_help, command_of

if TYPE_CHECKING:
    from mtpb.rundir.frames import load_run

prefer_own()

if sys.argv[:1] == ["-m"]:  # under python -m mtpb.COMMAND, before the command's module is imported
    sys.excepthook = excepthook
    _module = sys.orig_argv[-len(sys.argv) :][0]  # what follows are its arguments
    if asks_for_help(sys.argv[1:]) and (_command := command_of(_module)):
        from mtpb.cli.help import main as print_help  # quicker than to import the command's module

        sys.exit(print_help(_command, sys.argv[1:]))

__all__ = ["load_run"]


def __getattr__(name: str) -> object:
    if name == "load_run":  # imported when asked for: pandas takes a second to import
        from mtpb.rundir.frames import load_run

        return load_run
    raise AttributeError(f"module 'mtpb' has no attribute {name!r}")
