"""Records of one's own suite: multi-turn ones as MTPB has them, or functions with tests.

A function record has `prompt` and either `test`, which defines `check(candidate)` as HumanEval's
does and needs `entry_point`, or `test_list`, assertions as MBPP has them. All records of a suite
are of one form.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.problem import BenchmarkError, Case, Problem
from benchmarks.records.mbpp import assertions, shadowing
from benchmarks.records.schema import FUNCTION, MULTI_TURN, Line, Schema

_ASSERTIONS = ("test_list", "test_setup_code", "test_imports")


def _problem(line: Line) -> Problem:
    if "prompts" in line.record:
        return MULTI_TURN.problem(line)
    if "test_list" in line.record:
        return _with_assertions(line)
    if "test" in line.record:
        return FUNCTION.problem(line)
    if "prompt" in line.record:
        raise BenchmarkError(
            f"{line.where}: a function without tests: give 'test', which defines check(candidate), "
            "or 'test_list', a list of assertions"
        )
    raise BenchmarkError(
        f"{line.where}: neither 'prompts' (a multi-turn problem) nor 'prompt' (a function) among "
        f"the keys {sorted(line.record)}"
    )


def _with_assertions(line: Line) -> Problem:
    prompt, solution = line.text("prompt"), line.optional_text("canonical_solution")
    entry = line.optional_text("entry_point")
    names = (entry,) if entry else shadowing(solution)
    identity = line.identity("task_id")
    return Problem(
        id=identity,
        name=line.text("name", entry or identity),
        category=line.text("category", "function"),
        difficulty=line.optional_text("difficulty"),
        turns=(prompt,),
        cases=(Case({}, None),),
        max_new_tokens=line.optional_count("max_gen_length"),
        test=assertions(line, prompt, names),
        reference=None if solution is None else (solution,),
    )


def _of_one_form(lines: Sequence[Line]) -> Sequence[Line]:
    turns = [line for line in lines if "prompts" in line.record]
    if turns and len(turns) < len(lines):
        other = next(line for line in lines if "prompts" not in line.record)
        raise BenchmarkError(
            f"{other.where}: a function among multi-turn problems (such as {turns[0].where}); keep "
            "them in two files"
        )
    return lines


OWN = Schema(
    tuple(dict.fromkeys((*MULTI_TURN.keys, *FUNCTION.keys, *_ASSERTIONS))),
    _problem,
    chosen=_of_one_form,
)
