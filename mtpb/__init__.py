"""The harness: configuration, conversations, run directories, metrics and reports.

from mtpb import load_run
samples = load_run("results/starter/…")  # a pandas data frame, a row a sample
"""

import sys
from typing import TYPE_CHECKING

from mtpb.ending import excepthook

if TYPE_CHECKING:
    from mtpb.rundir.frames import load_run

if sys.argv[:1] == ["-m"]:  # python -m mtpb.COMMAND: what comes next is the import of the command
    sys.excepthook = excepthook

__all__ = ["load_run"]


def __getattr__(name: str) -> object:
    if name == "load_run":  # imported late: pandas takes a second that no command needs
        from mtpb.rundir.frames import load_run

        return load_run
    raise AttributeError(f"module 'mtpb' has no attribute {name!r}")
