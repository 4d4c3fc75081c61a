"""What is planned before anything heavy begins: sizes, devices, and what each costs."""

import tracemalloc
from pathlib import Path

import pytest

from benchmarks import load
from mtpb.checking import golden
from mtpb.errors import UsageError
from mtpb.rundir.records import Key, Sample
from mtpb.rundir.store import RunDirectory, RunWriter
from mtpb.running.conversation import Conversations
from mtpb.samplers.builtin import choice
from mtpb.samplers.builtin.choice import check_device
from tests.mtpb.commands import QUICK, RAISES, call, call_with
from tests.mtpb.runs import manifest_of

STARTER = load("starter")


def test_conversations_are_in_canonical_order_each_time_they_are_asked_for() -> None:
    conversations = Conversations(load("starter-function"), n=2)
    keys = [conversation.key for conversation in conversations]
    ids = [problem.id for problem in conversations.benchmark.problems]
    assert keys == [Key(id, 0, sample) for id in ids for sample in (0, 1)]
    assert len(conversations) == len(keys)
    assert [conversation.key for conversation in conversations] == keys


def test_a_plan_takes_no_memory_for_what_is_not_there_yet(tmp_path: Path) -> None:
    """Neither its conversations nor the order that the directory is put into."""
    planned = Conversations(STARTER, n=600)
    assert len(planned) == 207_000
    with RunWriter(tmp_path, manifest_of({"1": [[True]]}), "") as writer:
        for number in (1, 0):
            writer.add_sample(Sample(STARTER.problems[0].id, 0, number, (), "print(1)"))
        tracemalloc.start()
        writer.put_in_order(planned)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 1_000_000
    assert [sample.sample for sample in RunDirectory(tmp_path).samples()] == [0, 1]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("sampling.n=1000000000",), "sampling.n=1000000000: must be from 1 to 10,000,000"),
        (
            ("sampling.n=28986", "benchmark.limit=null"),
            "sampling.n=28986: 345 cases would make 10,000,170 samples, and a run may have "
            "10,000,000",
        ),
    ],
)
def test_more_samples_than_a_run_may_have_are_refused_at_once(
    overrides: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    """Before the checkpoint is looked for."""
    done = call("run", *QUICK, *overrides, "model.path=/nowhere", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {says}")


def test_a_study_refuses_a_run_that_is_too_large(tmp_path: Path) -> None:
    suites = "experiment.suites=[{benchmark: starter, n: 28986}]"
    done = call("study", suites, "dry_run=true", f"output={tmp_path}", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "10,000,170 samples" in done.stderr


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:9"])
def test_a_gpu_that_is_not_there_is_refused_in_the_plan(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "gpus", lambda: 0)
    with pytest.raises(UsageError, match=rf"^engine.device={device}: no such GPU \(torch finds"):
        check_device(device)


def test_gpus_are_counted_from_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "gpus", lambda: 2)
    for device in ("cpu", "cuda", "cuda:1"):
        check_device(device)
    with pytest.raises(UsageError, match=r"^engine.device=cuda:2: no such GPU \(2 there"):
        check_device("cuda:2")


@pytest.mark.parametrize("device", ["abacus", "cuda:", "cuda:x", "cuda:-1", "cpu:1", ""])
def test_what_is_no_device_is_refused(device: str) -> None:
    with pytest.raises(UsageError, match=r"must be auto, cpu, cuda or cuda:N"):
        check_device(device)


def test_a_device_that_is_not_there_is_told_before_the_sandbox_is_opened(tmp_path: Path) -> None:
    opened = "mtpb.running.evaluation.Evaluation.open_pool"
    overrides = (*QUICK, "engine.device=cuda:99")
    done = call_with(RAISES, opened, "run", *overrides, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: engine.device=cuda:99: no such GPU (")


@pytest.mark.parametrize("path", ["nosuch.jsonl", "empty", "secret.jsonl"])
def test_a_wrong_path_of_samples_is_told_before_a_suite_is_fetched(
    path: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "secret.jsonl").symlink_to("secret.jsonl")  # to nowhere: cannot be opened
    done = call_with(RAISES, "benchmarks.loader._published", "score", f"samples={path}",
                     "benchmark=mtpb", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: samples={path}: ")


def test_asking_golden_for_help_writes_nothing(tmp_path: Path) -> None:
    before = golden.PATH.stat().st_mtime_ns
    done = call("golden", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "output" in done.stdout
    assert golden.PATH.stat().st_mtime_ns == before
