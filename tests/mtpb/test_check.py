"""mtpb.check, custom suites and protocol files, as a user meets them."""

import json
from pathlib import Path
from typing import Any

import pytest

from mtpb.check import CheckConfig, check
from mtpb.config import BenchmarkConfig, IsolationChoice, SandboxConfig
from tests.mtpb.commands import Ended, call

ADD: dict[str, Any] = {
    "id": "add",
    "prompts": ["Let x be {A}.", "Print x plus 1."],
    "inputs": [{"A": 1}, {"A": 5}],
    "outputs": [2, 6],
    "reference": ["x = {A}", "print(x + 1)"],
}
DOUBLE: dict[str, Any] = {
    "task_id": "double",
    "prompt": "def double(x):\n",
    "entry_point": "double",
    "test": "def check(f):\n    assert f(2) == 4\n    assert f(3) == 6\n",
    "canonical_solution": "    return 2 * x\n",
}


def written(folder: Path, *records: object) -> Path:
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    benchmark = BenchmarkConfig("custom", path=str(path))
    sandbox = SandboxConfig(workers=1, isolation=IsolationChoice.auto)
    status = check(CheckConfig(benchmark, sandbox))
    return status, capsys.readouterr().out


@pytest.mark.parametrize("record", [ADD, DOUBLE, DOUBLE | {"task_id": 7}])
def test_a_sound_suite_of_either_form_passes(
    record: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = checked(written(tmp_path, record), capsys)
    assert (status, told.splitlines()[-1]) == (0, "Sound: own can be measured with.")


def test_assertions_are_a_test_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {key: value for key, value in DOUBLE.items() if key != "test"}
    record["test_list"] = ["assert double(2) == 4", "assert double(0) == 0"]
    assert checked(written(tmp_path, record), capsys)[0] == 0


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([ADD, ADD | {"id": "b", "outputs": [2, 7]}], "own.jsonl:2: problem 'b', case 1: the refe"),
        ([ADD | {"outputs": [2, 2], "reference": None}], "own.jsonl:1: problem 'add': print(2) pa"),
        ([ADD, ADD | {"id": "b"}], "own.jsonl:2: problem 'b': the same prompts as"),
        (
            [ADD | {"prompts": ["Let x be {A}.", "Print x, which is {A}."], "outputs": [1, 5]}],
            "own.jsonl:1: problem 'add': the last prompt has the expected value in it",
        ),
        (
            [DOUBLE | {"test": "def check(f):\n    assert f(2) == 4 or True\n"}],
            "returns None passes",
        ),
        (
            [DOUBLE | {"test": "def check(f:\n"}],
            "own.jsonl:1: problem 'double': the reference does",
        ),
        (
            [DOUBLE | {"canonical_solution": "    return 3 * x\n"}],
            "own.jsonl:1: problem 'double': the reference does not pass: wrong_answer",
        ),
    ],
)
def test_what_is_to_be_mended_is_named_by_line(
    records: list[object], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output = checked(written(tmp_path, *records), capsys)
    assert status == 1
    assert told in output
    assert "Not sound" in output


def test_all_faulty_records_are_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, ADD | {"prompts": "x"}, ADD, ADD, {"prompt": "def f():"})
    path.write_text(path.read_text() + "{\n" + '{"id": "n", "prompts": ["a"], "inputs": [{}], ')
    with path.open("a") as file:
        file.write('"outputs": [NaN]}\n')
    status, output = checked(path, capsys)
    assert status == 1
    for line in (
        "own.jsonl:1: key 'prompts': expected a list of strings",
        "own.jsonl:3: a second problem with the id 'add'; see",
        "own.jsonl:4: a function without tests",
        "own.jsonl:5: not valid JSON",
        "own.jsonl:6: key 'outputs': value 0 has NaN or Infinity in it",
    ):
        assert line in output


def test_a_folder_and_a_group_of_ones_own(tmp_path: Path) -> None:
    """A suite in a folder, a protocol file, and a group that names both."""
    (tmp_path / "suite").mkdir()
    written(tmp_path / "suite", ADD)
    (tmp_path / "suite" / "more.jsonl").write_text(json.dumps(ADD | {"id": "more"}))
    (tmp_path / "proto.yaml").write_text('before: "## "\nstop: ["\\n##"]\ntimeout: 2\n')
    (tmp_path / "groups" / "benchmark").mkdir(parents=True)
    (tmp_path / "groups" / "benchmark" / "mine.yaml").write_text(
        f"suite: custom\nname: mine\npath: {tmp_path}/suite\nprotocol: {tmp_path}/proto.yaml\n"
    )
    samples = [
        {"id": "add", "input": {"A": 1}, "gold_output": 2, "completions": "print(2)"},
        {"id": "more", "input": {"A": 5}, "gold_output": 6, "completions": "print(5)"},
    ]
    (tmp_path / "samples.jsonl").write_text("".join(json.dumps(s) + "\n" for s in samples))
    done = scored(tmp_path, f"--config-dir={tmp_path}/groups", "benchmark=mine")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["benchmark"]["name"] == "mine"
    assert manifest["identity"]["sandbox.timeout"] == 2
    assert manifest["identity"]["benchmark.stop"] == "stop_at ['\\n##']"
    lines = (tmp_path / "run" / "verdicts.jsonl").read_text().splitlines()
    assert [json.loads(line)["passed"] for line in lines] == [True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stop: 3", "key 'stop': expected a list of texts, or one of mtpb, humaneval, mbpp, got 3"),
        ("stop: ['']", "key 'stop': expected"),
        ("stops: []", "unknown key 'stops'; known are preamble, before"),
        ("timeout: -1", "key 'timeout': expected seconds, more than 0"),
        ("scorer: plus", "key 'scorer': 'plus' is none of the suite's, which are official, strict"),
        ("chat: short", "key 'chat': expected system"),
        ("chat: {before: a}", "key 'chat': expected system"),
        ("chat: {system: a, after: 3}", "key 'chat': expected system"),
        ("libraries: numpy", "key 'libraries': expected a list of names, got 'numpy'"),
        ("- a", "expected keys with values"),
        ("a: [", "cannot be read"),
    ],
)
def test_protocols_that_cannot_be_followed_end_with_2(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "proto.yaml").write_text(text)
    (tmp_path / "samples.jsonl").write_text("{}\n")
    place = written(tmp_path, ADD)
    protocol = f"benchmark.protocol={tmp_path}/proto.yaml"
    done = scored(tmp_path, "benchmark=custom", f"benchmark.path={place}", protocol)
    assert (done.returncode, told in done.stderr) == (2, True), done.stderr


def test_custom_without_a_place_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text("{}\n")
    done = scored(tmp_path, "benchmark=custom")
    assert done.returncode == 2
    assert "give benchmark.path=FILE, a folder of .jsonl files, or hf://ORG/NAME" in done.stderr


def scored(folder: Path, *arguments: str) -> Ended:
    given = (f"samples={folder}/samples.jsonl", f"output={folder}/run", "sandbox.workers=1")
    return call("score", *arguments, *given, cwd=folder)
