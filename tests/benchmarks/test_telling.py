"""First assertions that the prompt shows tell what they found; verdicts are as without that."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import FunctionTest, load
from sandbox import Limits, Outcome, Pool, Program, Status, Test, place_in_test

FIRST = "assert f(1) == [2]"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(cpu_s=5, wall_s=30), workers=1) as pool:
        yield pool


def made(folder: Path, suite: str, **change: object) -> FunctionTest:
    """The test of a record of one's own whose prompt shows the first of its assertions."""
    record = {
        "task_id": "1",
        "text": "A list.",
        "prompt": f'"""A list.\n    {FIRST}\n"""\n',
        "test_list": [FIRST, "assert f(2) == [3]"],
    }
    path = folder / "own.jsonl"
    path.write_text(json.dumps(record | change))
    (problem,) = load(suite, path).problems
    assert problem.test is not None
    return problem.test


def run(pool: Pool, test: FunctionTest, program: str) -> Outcome:
    return pool.run(Program(program, test=Test(test.setup, test.sources["test"], test.names)))


def test_all_but_three_of_mbpp_have_an_example(data_dir: Path) -> None:
    """The test of one sets something up; those of two have messages of their own."""
    problems = load("mbpp", data_dir / "mbpp.jsonl").problems
    assert [p.id for p in problems if p.test and p.test.example is None] == ["313", "367", "436"]


def test_plus_suites_have_none(data_dir: Path) -> None:
    problems = load("mbppplus", data_dir / "MbppPlus-OriginFmt.jsonl.gz").problems
    assert {p.test.example for p in problems if p.test} == {None}


@pytest.mark.parametrize("suite", ["mbpp", "custom"])
def test_the_first_assertion_tells_and_no_other_does(
    suite: str, pool: Pool, tmp_path: Path
) -> None:
    test = made(tmp_path, suite, test_imports=["import math", "import re"])
    details = [
        run(pool, test, f"def f(x): return {answer}\n").detail for answer in ("3 * [x]", "[2]")
    ]
    first, second = map(place_in_test, details)
    assert first == ("AssertionError: f(1) is [1, 1, 1], expected [2]", test.example)
    assert second == ("AssertionError", (test.example or 0) + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "A list."},
        {"prompt": FIRST + "3"},
        {"test_setup_code": "hidden = 1"},
        {"test_list": [FIRST + ", 'a message'"]},
        {"test_list": [FIRST + "; hidden = 1"]},
        {"test_list": ["assert f(1) == [hidden]"]},
        {"test_list": ["assert f(1) + hidden == 2"]},
        {"test_list": ["assert f(1) == f(2) == [2]"]},
        {"test_list": ["assert not f(1)"]},
        {"test_list": ["if True:\n    " + FIRST]},
    ],
)
def test_what_a_prompt_does_not_show_is_not_told(
    change: dict[str, list[str]], tmp_path: Path
) -> None:
    shown = {"prompt": change["test_list"][0]} if "test_list" in change else {}
    test = made(tmp_path, "custom", **shown, **change)
    assert (test.example, test.setup) == (None, "")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return 10 ** 5000", "a value of type int that cannot be printed"),
        ("return 'x' * 5000", "'" + "x" * 119 + "…"),
        ("x = []; x.append(x); return x", "f(1) is "),
        ("return object()", "f(1) is "),
        ("return iter('ab')", "f(1) is <"),
        ("global __show; __show = print; return 3", "f(1) is 3"),
        ("return '(line 9 of the test)'", "f(1) is '(line 9 of the test)'"),
        ("calls.append(x); return len(calls)", "f(1) is 1"),
    ],
)
def test_any_value_is_told_within_bounds(body: str, told: str, pool: Pool, tmp_path: Path) -> None:
    test = made(tmp_path, "custom", test_list=[FIRST])
    program = f"calls = []\ndef f(x):\n    {body}\n"
    outcome = run(pool, test, program)
    assert outcome.status is Status.wrong_answer
    headline, line = place_in_test(outcome.detail)
    assert line == test.example
    assert told in headline
    assert headline.endswith(", expected [2]")


def test_long_calls_and_values_leave_room_for_the_line(pool: Pool, tmp_path: Path) -> None:
    long = f"assert f({list(range(500))}) == {list(range(900))}"
    test = made(tmp_path, "mbpp", test_list=[long])
    assert place_in_test(run(pool, test, "def f(x): return 2 * x").detail)[1] == test.example


def test_builtins_that_the_program_replaces_are_not_asked(pool: Pool, tmp_path: Path) -> None:
    code = "def repr(x): return [x + 1]\ndef Exception(x): return 0\n"
    test = made(tmp_path, "mbpp", code=code, test_list=["assert repr(1) == [2]"])
    assert set(test.names) == {"Exception", "repr"}
    outcome = run(pool, test, "def repr(x): return 10 ** 5000\ndef Exception(x): 1 / 0\n")
    assert outcome.status is Status.wrong_answer
    assert "of type int" in outcome.detail


def test_the_published_assertions_are_what_is_tested(data_dir: Path) -> None:
    """Without its message and its name for the call, each test is the published text."""
    path = data_dir / "mbpp.jsonl"
    published = {str(r["task_id"]): r for r in map(json.loads, path.read_text().splitlines())}
    for problem in load("mbpp", path).problems:
        assert problem.test is not None
        record, tree = published[problem.id], ast.parse(problem.test.sources["test"])
        for node in ast.walk(tree) if problem.test.example else ():
            if isinstance(node, ast.Assert) and node.lineno == problem.test.example:
                assert isinstance(node.test, ast.Compare)
                assert isinstance(node.test.left, ast.NamedExpr)
                node.test.left, node.msg = node.test.left.value, None
        text = "\n".join([record["test_setup_code"], *record["test_list"]])
        assert ast.dump(tree) == ast.dump(ast.parse(text)), problem.id
