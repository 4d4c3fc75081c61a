"""The directories that the jobs of a sweep write, for the process that began the sweep.

Hydra hands what a job returns to its sweeper only, and a launcher may run jobs in other processes,
on other machines. So each job names its directory in a file, in a folder of this sweep's own below
`hydra.sweep.dir`, which such launchers need on a disk that all machines share anyway.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig


class Sweep(Callback):
    """Tells every process where the folder is. Hydra makes one for a command (conf/quiet.yaml) and
    gives it to launchers, which copy it into the processes of jobs."""

    current: Sweep | None = None  # the one of this process
    folder: Path | None = None  # None where no sweep has begun

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        self.folder = Path(config.hydra.sweep.dir).absolute() / f".jobs-{uuid4().hex}"
        Sweep.current = self

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        Sweep.current = self


def is_sweep() -> bool:
    """Whether this is a job of --multirun."""
    return HydraConfig.initialized() and HydraConfig.get().mode is RunMode.MULTIRUN


def add_directory(directory: Path) -> None:
    """Names the directory that this job writes; does nothing outside of a sweep."""
    folder = _folder()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        job = folder / f"{HydraConfig.get().job.num:06}"
        job.write_text(str(directory.absolute()), encoding="utf-8")


def take_directories() -> list[Path]:
    """The directories that the sweep's jobs have named, in the order of the jobs, each once.

    Called after the sweep, by the process that began it; removes the folder.
    """
    folder = _folder()
    if folder is None or not folder.exists():
        return []
    named = [Path(job.read_text(encoding="utf-8")) for job in sorted(folder.iterdir())]
    shutil.rmtree(folder)
    return list(dict.fromkeys(map(_short, named)))


def _folder() -> Path | None:
    return Sweep.current.folder if Sweep.current else None


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
