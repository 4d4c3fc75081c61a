"""`python -m mtpb.run` as its users call it, on an embedded model and two short problems."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mtpb.rundir.store import RunDirectory
from tests.mtpb.runs import passes, run_of
from tests.processes import run_module

FILES = (
    ".lock",
    "config.yaml",
    "events.jsonl",
    "manifest.json",
    "metrics.json",
    "samples.jsonl",
    "verdicts.jsonl",
)
RULE = "\n─────"
LOGS = ("events.jsonl", "manifest.json")
"""Say when and where the run went on, so each command adds to them."""
QUICK = (
    "model=codegen-300K-mono",
    "benchmark.limit=2",
    "sampling.n=2",
    "sampling.max_new_tokens=24",
    "sampling.temperature=0.8",
    "sandbox.workers=1",
)


def command(*overrides: str) -> list[str]:
    return [sys.executable, "-m", "mtpb.run", *QUICK, *overrides]


def run(*overrides: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_module("mtpb.run", *QUICK, *overrides, cwd=cwd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("finished")
    done = run("output=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_run_leaves_all_files_of_the_contract(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == sorted(FILES)


def test_lines_are_in_canonical_order(finished: Path) -> None:
    keys = [sample.key for sample in RunDirectory(finished).samples()]
    assert [(k.case, k.sample) for k in keys] == [(c, s) for c in range(5) for s in range(2)] * 2
    assert [verdict.key for verdict in RunDirectory(finished).verdicts()] == keys


def test_program_is_made_of_its_turns(finished: Path) -> None:
    for sample in RunDirectory(finished).samples():
        for turn in sample.turns:
            assert f"# {turn.prompt}\n{turn.text}" in sample.program


def test_second_call_finds_nothing_left_to_do(finished: Path) -> None:
    before = {name: (finished / name).read_bytes() for name in FILES if name not in LOGS}
    assert run("output=run", cwd=finished.parent).returncode == 0
    assert {name: (finished / name).read_bytes() for name in before} == before


def test_a_run_prints_one_table_and_what_to_do_next(finished: Path) -> None:
    done = run("output=run", cwd=finished.parent)
    assert done.stdout.count(RULE) == 3  # around the heading, and below
    assert done.stdout.splitlines()[-1] == "run"
    assert done.stderr.splitlines()[-1].startswith("next: mtpb show run ")


def test_a_sweep_prints_one_table_of_all_its_runs(tmp_path: Path) -> None:
    """And of no others."""
    run_of(tmp_path / "results" / "other", {"1": [passes(1, 2)]})
    jobs = ("sampling.top_p=0.9,0.95", "hydra.sweep.dir=sweep", "--multirun")
    done = run(*jobs, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(RULE) == 3
    assert ", sampling.top_p=0.9 " in done.stdout
    assert ", sampling.top_p=0.95 " in done.stdout
    assert "toy" not in done.stdout
    assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["multirun.yaml"]


def test_killed_run_resumes_to_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("output=run"), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    samples = tmp_path / "run" / "samples.jsonl"
    while process.poll() is None and not (samples.exists() and samples.stat().st_size):
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run("output=run", cwd=tmp_path).returncode == 0
    assert samples.read_bytes() == (finished / "samples.jsonl").read_bytes()


def test_samples_do_not_depend_on_the_problems_asked_for(finished: Path, tmp_path: Path) -> None:
    everything = list(RunDirectory(finished).samples())
    second = everything[-1].problem
    done = run(f"benchmark.problems=[{second}]", "output=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(RunDirectory(tmp_path / "run").samples()) == [
        sample for sample in everything if sample.problem == second
    ]


def test_another_seed_is_another_directory_and_other_samples(
    finished: Path, tmp_path: Path
) -> None:
    folders = []
    for seed in (0, 1):
        done = run(f"seed={seed}", "benchmark.limit=1", cwd=tmp_path)
        folders.append(tmp_path / done.stdout.strip().splitlines()[-1])
    first, second = (folder / "samples.jsonl" for folder in folders)
    assert first.read_bytes() != second.read_bytes()


def test_other_configuration_is_refused(finished: Path) -> None:
    done = run("output=run", "sampling.top_p=0.5", cwd=finished.parent)
    assert done.returncode == 2
    assert "sampling.top_p: 0.95 there, 0.5 now" in done.stderr


def test_manifest_names_what_the_numbers_depend_on(finished: Path) -> None:
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["model"]["name"] == "codegen-300K-mono"
    assert len(manifest["identity"]["model.weights_sha256"]) == 64
    assert len(manifest["identity"]["benchmark.sha256"]) == 64
    assert manifest["sandbox"]["layers"]
    assert manifest["throughput"]["tokens"] > 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=codegen-3B-mono", "codegen-3B-mono"),
        ("model.path=/nowhere/at/all", "/nowhere/at/all"),
        ("sampling.n=0", "sampling.n=0"),
        ("sampling.n=many", "sampling.n"),
        ("sampling.temperature=-1", "sampling.temperature=-1"),
        ("sampling.k=[5]", "sampling.k=5"),
        ("benchmark.path=nowhere.jsonl", "nowhere.jsonl"),
        ("engine.device=abacus", "abacus"),
        ("output=/proc/nowhere", "/proc/nowhere"),
        ("colour=blue", "colour"),
    ],
)
def test_bad_configuration_is_one_message_and_status_2(
    override: str, message: str, tmp_path: Path
) -> None:
    done = run(override, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
