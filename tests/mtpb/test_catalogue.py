"""The lists of models and suites: complete, with true sizes, and with what is on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.suites import SUITES, Derived, Published
from mtpb.catalogue.benchmarks import benchmarks_table
from mtpb.catalogue.models import models_table
from mtpb.tables import Cell
from tests.mtpb.commands import call

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = {
    "mtpb": "mtpb.jsonl",
    "mtpb-plus": "mtpb.jsonl",
    "mtpb-verified": "mtpb.jsonl",
    "humaneval": "HumanEval.jsonl.gz",
    "mbpp": "mbpp.jsonl",
}


def column(table: str, key: str) -> dict[Cell, Cell]:
    """A column of a table by the first one."""
    made = {"models": models_table, "benchmarks": benchmarks_table}[table]()
    index = [one.key for one in made.columns].index(key)
    return {row[0]: row[index] for row in made.rows}


@pytest.mark.parametrize(("table", "group"), [("models", "model"), ("benchmarks", "benchmark")])
def test_every_choice_of_the_group_is_listed(table: str, group: str) -> None:
    assert set(column(table, "source")) == {path.stem for path in (CONF / group).glob("*.yaml")}


@pytest.mark.parametrize("suite", ["starter", "starter-function"])
def test_embedded_suites_have_as_many_problems_as_listed(suite: str) -> None:
    assert column("benchmarks", "problems")[suite] == len(load(suite).problems)


@pytest.mark.parametrize("suite", FILES)
def test_published_suites_have_as_many_problems_as_listed(suite: str, data_dir: Path) -> None:
    home = SUITES[suite].home
    assert isinstance(home, Published | Derived)
    assert home.problems == len(load(suite, data_dir / FILES[suite]).problems)


def test_a_model_is_here_once_its_weights_are_whole_in_the_cache(tmp_path: Path) -> None:
    for name, files in {
        "codegen-350M-mono": {"tokenizer.json": "{}", "model.safetensors": 2000 * "w"},
        "codegen-350M-nl": {"config.json": "{}", "tokenizer.json": "{}"},
        "codegen-2B-nl": {
            "pytorch_model.bin.index.json": '{"weight_map": {"a": "1.bin", "b": "2.bin"}}',
            "1.bin": "w",
        },
    }.items():
        snapshot = tmp_path / f"models--Salesforce--{name}" / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        for file, text in files.items():
            (snapshot / file).write_text(text)
    done = call("models", cwd=tmp_path, HF_HUB_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    here = {line.split()[0]: line for line in done.stdout.splitlines() if "hub: " in line}
    assert "2.0 kB" in here["codegen-350M-mono"]
    assert " no " in here["codegen-350M-nl"]
    assert " no " in here["codegen-2B-nl"]


def test_a_suite_is_here_once_its_copy_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTPB_CACHE", str(tmp_path))
    assert not column("benchmarks", "here")["mtpb-plus"]
    home = SUITES["mtpb"].home
    assert isinstance(home, Published)
    (tmp_path / f"mtpb-{home.sha256[:12]}.jsonl").touch()
    here = column("benchmarks", "here")
    assert here["mtpb-plus"]
    assert here["mtpb"]
    assert not here["humaneval"]


def test_what_only_tells_imports_nothing_heavy(tmp_path: Path) -> None:
    program = """
import sys
from mtpb.__main__ import main
for line in ("score --help", "--help", "models", "benchmarks"):
    sys.argv[1:] = line.split()
    try:
        main()
    except SystemExit as end:
        assert not end.code, line
assert not {"torch", "pandas", "hydra"} & set(sys.modules)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_of_a_module_is_that_of_its_command_and_imports_nothing_heavy(tmp_path: Path) -> None:
    said = []
    for module in (("mtpb", "run"), ("mtpb.run",)):
        command = [sys.executable, "-X", "importtime", "-m", *module, "--help"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert not {"torch", "numpy", "hydra"} & imported
        said.append((done.returncode, done.stdout))
    assert said[0] == said[1]
    assert said[0][0] == 0
