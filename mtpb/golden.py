"""Writes golden.json: hashes of the embedded suites and models, and some logits.

    mtpb golden
    mtpb golden output=golden.json

To be run after weights or suites were changed on purpose. `mtpb.doctor` compares with the file.
"""

from __future__ import annotations

from pathlib import Path

from mtpb.checking.golden import PATH, facts
from mtpb.cli.application import application
from mtpb.config import GoldenConfig
from mtpb.rundir.store import write_json


@application("golden", GoldenConfig)
def main(config: GoldenConfig) -> int:
    path = PATH if config.output is None else Path(config.output).expanduser()
    write_json(path, facts())
    print(path)
    return 0


if __name__ == "__main__":
    main()
