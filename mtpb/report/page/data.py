"""The data of the HTML report: problems, verdicts and conversations, packed for the page's script.

An index holds all verdicts; the conversations about a problem are a chunk, which the script unpacks
when the problem is looked at.
"""

from __future__ import annotations

import base64
import builtins
import json
import keyword
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mtpb.report.runs import SuiteRuns
from mtpb.rundir.manifest import CaseFacts, ProblemFacts
from mtpb.rundir.records import SCORERS, Sample, Verdict
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import STATUSES, Ints
from mtpb.tables import MARK

_LONGEST = 20_000  # characters of a text that are shown


_LONGEST_DETAIL = 2_000


_LONGEST_EXPECTED = 2_000


def pack(value: object) -> str:
    """JSON, deflated, in base 85 (RFC 1924's alphabet with a comma in place of `<`)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # a lone surrogate cannot be encoded as UTF-8; it becomes JSON's escape for it
    plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = packer.compress(plain.encode("utf-8", "backslashreplace")) + packer.flush()
    return base64.b85encode(packed).decode().replace("<", ",")


def run_labels(suite: SuiteRuns) -> list[tuple[Run, str]]:
    """Labels of a suite's runs: the model, and format and temperature if they differ."""
    formats = {run.format for run in suite.runs}
    temperatures = {run.temperature for run in suite.runs}
    labelled = []
    for run in suite.runs:
        words = [run.model]
        if len(formats) > 1:
            words.append(run.format.replace("_", "-"))
        if len(temperatures) > 1:
            words.append(f"T={run.temperature}")
        if not run.finished:
            words.append(f"{MARK} {run.extent}")
        labelled.append((run, " · ".join(words)))
    return labelled


def samples_a_problem(suites: Iterable[SuiteRuns], most: int) -> int:
    """How many samples of each run and problem can be embedded if there may be `most` in total; at
    least one."""
    counts = [verdict_counts(run) for suite in suites for run in suite.runs]
    largest = max(int(count.max(initial=0)) for count in counts)

    def total(each: int) -> int:
        return sum(int(count.clip(max=each).sum()) for count in counts)

    return max(1, bisect_right(range(largest + 1), most, key=total) - 1)


def verdict_counts(run: Run) -> Ints:
    """Verdicts of each problem."""
    return np.bincount(run.verdicts.problem, minlength=len(run.problems))


def rank(problem: ProblemFacts, case: int, sample: int) -> int:
    """A sample's place among its problem's: all cases' first samples, then the second ones."""
    return sample * len(problem.cases) + case


def index(suites: Sequence[SuiteRuns], embedded: int) -> dict[str, Any]:
    labels = {id(run): label for suite in suites for run, label in run_labels(suite)}
    runs = [(suite, run) for suite in suites for run in suite.runs]
    return {
        "statuses": [status.value for status in STATUSES],
        "keywords": [*keyword.kwlist, *keyword.softkwlist],
        "builtins": [name for name in dir(builtins) if not name.startswith("_")],
        "suites": [
            {
                "name": suite.name,
                "label": suite.label,
                "tests": suite.has_tests,
                "scorers": suite.runs[0].scorers,
                "problems": [
                    _problem(problem, _chunk_name(number, place))
                    for place, problem in enumerate(suite.problems)
                ],
            }
            for number, suite in enumerate(suites)
        ],
        "runs": [
            {
                "number": number,
                "suite": suite.name,
                "label": labels[id(run)],
                "model": run.model,
                "mark": "" if run.finished else MARK,
                "format": run.format,
                "temperature": run.temperature,
                "scorer": run.scorer,
                "embedded": embedded,
                "verdicts": _letters(run),
                "turns": _turns(run),
            }
            for number, (suite, run) in enumerate(runs)
        ],
    }


def _problem(problem: ProblemFacts, chunk: str) -> dict[str, Any]:
    return {
        **{key: getattr(problem, key) for key in ("id", "name", "category", "turns", "difficulty")},
        "chunk": chunk,
        "cases": [_case(case) for case in problem.cases],
    }


def _case(case: CaseFacts) -> dict[str, Any]:
    mended = case.mended
    return {
        "expected": _expected(case.expected),
        "errata": case.errata,
        "mended": mended
        and f"{_clipped(repr(mended.answers[0]), _LONGEST_EXPECTED)}: {mended.why}",
    }


def _expected(value: object) -> str | None:
    return None if value is None else _clipped(repr(value), _LONGEST_EXPECTED)


def _letters(run: Run) -> list[list[str]]:
    """A letter for each sample: its status and its scores."""
    verdicts = run.verdicts
    codes = verdicts.status + 48
    for weight, scorer in zip((16, 32, 64, 16, 32), SCORERS, strict=True):  # page.js reads them so
        if scorer in verdicts.scores:
            codes = codes + weight * verdicts.scores[scorer]
    return _by_case(run, codes)


def _turns(run: Run) -> list[list[str]] | None:
    """A letter for each sample: the turn that fails, from `0`; `/` where none is known. None if
    none is known of any."""
    failing = run.verdicts.turn
    return None if run.benchmark.has_tests or (failing < 0).all() else _by_case(run, failing + 48)


def _by_case(run: Run, codes: Ints) -> list[list[str]]:
    """Each problem's cases as text with a letter for each sample; `.` where there is no sample."""
    verdicts = run.verdicts
    letters: list[list[list[str]]] = [[[] for _ in p.cases] for p in run.problems]
    columns = (verdicts.problem, verdicts.case, verdicts.sample, codes)
    for problem, case, sample, code in zip(*(column.tolist() for column in columns), strict=True):
        row = letters[problem][case]
        row.extend("." * (sample + 1 - len(row)))
        row[sample] = chr(code)
    return [["".join(case) for case in cases] for cases in letters]


def chunks(suites: Sequence[SuiteRuns], embedded: int) -> Iterable[tuple[str, Chunk]]:
    """The first conversations on each problem, in the order of suites and problems."""
    first = 0
    for number, suite in enumerate(suites):
        by_problem = {problem.id: Chunk(problem) for problem in suite.problems}
        for offset, run in enumerate(suite.runs):
            if run.directory is None:
                continue
            verdicts = {v.key: v for v in run.directory.verdicts() if v.sample < embedded}
            shown = {
                s.key: s
                for s in run.directory.samples()
                if (chunk := by_problem.get(s.problem))
                and rank(chunk.problem, s.case, s.sample) < embedded
            }
            for key, sample in shown.items():
                by_problem[sample.problem].add(first + offset, sample, verdicts.get(key))
        for place, chunk in enumerate(by_problem.values()):
            yield _chunk_name(number, place), chunk
        first += len(suite.runs)


def _chunk_name(suite: int, problem: int) -> str:
    return f"chunk-{suite}-{problem}"


class Chunk:
    """The conversations on one problem; prompts, which they share, are stored once."""

    def __init__(self, problem: ProblemFacts) -> None:
        self.problem = problem
        self._prompts: dict[str, int] = {}
        self._runs: dict[int, list[dict[str, Any]]] = {}

    def add(self, run: int, sample: Sample, verdict: Verdict | None) -> None:
        self._runs.setdefault(run, []).append(
            {
                "case": sample.case,
                "sample": sample.sample,
                "turns": self._turns(sample),
                "program": _clipped(sample.program, _LONGEST),
                **_blame(sample, verdict),
            }
        )

    def to_json(self, embedded: int) -> dict[str, Any]:
        runs = {
            run: [s for s in samples if rank(self.problem, s["case"], s["sample"]) < embedded]
            for run, samples in self._runs.items()
        }
        return {"prompts": list(self._prompts), "runs": runs}

    def _turns(self, sample: Sample) -> list[tuple[Any, ...]]:
        """Prompt, text, what was cut, finish, tokens, the line in which the text starts, what the
        model was told of the attempt before, whether (1 or 0) the text is the completion's
        beginning, and the finding of the answer."""
        if not sample.turns:  # imported as a whole program
            return [(None, _clipped(sample.program, _LONGEST), "", "unknown", 0, 1, "", 1, "")]
        return [
            (
                self._prompts.setdefault(turn.prompt, len(self._prompts)),
                _clipped(turn.text, _LONGEST),
                _clipped(turn.completion.removeprefix(turn.text), _LONGEST),
                turn.finish,
                turn.tokens,
                line,
                turn.feedback or "",
                int(turn.completion.startswith(turn.text)),
                turn.finding or "",
            )
            for turn, line in zip(sample.turns, first_lines(sample), strict=True)
        ]


def _blame(sample: Sample, verdict: Verdict | None) -> dict[str, Any]:
    """The verdict's detail and time, the failing turn, from 0, and the program's line, from 1."""
    if verdict is None:
        return {"detail": "", "cpu": 0, "turn": None, "line": None}
    detail = _clipped(verdict.detail, _LONGEST_DETAIL)
    turn = None if verdict.turn is None else sample.last_start + verdict.turn
    return {"detail": detail, "cpu": verdict.cpu_s, "turn": turn, "line": verdict.line}


def first_lines(sample: Sample) -> list[int]:
    """The program's line, from 1, in which each turn's text starts.

    Texts are searched for in their order, each after its prompt, so that of equal texts each is
    found in its turn. All are 1 if one is not found: then the program was not made of the turns.
    Those of earlier attempts, which are not in the program, are 1 too.
    """
    lines, at = [1] * sample.last_start, 0
    for turn in sample.turns[sample.last_start :]:
        prompt = sample.program.find(turn.prompt, at)
        text = sample.program.find(turn.text, prompt + len(turn.prompt))
        if prompt < 0 or text < 0:
            return [1] * len(sample.turns)
        lines.append(sample.program.count("\n", 0, text) + 1)
        at = text + len(turn.text)
    return lines


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} letters more"
