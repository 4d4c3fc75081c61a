"""The harness: commands that generate, judge, tabulate and compare.

from mtpb import load_run
samples = load_run("results/starter/…")  # a pandas data frame with a row for each sample
"""

import sys
from typing import TYPE_CHECKING

from mtpb.cli.ending import excepthook
from mtpb.cli.packages import prefer_own

if TYPE_CHECKING:
    from mtpb.rundir.frames import load_run

if sys.argv[:1] == ["-m"]:  # under python -m mtpb.COMMAND, before the command's module is imported
    sys.excepthook = excepthook

prefer_own()

__all__ = ["load_run"]


def __getattr__(name: str) -> object:
    if name == "load_run":  # imported when asked for: pandas takes a second to import
        from mtpb.rundir.frames import load_run

        return load_run
    raise AttributeError(f"module 'mtpb' has no attribute {name!r}")
