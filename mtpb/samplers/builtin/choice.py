"""The built-in model of a configuration: its checkpoint, and what its engine will run on.

Loads no weights; torch is imported only to count GPUs where there may be some.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from models import CodeGenConfig
from models.dtype import choose_dtype
from models.engine.options import default_slots
from models.hashes import tokenizer_sha256, weights_sha256
from models.hub import local, resolve
from models.layout import is_whole, read_config
from mtpb.config import Dtype, EngineConfig, ModelConfig
from mtpb.errors import UsageError
from mtpb.rundir.manifest import ModelFacts
from mtpb.rundir.store import expanded
from mtpb.samplers.facts import data_variant, size_label

NOMINAL_SIZES = {
    CodeGenConfig(n_layer=layers, n_embd=width, n_head=heads, rotary_dim=rotary).parameters: label
    for label, layers, width, heads, rotary in (
        ("350M", 20, 1024, 16, 32),
        ("2B", 32, 2560, 32, 64),
        ("6B", 33, 4096, 16, 64),
        ("16B", 34, 6144, 24, 64),
    )
} | {297_472: "300K"}  # the smallest embedded model


_GPU_NODES = ("/dev/nvidiactl", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on this machine: its directory, its geometry and its section of the manifest.

    `commit` is that of a repository on the hub, None for others.
    """

    directory: Path
    geometry: CodeGenConfig
    facts: ModelFacts
    commit: str | None


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine's settings with every `auto` and null resolved."""

    device: str
    dtype: str
    slots: int
    deterministic: bool


def find_checkpoint(model: ModelConfig) -> Checkpoint:
    """The checkpoint that a configuration names: a directory, an embedded model or a hub id."""
    directory = resolve(model.path, model.revision).absolute()
    geometry = read_config(directory)
    given = expanded(model.path)
    name = model.name or (given.resolve() if given.is_dir() else given).name
    facts = ModelFacts(
        name=name,
        path=model.path,
        revision=model.revision,
        data=model.data or data_variant(name),
        size=size_label(geometry.parameters, NOMINAL_SIZES),
        parameters=geometry.parameters,
        weights_sha256=weights_sha256(directory),
        tokenizer_sha256=tokenizer_sha256(directory),
    )
    commit = directory.name if local(model.path) is None else None
    return Checkpoint(directory, geometry, facts, commit)


def found_here(checkpoint: Checkpoint) -> Path:
    """The directory of a checkpoint that another machine may have found.

    From the hub it is fetched where it is not whole, once a machine, at the same commit. Raises
    UsageError for a directory that is not here.
    """
    source = checkpoint.facts.path or ""
    if checkpoint.commit is not None:
        if is_whole(checkpoint.directory):  # another actor may be fetching it
            return checkpoint.directory
        return resolve(source, checkpoint.commit)
    if checkpoint.directory.is_dir():
        return checkpoint.directory
    if (embedded := local(source)) is not None:
        return embedded
    raise UsageError(
        f"model.path={source}: {platform.node()} has no {checkpoint.directory}; put "
        "it on a file system that all nodes share, or at the same path on each"
    )


def choose_engine(config: EngineConfig, geometry: CodeGenConfig) -> EngineChoice:
    """Resolves device, dtype and slots where the configuration leaves them open."""
    if config.device == "auto":
        device = "cuda" if gpus() else "cpu"
    else:
        device = config.device
        check_device(device)
    kind = device.partition(":")[0]
    dtype = None if config.dtype is Dtype.auto else config.dtype.value
    slots = config.slots or default_slots(geometry, kind)
    return EngineChoice(device, choose_dtype(geometry, kind, dtype), slots, config.deterministic)


def check_device(device: str) -> None:
    """Raises UsageError for a name that is not a device, or a GPU that does not exist."""
    named = re.fullmatch(r"cpu|cuda(?::([0-9]{1,4}))?", device)
    if named is None:
        raise UsageError(f"engine.device={device}: must be auto, cpu, cuda or cuda:N")
    if device == "cpu":
        return
    there = gpus()
    if int(named.group(1) or 0) >= there:
        found = f"{there} there, counted from cuda:0" if there else "torch finds none here"
        raise UsageError(
            f"engine.device={device}: no such GPU ({found}); name another, or leave the key out to "
            "take what there is"
        )


def gpus() -> int:
    """How many GPUs torch can use; torch is imported only if the system has GPU nodes."""
    if not any(Path(node).exists() for node in _GPU_NODES):
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
