"""What works on this machine beside what is always there, and how to get the rest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from mtpb.samplers.builtin.choice import gpus

EXTRAS = {
    "endpoint": "model=openai",
    "transformers": "model=transformers",
    "ray": "engine=ray",
    "slurm": "hydra/launcher=submitit_slurm",
    "serve": "mtpb serve",
}
"""What each extra of the package is for."""


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that may be used. `missing` is what it lacks and how to get that; "": nothing."""

    name: str
    missing: str

    def __str__(self) -> str:
        return f"{'missing' if self.missing else 'ready':8} {self.name}" + (
            f": {self.missing}" if self.missing else ""
        )


def features() -> Iterator[Feature]:
    """All features that an installation may lack."""
    if not _declared():
        yield Feature("extras", "mtpb runs from its source, which does not say what they need")
    for extra, name in EXTRAS.items() if _declared() else ():
        lacking = ", ".join(map(str, lacking_packages(extra)))
        how = f"{lacking}; get it by pip install -c constraints.txt -e '.[{extra}]' in the clone"
        yield Feature(name, lacking and how)
    yield Feature("engine.device=cuda", _without_gpu())
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
        yield Feature("the hub", "HF_HUB_OFFLINE is set: unset it, or take what is in the cache")


def _declared() -> list[Requirement]:
    """What the package's own metadata ask for; nothing where it runs from its source."""
    try:
        return [Requirement(text) for text in metadata.requires("mtpb") or ()]
    except metadata.PackageNotFoundError:
        return []


def lacking_packages(extra: str) -> list[Requirement]:
    """The requirements of an extra that are not installed, or in another version."""
    wanted = [
        one
        for one in _declared()
        if one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate()
    ]
    for one in wanted:
        one.marker = None
    return [one for one in wanted if not _installed(one)]


def _installed(wanted: Requirement) -> bool:
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return False
    return wanted.specifier.contains(version, prereleases=True)


def _without_gpu() -> str:
    if not gpus():
        return "torch finds no GPU here; with one, its build for CUDA is needed"
    if shutil.which(os.environ.get("CC", "cc")) is None and shutil.which("gcc") is None:
        return "no C compiler, which Triton needs; install gcc"
    return ""
