"""Samples that other tools wrote, as records.

Four kinds of JSON lines are read, told apart line by line by their keys:

- human-eval's `samples.jsonl`: `task_id`, `completion` (what follows the prompt);
- EvalPlus's: `task_id`, `solution` (the whole program) or `completion`;
- the official MTPB sampler's: `id`, `input`, `gold_output`, `completions` (the whole program, its
  comments included, or a list of such) and, where it is there, `prompts_completions` (the same
  text in pieces);
- a run directory's own `samples.jsonl`.

Files may be gzipped, and a folder stands for the `.jsonl` files in it, since the official sampler
writes one file for each problem. Any subset of problems and samples is read. Such files hold no
count of tokens and no reason why a completion ended: `tokens` is 0 and `finish` is "unknown".
"""

from __future__ import annotations

import gzip
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import Benchmark, Format, Problem
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample, Turn

_log = logging.getLogger(__name__)
UNKNOWN_FINISH = "unknown"

_KEYS = """one of these sets of keys: task_id, completion (human-eval); task_id, solution \
(EvalPlus); id, input, gold_output, completions (the official MTPB sampler); problem, case, \
sample, turns, program (a run directory)"""


class Line(NamedTuple):
    """One line of a file; `place` is FILE:NUMBER, for errors."""

    place: str
    fields: dict[str, Any]


def read_samples(path: Path, benchmark: Benchmark) -> Iterator[Sample]:
    """The samples of a file or folder, in its order; `sample` counts per (problem, case).

    Raises UsageError with file and line for a line in none of the formats, for a problem or a case
    that the benchmark does not have, and for a run directory's sample that occurs twice. Samples of
    cases that the benchmark leaves out of the suite it is made of are passed over, with a warning.
    """
    reader = _Reader(benchmark)
    empty = True
    for line in _lines(path):
        empty = False
        try:
            samples = reader.samples(line.fields)
        except UsageError as error:
            raise UsageError(f"{line.place}: {error}") from error
        yield from samples
    if reader.passed_over:
        _log.warning(
            "%s: %d lines are of cases that %s leaves out; they are not judged",
            path,
            reader.passed_over,
            benchmark.name,
        )
    if empty:
        raise UsageError(f"samples={path}: no samples in it; expected JSON lines with {_KEYS}")


def sample_files(path: Path) -> list[Path]:
    """The file, or the .jsonl files of the folder, sorted. UsageError if one cannot be opened."""
    files = [path]
    try:
        if path.is_dir():
            files = [file for file in path.iterdir() if file.name.endswith((".jsonl", ".jsonl.gz"))]
        for file in files:
            file.open("rb").close()
    except OSError as error:
        raise UsageError(
            f"samples={error.filename or path}: cannot be read ({error.strerror}); expected a "
            ".jsonl or .jsonl.gz file, or a folder of such"
        ) from error
    if not files:
        raise UsageError(f"samples={path}: a folder without .jsonl files")
    return sorted(files, key=lambda file: _natural(file.name))


class _Reader:
    """Turns the fields of a line into samples; counts the samples of each case."""

    def __init__(self, benchmark: Benchmark) -> None:
        self._benchmark = benchmark
        self._problems = {problem.id: problem for problem in benchmark.problems}
        self._inputs = {
            problem.id: [_canonical(case.input) for case in problem.cases]
            for problem in benchmark.problems
        }
        self._counts: Counter[tuple[str, int]] = Counter()
        self._own: set[tuple[str, int, int]] = set()
        self.passed_over = 0

    def samples(self, fields: dict[str, Any]) -> list[Sample]:
        if self._left_out(fields):
            self.passed_over += 1
            return []
        if "task_id" in fields:
            return [self._function_sample(fields)]
        if "completions" in fields:
            return self._official_samples(fields)
        if "program" in fields:
            return [self._own_sample(fields)]
        raise UsageError(f"unknown format with the keys {sorted(fields)}; expected {_KEYS}")

    def _left_out(self, fields: Mapping[str, Any]) -> bool:
        """Whether a line is of a case, or a problem, that the benchmark leaves out."""
        if (fields.get("problem"), fields.get("case")) in self._benchmark.left_out:
            return True
        id = str(fields.get("id"))
        return id not in self._problems and (id, 0) in self._benchmark.left_out

    def _function_sample(self, fields: dict[str, Any]) -> Sample:
        problem = self._problem("task_id", fields)
        if problem.test is None:
            raise UsageError(
                f"task_id {problem.id!r}: a completion of one prompt cannot answer the turns of "
                f"benchmark {self._benchmark.name!r}; give whole programs in the official MTPB "
                "sampler's format, or choose the benchmark that the samples are for"
            )
        prompt = problem.turns[0]
        if "completion" in fields:
            completion = _text(fields, "completion")
            turn = Turn(prompt, completion, completion, 0, UNKNOWN_FINISH)
            text = self._benchmark.protocol.program([(prompt, completion)])
            return self._next(problem, 0, (turn,), text)
        if "solution" not in fields:
            raise UsageError(f"task_id {problem.id!r}: no 'completion' and no 'solution' with it")
        program = _text(fields, "solution")
        written = program.removeprefix(prompt)
        return self._next(problem, 0, (Turn(prompt, written, written, 0, UNKNOWN_FINISH),), program)

    def _official_samples(self, fields: dict[str, Any]) -> list[Sample]:
        """One sample, or the samples of one case where `completions` is a list."""
        problem = self._problem("id", fields)
        programs = fields["completions"]
        if not isinstance(programs, list):
            programs = [_text(fields, "completions")]
        if not all(isinstance(program, str) for program in programs):
            raise UsageError("key 'completions': expected a program's text or a list of such")
        case = self._case(problem, fields)
        turns = _turns(fields.get("prompts_completions")) if len(programs) == 1 else ()
        return [self._next(problem, case, turns, program) for program in programs]

    def _own_sample(self, fields: dict[str, Any]) -> Sample:
        sample = Sample.from_json(json.dumps(fields))
        problem = self._problem("problem", fields)
        if not 0 <= sample.case < len(problem.cases):
            raise UsageError(
                f"case {sample.case}: problem {problem.id!r} has the cases 0 to "
                f"{len(problem.cases) - 1}"
            )
        self._check_prompts(problem, sample)
        if sample.key in self._own:
            raise UsageError(
                f"problem {problem.id!r}, case {sample.case}, sample {sample.sample} is there a "
                "second time; keep one of them"
            )
        self._own.add(sample.key)
        return sample

    def _check_prompts(self, problem: Problem, sample: Sample) -> None:
        """Raises UsageError if a sample answers other prompts than those of its problem and case.

        Only for suites made of another one, whose samples have the same problems.
        """
        if not self._benchmark.base or not sample.turns:
            return
        case = problem.cases[sample.case]
        asked = {
            problem.prompts(case, format) for format in (Format.multi_turn, Format.single_turn)
        }
        answered = tuple(turn.prompt for turn in sample.turns)
        if answered not in {prompts[: len(answered)] for prompts in asked}:
            raise UsageError(
                f"problem {problem.id!r}, case {sample.case}: its prompts are not those of "
                f"{self._benchmark.name!r}; is it the right benchmark?"
            )

    def _problem(self, key: str, fields: Mapping[str, Any]) -> Problem:
        name = self._benchmark.identity(fields.get(key))
        problem = self._problems.get(name)
        if problem is None:
            some = ", ".join(list(self._problems)[:3])
            raise UsageError(
                f"{key} {name!r} is not a problem of benchmark {self._benchmark.name!r} "
                f"(which has {some}, …); is it the right benchmark?"
            )
        return problem

    def _case(self, problem: Problem, fields: Mapping[str, Any]) -> int:
        """The case with this input; of several the one with the fewest samples so far."""
        if "input" not in fields:
            raise UsageError(f"key 'input' is missing, which tells the case of {problem.id!r}")
        wanted = _canonical(fields["input"])
        cases = [i for i, known in enumerate(self._inputs[problem.id]) if known == wanted]
        if not cases:
            raise UsageError(f"input {wanted}: no case of problem {problem.id!r} has it")
        return min(cases, key=lambda case: self._counts[problem.id, case])

    def _next(self, problem: Problem, case: int, turns: tuple[Turn, ...], program: str) -> Sample:
        index = self._counts[problem.id, case]
        self._counts[problem.id, case] += 1
        return Sample(problem.id, case, index, turns, program)


def _turns(pieces: object) -> tuple[Turn, ...]:
    """The turns in the official sampler's pieces: the preamble, then comment, completion, …"""
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        return ()
    pairs = zip(pieces[1::2], pieces[2::2], strict=False)
    return tuple(_turn(comment, text.removesuffix("\n\n")) for comment, text in pairs)


def _turn(comment: str, text: str) -> Turn:
    prompt = comment.removeprefix("# ").removesuffix("\n")
    return Turn(prompt, text, text, 0, UNKNOWN_FINISH)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        found = "is missing" if key not in fields else f"expected text, got {value!r:.60}"
        raise UsageError(f"key {key!r} {found}; a line is one sample")
    return value


def _lines(path: Path) -> Iterator[Line]:
    for file in sample_files(path):
        opener = gzip.open if file.suffix == ".gz" else open
        try:
            with opener(file, "rb") as lines:
                yield from _parsed(file, lines)
        except (OSError, EOFError) as error:
            raise UsageError(f"samples={file}: cannot be read ({error})") from error


def _parsed(file: Path, lines: Iterable[bytes]) -> Iterator[Line]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:  # also text that is not UTF-8
            raise UsageError(f"{place}: not a line of JSON ({error})") from error
        if not isinstance(fields, dict):
            raise UsageError(f"{place}: expected a JSON object, got {type(fields).__name__}")
        yield Line(place, fields)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which file 2 comes before file 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
