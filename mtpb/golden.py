"""Writes golden.json: hashes of the embedded suites and models, and some logits.

    mtpb golden
    mtpb golden output=golden.json

To be run after weights or suites were changed on purpose. `mtpb.doctor` compares with the file.
"""

from __future__ import annotations

from mtpb.checking.golden import PATH, facts
from mtpb.cli.application import application
from mtpb.config import GoldenConfig
from mtpb.rundir.store import expanded, write_json


@application("golden", GoldenConfig)
def main(config: GoldenConfig) -> int:
    path = PATH if config.output is None else expanded(config.output)
    write_json(path, facts())
    print(path)
    return 0


if __name__ == "__main__":
    main()
