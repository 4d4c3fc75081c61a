"""MBPP: its records, and the two ways in which it is asked.

Source: Austin et al., Program Synthesis with Large Language Models, 2021 (arXiv 2108.07732), and
github.com/google-research/google-research, mbpp/. Problems 11 to 510 are the test problems; 2, 3
and 4 are the examples of the three-shot prompt.

Zero-shot: a docstring of the text and the first test, as in bigcode-evaluation-harness
(`tasks/mbpp.py`, after InCoder, Fried et al., arXiv 2204.05999) and in EvalPlus; the prompt is part
of the program, and the stop rule is `benchmarks.stopping.mbpp_stop`. Three-shot: the paper's own
prompt; the completion up to `[DONE]` is the program.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.problem import BenchmarkError, Case, FunctionTest, Problem
from benchmarks.records.schema import Line, Schema
from benchmarks.records.telling import SHOW, telling

PREFIX = "Mbpp/"  # of an id, as EvalPlus writes it
_TEST_IDS = [str(number) for number in range(11, 511)]
_SHOTS = ("2", "3", "4")
_INSTRUCTION = "You are an expert Python programmer, and here is your task:"
_KEYS = (
    *("task_id", "text", "code", "test_list", "test_setup_code", "test_imports"),
    *("name", "category", "difficulty", "max_gen_length"),
)


def identity(line: Line) -> str:
    """The id as text: 11, "11" and "Mbpp/11" are the same."""
    return line.identity("task_id").removeprefix(PREFIX)


def docstring(text: str, test: str) -> str:
    """The zero-shot prompt."""
    return f'"""\n{text}\n{test}\n"""\n'


def defined(code: str) -> frozenset[str]:
    """Names of the functions that a text defines at its top level; none if it does not compile."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def shadowing(code: str | None) -> tuple[str, ...]:
    """Functions of a reference that have the name of a builtin; a test that calls one means the
    program's."""
    return tuple(sorted(name for name in defined(code or "") if hasattr(builtins, name)))


def assertions(line: Line, prompt: str, names: tuple[str, ...]) -> FunctionTest:
    """The test: imports, what it sets up, then its assertions, all in one namespace.

    The first assertion is an example where the prompt shows it, and shows all that it means: not
    where something is set up for it.
    """
    imports = line.texts("test_imports") if line.record.get("test_imports") else ()
    set_up, (first, *others) = line.text("test_setup_code", ""), line.texts("test_list")
    before = (*imports, set_up)
    told = None if set_up.strip() else telling(first, prompt)
    text = "\n".join((*before, told or first, *others)) + "\n"
    if told is None:
        return FunctionTest("", names, {"test": text})
    return FunctionTest(SHOW, names, {"test": text}, example="\n".join(before).count("\n") + 2)


def _problem(line: Line) -> Problem:
    text, tests = line.text("text"), line.texts("test_list")
    code = line.optional_text("code")
    solution = None if code is None else code.replace("\r\n", "\n") + "\n"
    name, prompt = identity(line), docstring(text, tests[0])
    return Problem(
        id=name,
        name=line.text("name", name),
        category=line.text("category", "function"),
        difficulty=line.optional_text("difficulty"),
        turns=(prompt,),
        cases=(Case({}, None),),
        max_new_tokens=line.optional_count("max_gen_length"),
        test=assertions(line, prompt, shadowing(solution)),
        reference=None if solution is None else (solution,),
    )


def _chosen(lines: Sequence[Line]) -> Sequence[Line]:
    """The test problems of the published data set; of any other file all lines."""
    by_id = {identity(line): line for line in lines}
    if not by_id.keys() >= set(_TEST_IDS):
        return lines
    return [by_id[name] for name in _TEST_IDS]


def _few_shot(lines: Sequence[Line], problems: Sequence[Problem]) -> Sequence[Problem]:
    """The problems with their three-shot prompts, where the examples are among the lines."""
    by_id = {identity(line): line for line in lines}
    if any(name not in by_id for name in _SHOTS):
        return problems
    shots = "".join(_shot(by_id[name], solved=True) for name in _SHOTS)
    return [
        replace(each, few_shot=shots + _shot(by_id[each.id], solved=False)) for each in problems
    ]


def _shot(line: Line, solved: bool) -> str:
    """One problem in the paper's words, up to its answer or with it."""
    tests = "\n".join(line.texts("test_list"))
    asked = (
        f"{_INSTRUCTION} {line.text('text')} Your code should pass these tests:\n\n{tests}\n"
        "[BEGIN]\n"
    )
    if not solved:
        return asked
    code = line.optional_text("code")
    if code is None:
        raise BenchmarkError(f"{line.where}: key 'code' is missing from a three-shot example")
    return f"{asked}{code.replace(chr(13), '')}\n[DONE]\n"


MBPP_RECORDS = Schema(_KEYS, _problem, chosen=_chosen, finished=_few_shot)
