"""Content that is not the published one never goes by a published name."""

import json
import shutil
from pathlib import Path

import pytest
from hydra import initialize_config_module

from mtpb.compare import CompareConfig, gate
from mtpb.config import BenchmarkConfig, SandboxConfig
from mtpb.perplexity import run_config
from mtpb.rundir.store import RunDirectory
from mtpb.running.evaluation import Evaluation
from mtpb.study.experiment import ExperimentConfig, PlannedRun, SuiteConfig, planned_runs
from tests.mtpb.commands import QUICK, RAISES, call, call_with

PROBLEM = {
    "id": "1",
    "prompts": ["Print {A}."],
    "inputs": [{"A": 1}, {"A": 2}],
    "outputs": [1, 2],
    "reference": ["print({A})"],
}
OWN = ("benchmark=mtpb", "benchmark.path=own.jsonl", *QUICK, "sampling.temperature=0.8")


def write_own(folder: Path, name: str = "own.jsonl") -> Path:
    (folder / name).write_text(json.dumps(PROBLEM) + "\n")
    return folder / name


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one's own problem was run, with the defaults for name and output."""
    folder = tmp_path_factory.mktemp("own")
    write_own(folder)
    done = call("run", *OWN, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "codegen-300K-mono on own, %" in done.stdout
    assert "mtpb" not in done.stdout
    return folder


def the_run(folder: Path) -> RunDirectory:
    (manifest,) = (folder / "results").rglob("manifest.json")
    return RunDirectory(manifest.parent)


def test_own_content_is_called_as_its_file(finished: Path) -> None:
    run = the_run(finished)
    assert run.path.parent == finished / "results" / "own"
    manifest = run.manifest()
    assert manifest.benchmark.name == "own"
    assert manifest.identity["benchmark.name"] == "own"
    assert manifest.identity["benchmark.suite"] == "mtpb"


def test_another_name_gives_the_same_samples_elsewhere(finished: Path) -> None:
    done = call("run", *OWN, "benchmark.name=mine", "results=named", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert "codegen-300K-mono on mine, %" in done.stdout
    (samples,) = (finished / "named" / "mine").rglob("samples.jsonl")
    assert samples.read_bytes() == the_run(finished).samples_path.read_bytes()


def test_a_run_from_before_names_is_resumed_and_renamed(finished: Path) -> None:
    """Then `benchmark.name` named the suite, in the manifest and in config.yaml."""
    run = the_run(finished)
    samples = run.samples_path.read_bytes()
    as_before(run)
    run.samples_path.write_bytes(samples[: samples.index(b"\n") + 1])
    done = call("run", *OWN, f"output={run.path}", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert run.samples_path.read_bytes() == samples
    assert run.manifest().benchmark.name == "own"


def test_a_run_from_before_names_is_compared(finished: Path, tmp_path: Path) -> None:
    run = the_run(finished)
    shutil.copytree(run.path, tmp_path / "old")
    as_before(RunDirectory(tmp_path / "old"))
    assert gate(CompareConfig(str(tmp_path / "old"), str(run.path), output=str(tmp_path))) == 0


def as_before(run: RunDirectory) -> None:
    manifest = run.manifest().to_json()
    del manifest["identity"]["benchmark.suite"]
    manifest["identity"]["benchmark.name"] = manifest["benchmark"]["name"] = "mtpb"
    run.manifest_path.write_text(json.dumps(manifest))
    config = (run.path / "config.yaml").read_text()
    assert "  suite: mtpb\n  name: null\n" in config
    (run.path / "config.yaml").write_text(
        config.replace("  suite: mtpb\n  name: null\n", "  name: mtpb\n")
    )


def test_the_configuration_of_a_run_from_before_names_is_read(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(the_run(finished).path, tmp_path / "old")
    as_before(RunDirectory(tmp_path / "old"))
    config = run_config(RunDirectory(tmp_path / "old"))
    assert (config.benchmark.suite, config.benchmark.name) == ("mtpb", None)


@pytest.mark.parametrize("name", ["mtpb", "../own"])
def test_a_name_that_is_not_for_this_content_is_refused(name: str, tmp_path: Path) -> None:
    write_own(tmp_path)
    done = call("run", *OWN, f"benchmark.name='{name}'", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"error: benchmark.name={name}: " in done.stderr
    assert not (tmp_path / "results").exists()


def test_published_content_keeps_its_name(tmp_path: Path) -> None:
    done = call("run", *QUICK, "benchmark.name=mine", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "error: benchmark.name=mine: starter is the published starter" in done.stderr


def test_a_study_files_own_content_under_its_own_name(tmp_path: Path) -> None:
    path = write_own(tmp_path, "mtpb.jsonl")
    suite = SuiteConfig(benchmark="mtpb", path=str(path))
    experiment = ExperimentConfig("e", ["codegen-300K-mono"], [suite])
    folder = tmp_path / "e"
    (run,) = planned(experiment, folder)
    assert run.output == folder / "mtpb-custom" / "codegen-300K-mono_mtpb-custom_T0.2"


def planned(experiment: ExperimentConfig, folder: Path) -> list[PlannedRun]:
    with initialize_config_module("conf", version_base="1.3"):
        return planned_runs(experiment, folder)


def test_the_identity_of_published_content_is_as_it_was() -> None:
    """So that a run that was begun before content had names goes on by the same command."""
    identity = Evaluation.of(BenchmarkConfig("starter"), SandboxConfig()).asked
    assert "benchmark.suite" not in identity
    assert identity["benchmark.name"] == "starter"


COMMANDS = {
    "run": ("model.path=/nowhere",),
    "score": ("samples=nobody.jsonl",),
    "doctor": (),
    "study": ("dry_run=true", "experiment.suites=[{benchmark: mtpb, path: own.jsonl}]"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_that_content_is_not_the_published_one_is_said_in_the_terminal(
    command: str, tmp_path: Path
) -> None:
    write_own(tmp_path)
    (tmp_path / "nobody.jsonl").write_text('{"id": "9", "input": {}, "completions": ""}\n')
    chosen = () if command == "study" else OWN[:2]
    done = call_with(RAISES, "mtpb.checking.golden.suites", command, *chosen, *COMMANDS[command],
                     cwd=tmp_path)  # fmt: skip
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert line.startswith("warning: own.jsonl: not the published mtpb (SHA-256 ")
    assert line.endswith(": it runs as own; no published figures or errata apply")


def test_that_a_fetched_suite_cannot_be_kept_is_said_in_the_terminal(tmp_path: Path) -> None:
    fetched = (
        "from benchmarks import loader\n"
        "    loader._keep('', loader.Path('/proc/nowhere/x'))\n"
        "    raise loader.BenchmarkError('enough')"
    )
    done = call_with(fetched, "benchmarks.loader._published", "run", "benchmark=mtpb", cwd=tmp_path)
    assert done.returncode == 2
    assert "warning: /proc/nowhere/x: the fetched copy could not be kept (" in done.stderr
