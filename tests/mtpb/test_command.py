"""The command `mtpb`: subcommands, values without keys, folders that shadow, completion."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from mtpb.cli.completion import SCRIPTS, candidates
from mtpb.cli.help import split
from mtpb.cli.keys import composed, keys_of
from mtpb.cli.subcommands import commands, docstring, quoted, with_keys
from mtpb.config import SCHEMAS
from tests.mtpb.runs import passes, run_of

OWN = "raise SystemExit('a file of the user')"


def mtpb(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mtpb", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose own files have the names of our packages, with a run directory."""
    folder = tmp_path_factory.mktemp("the user's own")
    for name in ("models", "benchmarks", "conf"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(OWN)
    (folder / "sandbox.py").write_text(OWN)
    run_of(folder / "a run, 'mine'", {"1": [passes(1, 2)]})
    return folder


def test_help_names_every_command(folder: Path) -> None:
    said = mtpb("--help", cwd=folder).stdout
    for name in commands():
        assert f"\n  {name} " in said
    assert mtpb("--version", cwd=folder).stdout.startswith("mtpb ")


def test_an_unknown_command_is_status_2_with_the_nearest_one(folder: Path) -> None:
    done = mtpb("scoer", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == "error: no command 'scoer'; did you mean score?\n"


def test_commands_work_in_a_folder_that_has_packages_of_the_same_names(folder: Path) -> None:
    done = mtpb("show", "a run, 'mine'", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


@pytest.mark.parametrize(
    "value", ["a", "a b", "it's", "x,y", "[1]", "a\\b", "a\\'", "a\\", "null", "{a}", "é/*", "é"]
)
def test_a_value_without_a_key_arrives_as_it_is(value: str) -> None:
    override = OverridesParser.create().parse_override(f"run={quoted(value)}")
    assert override.value() == value


def test_values_get_their_keys() -> None:
    assert with_keys("compare", ["a", "force=true", "b"]) == [
        "baseline=a",
        "candidate=b",
        "force=true",
    ]
    assert with_keys("report", ["a", "b c", "output=x"]) == ["runs=[a,'b c']", "output=x"]
    assert with_keys("serve", ["my model", "port=0"]) == ["model=my model", "port=0"]
    assert with_keys("run", ["seed=1", "--cfg", "job"]) == ["seed=1", "--cfg", "job"]


def test_a_package_that_another_distribution_overwrote_is_named(tmp_path: Path) -> None:
    """Both by the command and by the module."""
    site = tmp_path / "site"
    for name in ("mtpb", "models", "benchmarks", "conf"):
        shutil.copytree(name, site / name, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    (site / "sandbox").mkdir()
    (site / "sandbox" / "__init__.py").write_text("")
    for name in ("mtpb", "other"):
        info = site / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "top_level.txt").write_text("sandbox\n")
    for module in ("mtpb.run", "mtpb"):
        done = subprocess.run(
            [sys.executable, "-m", module, *(["run"] if module == "mtpb" else [])],
            cwd=site, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "the package `sandbox` of mtpb is overwritten by other" in done.stderr


def test_completion_knows_commands_groups_choices_and_keys() -> None:
    assert candidates("sc", "sc") == ["score"]
    assert "benchmark=" in candidates("run", "bench")
    assert candidates("run", "benchmark=starter-") == ["benchmark=starter-function"]
    assert candidates("run", "sampling.temp") == ["sampling.temperature="]
    assert "sandbox.isolation=full" in candidates("run", "sandbox.isolation=")


def import_command(command: str) -> None:
    """Registers its schema."""
    if not hasattr(importlib.import_module(f"mtpb.{command}"), "main"):
        importlib.import_module(f"mtpb.{command}.__main__")


def test_every_application_has_its_schema() -> None:
    assert set(SCHEMAS) == {path.stem for path in Path("conf").glob("*.yaml")} - {"quiet"}
    for command in SCHEMAS:
        import_command(command)
        node = ConfigStore.instance().load(f"{command}_schema.yaml").node
        assert OmegaConf.get_type(node) is SCHEMAS[command]


WAYS = [(command, ()) for command in SCHEMAS] + [
    ("run", ("model=openai", "sampling=greedy", "seed=7")),
    ("run", ("model=transformers", "model.path=a b", "engine=ray", "sampling.k=[1,10]")),
    ("rescore", ("benchmark=mtpb-verified", "sandbox.timeout=30")),
    ("study", ("experiment=paper", "html.enabled=false")),
]


@pytest.mark.parametrize(("command", "overrides"), WAYS)
def test_help_shows_what_hydra_composes(command: str, overrides: tuple[str, ...]) -> None:
    import_command(command)
    with initialize_config_module("conf", version_base="1.3"):
        assert composed(command, overrides)[0] == compose(command, overrides=list(overrides))


@pytest.mark.parametrize(("command", "overrides"), WAYS)
def test_every_key_has_a_sentence_and_an_example_where_none_is_to_be_seen(
    command: str, overrides: tuple[str, ...]
) -> None:
    known = keys_of(command, overrides)
    for key in known.keys:
        assert key.sentence.endswith("."), key
        assert key.example or key.choices or key.value not in ("null", "…", "[]"), key
    examples = [f"{key.name}={key.example}" for key in known.keys if key.example]
    for example in examples:
        assert OverridesParser.create().parse_override(example).value() is not None
    composed(command, [*overrides, *examples])
    for group in known.groups:
        assert group.sentence, group
        assert all(group.choices.values()) or group.name in ("model", "experiment"), group


@pytest.mark.parametrize("command", [*SCHEMAS, "models", "benchmarks"])
def test_help_ends_with_examples_that_compose(command: str) -> None:
    _, examples = split(docstring(command))
    assert len(examples) in (2, 3)
    assert any(example.startswith(command) for example in examples)
    for example in examples:
        name, *arguments = shlex.split(example.partition(" | ")[0])
        if name in SCHEMAS:
            import_command(name)
            with initialize_config_module("conf", version_base="1.3"):
                compose(name, overrides=with_keys(name, arguments))


def test_help_says_what_a_command_does_and_follows_overrides(folder: Path) -> None:
    said = mtpb("run", "--help", "model=openai", "sampling.n=7", cwd=folder).stdout
    assert said.startswith("Generate, judge, tabulate")
    assert "\n  model.base_url=null\n      The server" in said
    assert "\n  sampling.n=7\n      Samples a case.\n" in said
    done = mtpb("run", "--help", "sampling.m=7", cwd=folder)
    assert done.returncode == 2
    assert "sampling.m" in done.stderr


@pytest.mark.parametrize("shell", SCRIPTS)
def test_completion_in_a_real_shell(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    command = tmp_path / "mtpb"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mtpb "$@"\n')
    command.chmod(0o755)
    (tmp_path / "script").write_text(SCRIPTS[shell])
    line = "mtpb run benchmark=humanevalp"
    asked = {
        "bash": f"source script; COMP_LINE='{line}'; COMP_POINT={len(line)}; COMP_CWORD=2; "
        "COMP_WORDS=(mtpb run benchmark=humanevalp); _mtpb; echo ${COMPREPLY[@]}",
        "fish": f"source script; complete -C '{line}'",
        "zsh": "compdef() { : }; compadd() { print -l $found }; source script; "
        "words=(mtpb run benchmark=humanevalp); CURRENT=3; _mtpb",
    }[shell]
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", asked], cwd=tmp_path, env={**os.environ, "PATH": path}, text=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert "humanevalplus" in done.stdout, done.stderr
