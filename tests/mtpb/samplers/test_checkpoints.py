"""Checkpoints that one machine found and others load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import ModelError, serve
from models.embedded import embedded
from models.engine import memory
from models.engine.options import EngineOptions, Sampling
from mtpb.config import ModelConfig
from mtpb.errors import UsageError
from mtpb.samplers.builtin.choice import EngineChoice, find_checkpoint, found_here
from mtpb.samplers.builtin.sampler import load_engine
from tests.models.hub_server import COMMIT, Hub

# huggingface_hub reads its variables when it is imported, hence a process of its own
ELSEWHERE = """
import sys
from pathlib import Path
from mtpb.samplers.builtin.choice import Checkpoint, found_here
from mtpb.rundir.manifest import ModelFacts
directory, commit = sys.argv[1:]
facts = ModelFacts(name="tiny", path="owner/tiny")
print(found_here(Checkpoint(Path(directory), None, facts, commit)))
"""


@pytest.mark.parametrize("begun", [False, True])
def test_machines_fetch_the_commit_once_however_many_actors_ask(
    begun: bool, tmp_path: Path
) -> None:
    """Also where the directory is there because another actor has begun to fetch."""
    there = tmp_path / "hub" / "models--owner--tiny" / "snapshots" / COMMIT
    if begun:
        there.mkdir(parents=True)
        shutil.copy(embedded("codegen-300K-nl") / "config.json", there)
    with Hub().add(embedded("codegen-300K-nl")).serving() as hub:
        environment = os.environ | {
            "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"
        }  # fmt: skip
        actors = [
            subprocess.Popen(
                [sys.executable, "-c", ELSEWHERE, str(there), COMMIT], env=environment,
                stdout=subprocess.PIPE, text=True,
            )
            for _ in range(3)
        ]  # fmt: skip
        said = {actor.communicate(timeout=120)[0].strip() for actor in actors}
        assert len(said) == 1
        (directory,) = map(Path, said)
        assert directory.name == COMMIT
        assert json.loads((directory / "config.json").read_text())["n_layer"] == 2
        assert directory == there
        assert (directory / "tokenizer.json").exists()
        assert hub.downloads.count("model.safetensors") == 1


def test_embedded_models_are_found_where_the_package_is_elsewhere() -> None:
    there = find_checkpoint(ModelConfig(path="codegen-300K-nl"))
    moved = replace(there, directory=Path("/another/machine/codegen-300K-nl"))
    assert found_here(there) == found_here(moved) == embedded("codegen-300K-nl")


def test_a_directory_that_a_machine_lacks_is_named(tmp_path: Path) -> None:
    there = find_checkpoint(ModelConfig(path=str(embedded("codegen-300K-nl"))))
    lacking = replace(there, directory=tmp_path / "x", facts=replace(there.facts, path="x"))
    with pytest.raises(UsageError, match=r"model\.path=x: .* has no .*; put it on a file system"):
        found_here(lacking)


def by_run() -> object:
    there = find_checkpoint(ModelConfig(path="codegen-300K-nl"))
    choice = EngineChoice("cuda", "float16", 4, deterministic=False)
    return load_engine(there, choice, EngineOptions(slots=4), Sampling(), plain_tokens=False)


def by_server() -> object:
    return serve._load(serve.Options(model="codegen-300K-nl", device="cuda"))


@pytest.mark.parametrize("load", [by_run, by_server])
def test_gpus_that_are_too_small_together_are_named(
    load: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(memory, "available", lambda device: (1 << 30) + device.index)
    with pytest.raises(ModelError, match=r"free are cuda:0 1\.00 GiB, cuda:1 1\.00 GiB"):
        load()
