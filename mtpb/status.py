"""Says how far runs are, from anywhere that sees their directories.

    mtpb status results
    mtpb status 'results/**' follow=true
    mtpb status results/mtpb/RUN follow=true every_s=60

Samples and verdicts are counted in the directory; whether the run's process is alive, how fast it
is and what it is doing come from its log. Reads only: a run is never disturbed.
"""

from __future__ import annotations

import glob
import sys
import time
from pathlib import Path

from mtpb.cli.application import application
from mtpb.cli.volume import is_terminal
from mtpb.config import StatusConfig
from mtpb.errors import UsageError
from mtpb.report.state import state_table
from mtpb.rundir.run import run_directories
from mtpb.rundir.store import RunDirectory, expanded

CLEAR = "\x1b[H\x1b[2J"


@application("status", StatusConfig)
def main(config: StatusConfig) -> int:
    if not config.every_s > 0:
        raise UsageError(f"every_s={config.every_s}: must be above 0")
    while True:
        table, under_way = state_table(directories(config.run))
        if config.follow and is_terminal(sys.stdout):
            print(CLEAR, end="")
        print(table.text(), flush=True)
        if not (config.follow and under_way):
            return 0
        time.sleep(config.every_s)


def directories(pattern: str) -> list[RunDirectory]:
    """The run directories that a path or a glob names; UsageError where there is none."""
    places = [expanded(pattern)]
    if not places[0].exists():
        places = [Path(place) for place in sorted(glob.glob(str(places[0]), recursive=True))]
    found = {one.path.resolve(): one for place in places for one in run_directories(place)}
    if not found:
        raise UsageError(f"run={pattern}: no run directory there, nor any that the pattern matches")
    return list(found.values())


if __name__ == "__main__":
    main()
