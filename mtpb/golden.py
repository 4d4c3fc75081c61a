"""Writes golden.json: hashes of the embedded suites and models, and some logits.

    python -m mtpb.golden

To be run after weights or suites were changed on purpose. `mtpb.doctor` compares with the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mtpb.checking.golden import PATH, facts
from mtpb.cli.application import application
from mtpb.rundir.store import write_json


@dataclass
class GoldenConfig:
    """Where the facts are written."""

    output: str | None = None
    """The file; null: the one of the package."""


@application("golden", GoldenConfig)
def main(config: GoldenConfig) -> int:
    path = PATH if config.output is None else Path(config.output).expanduser()
    write_json(path, facts())
    print(path)
    return 0


if __name__ == "__main__":
    main()
