"""Prompts and histories are the released sampler's, string for string."""

import json
from pathlib import Path

from benchmarks import Case, Format, Problem, load
from benchmarks.protocol import HUMANEVAL, MTPB


def test_turns_and_histories_equal_the_released_sampler(data_dir: Path) -> None:
    records = map(json.loads, (data_dir / "mtpb.jsonl").read_text().splitlines())
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    for record, problem in zip(records, suite.problems, strict=True):
        for filling, case in zip(record["inputs"], problem.cases, strict=True):
            wanted = history = "# Import libraries.\n\nimport numpy as np\n\n"
            history = suite.protocol.preamble
            for template, prompt in zip(record["prompts"], problem.prompts(case), strict=True):
                wanted += f"# {template.format(**filling)}\nx = 1\n\n"
                history += suite.protocol.wrap(prompt) + "x = 1" + suite.protocol.closing
            assert history == wanted


def test_single_turn_is_all_prompts_in_one() -> None:
    problem = Problem("1", "sum", "math", ("Set x to {A}. ", "Print {{x}}."), (Case({"A": 3}, 3),))
    assert problem.prompts(problem.cases[0], Format.single_turn) == ("Set x to 3.  Print {x}.",)
    assert problem.token_budget(100, Format.single_turn) == 200
    assert problem.token_budget(100) == 100


def test_humaneval_prompts_are_used_as_they_are(data_dir: Path) -> None:
    suite = load("humaneval", data_dir / "HumanEval.jsonl.gz")
    for problem in suite.problems:
        assert problem.test is not None
        for format in Format:
            (prompt,) = problem.prompts(problem.cases[0], format)
            assert HUMANEVAL.wrap(prompt) == problem.test.setup
            assert prompt.endswith("\n")


def test_defaults_are_those_of_the_published_runs() -> None:
    assert (MTPB.max_new_tokens, MTPB.cpu_s, MTPB.scorer) == (256, 10.0, "official")
    assert MTPB.nl_whitespace_tokens
    assert not HUMANEVAL.nl_whitespace_tokens
    assert HUMANEVAL.cpu_s == 3.0
