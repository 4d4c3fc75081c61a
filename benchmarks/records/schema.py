"""Parses lines of JSON into problems; every error has file and line.

There are two formats: MTPB's multi-turn records and HumanEval's function records. The hash is that
of normalised records, reduced to the keys that matter, so that equal problems have equal hashes
wherever they come from.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.problem import BenchmarkError, Case, FunctionTest, Problem

Record: TypeAlias = dict[str, Any]

_MULTI_TURN_KEYS = (
    *("id", "name", "category", "difficulty", "prompts", "inputs", "outputs"),
    *("max_gen_length", "reference", "examples"),
)
_FUNCTION_KEYS = (
    *("task_id", "name", "category", "difficulty", "prompt", "entry_point"),
    *("canonical_solution", "test", "max_gen_length"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A record and its place, as `file:line`."""

    where: str
    record: Record

    def fault(self, key: str, expected: str) -> BenchmarkError:
        if key not in self.record:
            return BenchmarkError(f"{self.where}: key {key!r} is missing: expected {expected}")
        shown = repr(self.record[key])
        shown = shown if len(shown) <= 80 else shown[:79] + "…"
        return BenchmarkError(f"{self.where}: key {key!r}: expected {expected}, got {shown}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.record.get(key, default)
        if not isinstance(value, str):
            raise self.fault(key, "a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.record.get(key)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.fault(key, "a list of strings")
        if not value:
            raise self.fault(key, "at least one string")
        return tuple(value)

    def identity(self, key: str) -> str:
        """An id as text, whether it is written as a string or as a number."""
        value = self.record.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise self.fault(key, "a string")
        return str(value)

    def optional_text(self, key: str) -> str | None:
        return None if self.record.get(key) is None else self.text(key)

    def optional_count(self, key: str) -> int | None:
        value = self.record.get(key)
        if value is None:
            return None
        if type(value) is not int or value < 1:
            raise self.fault(key, "a whole number of at least 1")
        return value


@dataclass(frozen=True, slots=True)
class Schema:
    """A format: the keys that count, in their order, and how a record becomes a problem.

    `chosen` gives the lines of a file that are problems of the suite, `finished` the problems with
    what only all lines together tell.
    """

    keys: tuple[str, ...]
    problem: Callable[[Line], Problem]
    chosen: Callable[[Sequence[Line]], Sequence[Line]] = lambda lines: lines
    finished: Callable[[Sequence[Line], Sequence[Problem]], Sequence[Problem]] = (
        lambda lines, problems: problems
    )

    def normalised(self, record: Record) -> str:
        """The record as one line of JSON that depends on its content alone."""
        kept = {key: record[key] for key in self.keys if record.get(key) is not None}
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def read_lines(text: str, source: str) -> Iterator[Line]:
    """The JSON objects of `text`, one a line; empty lines are passed over.

    Raises:
        BenchmarkError: a line is not a JSON object.
    """
    return (read_line(where, line) for where, line in numbered(text, source))


def numbered(text: str, source: str) -> Iterator[tuple[str, str]]:
    """The lines that are not empty, with their places as `file:line`."""
    for index, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{source}:{index}", line


def read_line(where: str, line: str) -> Line:
    """The JSON object of a line. Raises BenchmarkError if it is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(record, dict):
        shown = type(record).__name__
        raise BenchmarkError(f"{where}: expected a JSON object (a problem), got {shown}")
    return Line(where, record)


def parse(lines: Iterable[Line], schema: Schema, source: str) -> tuple[tuple[Problem, ...], str]:
    """All problems, and the SHA-256 of their normalised records, each ended by a newline.

    Raises:
        BenchmarkError: a record does not fit the schema, an id occurs twice, or there is no record.
    """
    digest = hashlib.sha256()
    problems: dict[str, Problem] = {}
    everything = list(lines)
    for line in schema.chosen(everything):
        problem = schema.problem(line)
        if problem.id in problems:
            raise BenchmarkError(f"{line.where}: a second problem with the id {problem.id!r}")
        problems[problem.id] = problem
        digest.update(schema.normalised(line.record).encode() + b"\n")
    if not problems:
        raise BenchmarkError(f"{source}: no problem in it; expected one JSON object a line")
    return tuple(schema.finished(everything, list(problems.values()))), digest.hexdigest()


def _multi_turn(line: Line) -> Problem:
    turns = line.texts("prompts")
    reference = None if line.record.get("reference") is None else line.texts("reference")
    if reference is not None and len(reference) != len(turns):
        raise line.fault("reference", f"one text for each of the {len(turns)} prompts")
    identity = line.identity("id")
    problem = Problem(
        id=identity,
        name=line.text("name", identity),
        category=line.text("category", "other"),
        difficulty=line.optional_text("difficulty"),
        turns=turns,
        cases=_cases(line),
        max_new_tokens=line.optional_count("max_gen_length"),
        reference=reference,
    )
    for key, templates in (("prompts", turns), ("reference", reference or ())):
        _check_fillable(line, key, templates, problem.cases)
    return problem


def _cases(line: Line) -> tuple[Case, ...]:
    """Pairs inputs and outputs; surplus outputs are dropped, as in the released sampler."""
    inputs, outputs = line.record.get("inputs"), line.record.get("outputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise line.fault("inputs", "a list of objects, one a case")
    if not inputs:
        raise line.fault("inputs", "at least one case")
    if not isinstance(outputs, list) or len(outputs) < len(inputs):
        raise line.fault("outputs", f"a list with a value for each of the {len(inputs)} inputs")
    for number, output in enumerate(outputs):
        if not _is_json(output):
            raise BenchmarkError(
                f"{line.where}: key 'outputs': value {number} has NaN or Infinity in it, which is "
                "not JSON; expect a text or another number"
            )
    examples = line.record.get("examples", [])
    if not isinstance(examples, list) or not all(type(each) is int for each in examples):
        raise line.fault("examples", "a list of numbers of cases, from 0")
    if not set(examples) <= set(range(len(inputs))):
        raise line.fault("examples", f"numbers of cases, from 0 to {len(inputs) - 1}")
    return tuple(
        Case(i, o, example=number in examples)
        for number, (i, o) in enumerate(zip(inputs, outputs, strict=False))
    )


def _is_json(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_json, inner))


def _check_fillable(
    line: Line, key: str, templates: tuple[str, ...], cases: tuple[Case, ...]
) -> None:
    for number, template in enumerate(templates, start=1):
        for index, case in enumerate(cases):
            try:
                template.format(**case.input)
            except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
                raise BenchmarkError(
                    f"{line.where}: key {key!r}: turn {number} cannot be filled from the input of "
                    f"case {index}: {type(error).__name__}: {error}; give the input every key in "
                    "braces, and double braces that are meant as such"
                ) from None


def _function(line: Line) -> Problem:
    prompt, entry_point = line.text("prompt"), line.text("entry_point")
    solution = line.optional_text("canonical_solution")
    test = line.text("test")
    if "check" not in test:
        raise line.fault("test", "code that defines check(candidate)")
    source = f"{test}\ncheck({entry_point})\n"
    return Problem(
        id=line.identity("task_id"),
        name=line.text("name", entry_point),
        category=line.text("category", "function"),
        difficulty=line.optional_text("difficulty"),
        turns=(prompt,),
        cases=(Case({}, None),),
        max_new_tokens=line.optional_count("max_gen_length"),
        test=FunctionTest(_compiling(prompt), (entry_point,), {"test": source}),
        reference=None if solution is None else (solution,),
    )


def _compiling(prompt: str) -> str:
    """The prompt as a text that can be executed: it may end in a line that wants a block."""
    for text in (prompt, f"{prompt.rstrip()}\n    pass\n"):
        try:
            compile(text, "<prompt>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            continue
        return text
    return ""


MULTI_TURN = Schema(_MULTI_TURN_KEYS, _multi_turn)
FUNCTION = Schema(_FUNCTION_KEYS, _function)
