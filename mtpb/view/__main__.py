"""Shows the report of runs in a browser while they go on, on this machine only.

    mtpb view results/starter/RUN
    mtpb view results port=8080

The page is that of `mtpb.report`, with the numbers of unfinished runs marked; it is made again as
samples come. Ctrl-C ends it. Reads only: a run is never disturbed.
"""

from __future__ import annotations

from mtpb.cli.application import application
from mtpb.config import ViewConfig
from mtpb.errors import UsageError
from mtpb.report.build import Options
from mtpb.report.published import SHIPPED, Published
from mtpb.view.pages import page, stamp
from mtpb.view.server import HOST, LivePage, PageServer


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


if __name__ == "__main__":
    main()
