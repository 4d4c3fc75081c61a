"""Shards of `mtpb.run`, merged: the bytes of one run, and no sample depends on its shard."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from mtpb.config import RunConfig
from mtpb.merge import merge
from mtpb.run import run
from mtpb.rundir.records import Key
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call_with

QUICK = (
    "model=codegen-300K-mono",
    "sampling.max_new_tokens=6",
    "sampling.temperature=0.8",
    "sandbox.workers=1",
)
STARTER = (*QUICK, "benchmark.limit=2", "sampling.n=9")


def config_of(*overrides: str) -> RunConfig:
    with initialize_config_module("conf", version_base="1.3"):
        config = OmegaConf.to_object(compose("run", overrides=list(overrides)))
    assert isinstance(config, RunConfig)
    return config


def samples_of(path: Path) -> dict[Key, str]:
    return {sample.key: sample.to_json() for sample in RunDirectory(path).samples()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and the same in three shards."""
    folder = tmp_path_factory.mktemp("shards")
    assert run(config_of(*STARTER, f"output={folder}/whole")) == 0
    for number in (1, 2, 3):
        assert run(config_of(*STARTER, f"shard={number}/3", f"output={folder}/{number}")) == 0
    return folder


def test_merged_shards_have_the_bytes_of_one_run(folder: Path) -> None:
    assert merge([f"{folder}/[123]"], folder / "merged") == 0
    whole, merged = RunDirectory(folder / "whole"), RunDirectory(folder / "merged")
    assert merged.samples_path.read_bytes() == whole.samples_path.read_bytes()
    assert merged.manifest().identity == whole.manifest().identity
    assert [v.passed for v in merged.verdicts()] == [v.passed for v in whole.verdicts()]
    results = whole.metrics()["results"], merged.metrics()["results"]
    assert results[0] == results[1]


def test_a_merged_run_goes_on_as_one_run(folder: Path) -> None:
    assert merge([f"{folder}/[123]"], folder / "grown") == 0
    before = samples_of(folder / "grown")
    assert run(config_of(*STARTER, "sampling.n=10", f"output={folder}/grown")) == 0
    after = samples_of(folder / "grown")
    assert len(after) == len(before) * 10 // 9
    assert before.items() <= after.items()


@pytest.mark.parametrize("target", ["_rewrite", "write_json", "write_whole"])
def test_a_merge_that_is_killed_is_repeated(target: str, folder: Path, tmp_path: Path) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    asked = (f"runs='{folder}/[123]'", f"output={tmp_path}/merged")
    done = call_with(kill, f"mtpb.rundir.store.{target}", "merge", *asked, cwd=tmp_path)
    assert done.returncode == -9
    assert merge([f"{folder}/[123]"], tmp_path / "merged") == 0
    assert samples_of(tmp_path / "merged") == samples_of(folder / "whole")


def test_samples_of_mtpb_do_not_depend_on_the_shard(data_dir: Path, tmp_path: Path) -> None:
    asked = (
        *QUICK,
        "benchmark=mtpb",
        f"benchmark.path={data_dir / 'mtpb.jsonl'}",
        "benchmark.limit=2",
        "sampling.n=2",
    )
    assert run(config_of(*asked, f"output={tmp_path}/whole")) == 0
    assert run(config_of(*asked, "shard=2/4", f"output={tmp_path}/part")) == 0
    part = samples_of(tmp_path / "part")
    assert 0 < len(part) < 20
    assert part.items() <= samples_of(tmp_path / "whole").items()


def test_a_shard_without_conversations_is_finished_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config_of(*STARTER, "shard=500/999", f"output={tmp_path}/part")) == 0
    assert "shard 500/999: 0 of 0 samples are judged" in capsys.readouterr().out
