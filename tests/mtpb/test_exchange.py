"""Samples of other tools: each format is recognised, each fault named with its line."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import Benchmark, Case, FunctionTest, Problem
from benchmarks.protocol import HUMANEVAL, MTPB
from mtpb.errors import UsageError
from mtpb.formats.samples import exported_samples
from mtpb.rundir.records import Sample, Turn
from mtpb.rundir.store import RunDirectory, write_json
from mtpb.running.imported import read_samples
from tests.mtpb.runs import manifest_of

FUNCTIONS = Benchmark(
    name="functions",
    suite="humaneval",
    sha256="",
    protocol=HUMANEVAL,
    source="",
    known_errata={},
    problems=tuple(
        Problem(
            id=f"HumanEval/{number}",
            name="f",
            category="",
            turns=("def f():\n",),
            cases=(Case({}, None),),
            test=FunctionTest("", ("f",), {"test": ""}),
        )
        for number in range(3)
    ),
)
TURNS = Benchmark(
    name="turns",
    suite="mtpb",
    sha256="",
    protocol=MTPB,
    source="",
    known_errata={},
    problems=(
        Problem("10", "hex", "", ("Take {a}.",), tuple(Case({"a": a}, 0) for a in ("x", "y", "x"))),
        Problem("2", "two", "", ("Take {a}.",), (Case({"a": [1.5, None]}, 0),)),
    ),
)


def written(path: Path, lines: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def official(problem: object, value: object, program: str = "print(1)") -> dict[str, object]:
    return {"id": problem, "input": {"a": value}, "gold_output": 0, "completions": program}


def test_human_eval_lines_in_any_order_count_per_problem(tmp_path: Path) -> None:
    ids = ["HumanEval/2", "HumanEval/0", "HumanEval/2"]
    path = written(tmp_path / "s.jsonl", [{"task_id": i, "completion": " return 1"} for i in ids])
    samples = list(read_samples(path, FUNCTIONS))
    assert [(s.problem, s.case, s.sample) for s in samples] == [
        ("HumanEval/2", 0, 0),
        ("HumanEval/0", 0, 0),
        ("HumanEval/2", 0, 1),
    ]
    assert samples[0].program == "def f():\n return 1"


def test_evalplus_solutions_are_whole_programs(tmp_path: Path) -> None:
    line = {"task_id": "HumanEval/1", "solution": "def f(): return 2", "_identifier": "x"}
    (sample,) = read_samples(written(tmp_path / "s.jsonl", [line]), FUNCTIONS)
    assert sample.program == "def f(): return 2"


def test_official_lines_find_their_case_by_input(tmp_path: Path) -> None:
    lines = [official("10", "y"), official(2, [1.5, None]), official("10", "y")]
    samples = read_samples(written(tmp_path / "s.jsonl", lines), TURNS)
    assert [s.key for s in samples] == [("10", 1, 0), ("2", 0, 0), ("10", 1, 1)]


def test_cases_with_the_same_input_share_its_samples(tmp_path: Path) -> None:
    path = written(tmp_path / "s.jsonl", [official("10", "x")] * 4)
    assert [s.case for s in read_samples(path, TURNS)] == [0, 2, 0, 2]


def test_a_list_of_completions_is_as_many_samples(tmp_path: Path) -> None:
    line = official("10", "y") | {"completions": ["a", "b"]}
    samples = read_samples(written(tmp_path / "s.jsonl", [line]), TURNS)
    assert [(s.key, s.program) for s in samples] == [(("10", 1, 0), "a"), (("10", 1, 1), "b")]


def test_official_pieces_become_turns(tmp_path: Path) -> None:
    line = official("10", "y", "program")
    line["prompts_completions"] = ["import numpy\n\n", "# One.\n", "a = 1\n\n", "# Two.\n", "b\n\n"]
    (sample,) = read_samples(written(tmp_path / "s.jsonl", [line]), TURNS)
    assert [(t.prompt, t.text) for t in sample.turns] == [("One.", "a = 1"), ("Two.", "b")]


def test_own_lines_are_accepted_as_they_are(tmp_path: Path) -> None:
    sample = Sample("10", 2, 5, (Turn("p", "c\ud800", "c", 3, "stop"),), "program")
    path = tmp_path / "samples.jsonl"
    path.write_text(sample.to_json() + "\n")
    assert list(read_samples(path, TURNS)) == [sample]


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2):
        value = "y" if number == 10 else [1.5, None]
        written(tmp_path / f"x_[{number}].jsonl", [official(number, value)])
    assert [s.problem for s in read_samples(tmp_path, TURNS)] == ["2", "10"]


def test_gzip_and_blank_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl.gz"
    path.write_bytes(gzip.compress(b'\n{"task_id": "HumanEval/0", "completion": ""}\n\n'))
    assert len(list(read_samples(path, FUNCTIONS))) == 1


@pytest.mark.parametrize(
    ("line", "suite", "says"),
    [
        ('{"task_id": "HumanEval/9", "completion": ""}', FUNCTIONS, "'HumanEval/9' is not a prob"),
        ('{"task_id": "HumanEval/0"}', FUNCTIONS, "no 'completion' and no 'solution'"),
        ('{"task_id": "HumanEval/0", "completion": ["a"]}', FUNCTIONS, "expected text"),
        ('{"task_id": "10", "completion": ""}', TURNS, "official MTPB sampler's format"),
        ('{"id": "77", "input": {}, "completions": ""}', TURNS, "'77' is not a problem"),
        ('{"id": "10", "input": {"a": "z"}, "completions": ""}', TURNS, "no case of problem '10'"),
        ('{"id": "10", "completions": ""}', TURNS, "'input' is missing"),
        ('{"id": "10", "input": {"a": "x"}, "completions": [1]}', TURNS, "list of such"),
        ('{"problem": "10", "case": 3, "sample": 0, "turns": [], "program": ""}', TURNS, "0 to 2"),
        ('{"text": 1}', TURNS, "unknown format"),
        ("{broken", TURNS, "not a line of JSON"),
        ("[1]", TURNS, "expected a JSON object"),
        ("[" * 200_000, TURNS, "not a line of JSON"),
        ('{"problem": "10", "case": 0, "sample": -3, "turns": [], "program": ""}', TURNS, "-3"),
    ],
)
def test_each_fault_is_named_with_its_line(
    tmp_path: Path, line: str, suite: Any, says: str
) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("\n" + line + "\n")
    with pytest.raises(UsageError, match=says) as error:
        list(read_samples(path, suite))
    assert f"{path}:2: " in str(error.value)


def test_a_sample_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text((Sample("10", 0, 0, (), "").to_json() + "\n") * 2)
    with pytest.raises(UsageError, match=r"s\.jsonl:2: problem '10', case 0, sample 0 is there"):
        list(read_samples(path, TURNS))


@pytest.mark.parametrize("content", ["", None])
def test_no_samples_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "s.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"s\.jsonl"):
        list(read_samples(path, FUNCTIONS))


def run_of(path: Path, samples: Sequence[Sample], scorers: Sequence[str]) -> RunDirectory:
    write_json(path / "manifest.json", manifest_of({}, scorers=scorers).to_json())
    (path / "samples.jsonl").write_text("".join(s.to_json() + "\n" for s in samples))
    return RunDirectory(path)


def test_export_and_import_give_the_same_programs(tmp_path: Path) -> None:
    lines = [
        {"task_id": "HumanEval/0", "completion": " return '\ud800'"},
        {"task_id": "HumanEval/0", "solution": "f = int"},
        {"task_id": "HumanEval/1", "completion": ""},
    ]
    samples = list(read_samples(written(tmp_path / "in.jsonl", lines), FUNCTIONS))
    run = run_of(tmp_path, samples, ["test"])
    for whole in (False, True):
        written(tmp_path / "out.jsonl", list(exported_samples(run, whole)))
        assert [s.program for s in read_samples(tmp_path / "out.jsonl", FUNCTIONS)] == [
            s.program for s in samples
        ]
    written(tmp_path / "out.jsonl", list(exported_samples(run, whole=False)))
    assert list(read_samples(tmp_path / "out.jsonl", FUNCTIONS)) == samples


def test_export_of_a_multi_turn_run_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path, [], ["official", "strict"])
    with pytest.raises(UsageError, match="multi-turn"):
        list(exported_samples(run, whole=False))
