"""Shows the report of runs in a browser while they go on, on this machine only.

    python -m mtpb.view run=RUN

The page is that of `mtpb.report`, with the numbers of unfinished runs marked; it is made again as
samples come. Ctrl-C ends it. Reads only: a run is never disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from omegaconf import MISSING

from mtpb.cli.application import application
from mtpb.errors import UsageError
from mtpb.report.build import Options, report
from mtpb.report.page.live import HOST, LivePage, PageServer
from mtpb.report.page.write import page_of, waiting_page
from mtpb.report.published import SHIPPED, Published
from mtpb.report.runs import find_runs
from mtpb.rundir.events import FILE
from mtpb.rundir.store import RunDirectory


@dataclass
class ViewConfig:
    """Which runs are shown, and where."""

    run: str = MISSING
    """A run directory, a folder of such, or a glob."""
    port: int = 0
    """The port on 127.0.0.1; 0: a free one."""
    figures: bool = True
    """Draw figures."""


@application("view", ViewConfig)
def main(config: ViewConfig) -> int:
    if not 0 <= config.port < 65536:
        raise UsageError(f"port={config.port}: must be from 0 to 65535")
    options = Options(published=Published.read(SHIPPED), figures=config.figures, partial=True)
    live = LivePage(lambda: stamp(config.run), lambda state: page(config.run, options, state))
    live.page()  # what is wrong with the runs is said before anything is served
    try:
        server = PageServer(live, config.port)
    except OSError as error:
        raise UsageError(
            f"port={config.port}: {HOST} cannot be listened on ({error.strerror}); name another "
            "port, or 0 for a free one"
        ) from error
    with server:
        print(server.address, flush=True)
        server.serve_forever()
    return 0


def stamp(run: str) -> str:
    """The sizes and times of the files that a page is made of."""
    found = [one.directory for one in find_runs(run) if one.directory]
    return repr([(str(one.path), _times(one)) for one in found])


def _times(directory: RunDirectory) -> Sequence[tuple[int, int]]:
    paths = (directory.samples_path, directory.verdicts_path, directory.path / FILE)
    stats = [path.stat() for path in paths if path.exists()]
    return [(stat.st_size, stat.st_mtime_ns) for stat in stats]


def page(run: str, options: Options, state: str) -> str:
    """The page of the runs as they are now; one that says so while nothing is judged yet."""
    runs = find_runs(run)
    if not any(one.judged for one in runs):
        return waiting_page(runs[0].extent)
    made = report(runs, options)
    made = made if options.figures else replace(made, figures=())
    return page_of(made, options.limits, state)[0]


if __name__ == "__main__":
    main()
