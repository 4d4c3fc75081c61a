"""A run's verdicts as columns, which metrics, tables and comparisons compute from.

A million verdicts take some 20 MB and seconds to read. Details (texts) are left out;
`RunDirectory.verdicts` reads them. NumPy only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtpb.errors import UsageError
from mtpb.rundir.records import SCORERS, Verdict, VerdictStatus
from mtpb.rundir.store import read_records

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STATUSES: tuple[VerdictStatus, ...] = tuple(VerdictStatus)
_CODE = {status.value: code for code, status in enumerate(STATUSES)}
_PASSED = _CODE["passed"]
_WRONG_ANSWER = _CODE["wrong_answer"]
_SANDBOX_ERROR = _CODE["sandbox_error"]
_LINES_AT_ONCE = 4096
_KINDS: Mapping[type[Any], str] = {np.bool_: "b", np.float32: "fi"}  # else whole numbers


@dataclass(frozen=True, slots=True)
class Units:
    """The units of pass@k, one for each (problem, case), in this order. All arrays are [U].

    `n` is the number of samples without a sandbox error, `c` that of the passed ones.
    """

    problem: Ints
    case: Ints
    n: Ints
    c: Ints

    def __len__(self) -> int:
        return len(self.n)

    @property
    def fewest(self) -> int:
        """The samples of the unit that has the fewest; 0 where there is no unit."""
        return int(self.n.min()) if len(self) else 0

    def select(self, mask: Bools | slice) -> Units:
        return Units(self.problem[mask], self.case[mask], self.n[mask], self.c[mask])


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts as columns of length V, one row a verdict.

    `problem` indexes `problems` (ids); `status` indexes `STATUSES`; `turn` is -1 where no turn is
    known to fail; `attempts` is 1 but in runs with feedback; `scores` has a column for each scorer
    that the verdicts name (none for a suite that is judged by tests). `passed` is the result of the
    scorer that the run was configured with.
    """

    problems: tuple[str, ...]
    problem: Ints
    case: Ints
    sample: Ints
    status: Ints
    turn: Ints
    passed: Bools
    cpu_s: Floats
    attempts: Ints
    scores: Mapping[str, Bools] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.passed)

    @classmethod
    def read(cls, path: Path, problems: Sequence[str] = ()) -> Verdicts:
        """Reads a verdicts.jsonl. `problems`: ids that come first, in this order.

        Of several verdicts on one sample the last is taken. A missing file has no verdicts. Raises
        UsageError with file and line for a line that is not a verdict.
        """
        builder = _Builder(problems)
        try:
            for batch in _batches(path):
                builder.add(batch)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            # read again by the reader that knows line and key, four times slower
            builder = _carefully(path, problems)
        return _latest(builder.build(), path)

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], problems: Sequence[str] = ()) -> Verdicts:
        """The columns of records in memory."""
        builder = _Builder(problems)
        builder.add([_fields(verdict) for verdict in verdicts])
        return builder.build()

    def select(self, mask: Bools | Ints) -> Verdicts:
        """The rows where `mask` [V] is true, or whose indices it lists; `problems` is unchanged."""
        return Verdicts(
            self.problems,
            self.problem[mask],
            self.case[mask],
            self.sample[mask],
            self.status[mask],
            self.turn[mask],
            self.passed[mask],
            self.cpu_s[mask],
            self.attempts[mask],
            {scorer: column[mask] for scorer, column in self.scores.items()},
        )

    def renumbered(self, problems: Sequence[str]) -> Verdicts:
        """The same verdicts with `problems` in this order; those on other problems are dropped."""
        index = {problem: i for i, problem in enumerate(problems)}
        numbers = np.array([index.get(problem, -1) for problem in self.problems], dtype=np.int64)
        kept = self.select(numbers[self.problem] >= 0)
        return replace(kept, problems=tuple(problems), problem=numbers[kept.problem])

    def passed_by(self, scorer: str) -> Bools:
        """Whether each passes by `scorer`: official, strict, or test (a suite's own tests). [V]"""
        return self.scores.get(scorer, self.passed)

    def status_by(self, scorer: str) -> Ints:
        """Status codes by `scorer`. [V]

        The recorded status is that of the chosen scorer. For another scorer it is `passed` where
        that one passes the sample, and `wrong_answer` where only the chosen scorer passes it, since
        nothing else is recorded.
        """
        by = self.passed_by(scorer)
        failed = np.where(self.status == _PASSED, _WRONG_ANSWER, self.status)
        return np.where(by, _PASSED, failed)

    @property
    def judged(self) -> Bools:
        """False where the sandbox itself failed. [V]"""
        return np.not_equal(self.status, _SANDBOX_ERROR)

    def units(self, scorer: str) -> Units:
        """Samples and passes of each (problem, case), ordered by problem, then case."""
        cases, case = np.unique(self.case, return_inverse=True)
        width = max(len(cases), 1)
        unit = self.problem * width + case
        judged = self.judged
        passed = judged & self.passed_by(scorer)
        present = np.flatnonzero(np.bincount(unit, minlength=1))
        n = np.bincount(unit, weights=judged, minlength=1)[present].astype(np.int64)
        c = np.bincount(unit, weights=passed, minlength=1)[present].astype(np.int64)
        return Units(present // width, cases[present % width], n, c)

    def status_counts(self, scorer: str) -> Ints:
        """How many verdicts of each problem have each status: [len(problems), len(STATUSES)]."""
        width = len(STATUSES)
        flat = self.problem * width + self.status_by(scorer)
        counts = np.bincount(flat, minlength=len(self.problems) * width)
        return counts.reshape(len(self.problems), width)


class _Builder:
    """Collects batches of parsed lines into columns."""

    def __init__(self, problems: Sequence[str]) -> None:
        self._index = {problem: i for i, problem in enumerate(problems)}
        self._columns: dict[str, list[NDArray[Any]]] = {}

    def add(self, batch: list[dict[str, Any]]) -> None:
        index = self._index
        self._put("problem", [index.setdefault(_text(v["problem"]), len(index)) for v in batch])
        self._put("case", [v["case"] for v in batch])
        self._put("sample", [v["sample"] for v in batch])
        self._put("status", [_CODE[v["status"]] for v in batch], np.int8)
        self._put("turn", [-1 if v["turn"] is None else v["turn"] for v in batch], np.int16)
        self._put("passed", [v["passed"] for v in batch], np.bool_)
        self._put("cpu_s", [v["cpu_s"] for v in batch], np.float32)
        self._put("attempts", [v.get("attempts") or 1 for v in batch], np.int16)
        for scorer in SCORERS:
            self._put(scorer, [v.get(scorer, v["passed"]) for v in batch], np.bool_)
            self._put("has " + scorer, [scorer in v for v in batch], np.bool_)

    def build(self) -> Verdicts:
        column = {name: np.concatenate(pieces) for name, pieces in self._columns.items()}
        if not column:
            self.add([])
            column = {name: pieces[0] for name, pieces in self._columns.items()}
        return Verdicts(
            tuple(self._index),
            column["problem"].astype(np.int64),
            column["case"].astype(np.int64),
            column["sample"].astype(np.int64),
            column["status"].astype(np.int64),
            column["turn"].astype(np.int64),
            column["passed"],
            column["cpu_s"].astype(np.float64),
            column["attempts"].astype(np.int64),
            {scorer: column[scorer] for scorer in SCORERS if column["has " + scorer].any()},
        )

    def _put(self, name: str, values: list[Any], dtype: type[Any] = np.int32) -> None:
        # else NumPy would make numbers of texts and whole numbers of others
        if values and np.array(values).dtype.kind not in _KINDS.get(dtype, "i"):
            raise ValueError(f"{name}: a value of another type")
        self._columns.setdefault(name, []).append(np.array(values, dtype=dtype))


def _carefully(path: Path, problems: Sequence[str]) -> _Builder:
    builder = _Builder(problems)
    for number, verdict in enumerate(read_records(path, Verdict.from_json), 1):
        try:
            builder.add([_fields(verdict)])
        except (ValueError, TypeError, OverflowError) as error:
            raise UsageError(f"{path}:{number}: {error}") from error
    return builder


def _fields(verdict: Verdict) -> dict[str, Any]:
    """The keys of a verdict's line that columns are made of."""
    return {
        "problem": verdict.problem,
        "case": verdict.case,
        "sample": verdict.sample,
        "passed": verdict.passed,
        "status": verdict.status.value,
        "turn": verdict.turn,
        "cpu_s": verdict.cpu_s,
        "attempts": verdict.attempts,
        **verdict.scores,
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Parsed lines, many at once: a call of the parser costs more than a line."""
    if not path.exists():
        return
    with path.open("rb") as file:
        while lines := list(islice(file, _LINES_AT_ONCE)):
            if not lines[-1].endswith(b"\n"):
                lines.pop()  # being written, or cut off by a crash
            yield json.loads(b"[" + b",".join(lines) + b"]")


def same_samples(one: Verdicts, other: Verdicts) -> tuple[Ints, Ints]:
    """Rows of both that are about the same problem, case and sample.

    Both must number problems alike.
    """
    _, i, j = np.intersect1d(
        _sample_keys(one, other), _sample_keys(other, one), return_indices=True
    )
    return i, j


def _sample_keys(verdicts: Verdicts, other: Verdicts) -> Ints:
    """A number for each row that names its problem, case and sample among both: [V]."""
    cases = np.unique(np.concatenate([verdicts.case, other.case]))
    samples = np.unique(np.concatenate([verdicts.sample, other.sample]))
    case, sample = (
        np.searchsorted(values, column)  # numbered without gaps: the key cannot overflow
        for values, column in ((cases, verdicts.case), (samples, verdicts.sample))
    )
    return np.asarray((verdicts.problem * len(cases) + case) * len(samples) + sample)


def _latest(verdicts: Verdicts, path: Path) -> Verdicts:
    """The last verdict on each sample; there are several where the sandbox failed at first."""
    if len(verdicts) and min(verdicts.case.min(), verdicts.sample.min()) < 0:
        raise UsageError(f"{path}: a case or a sample has a negative number")
    _, from_end = np.unique(_sample_keys(verdicts, verdicts)[::-1], return_index=True)
    if len(from_end) == len(verdicts):
        return verdicts
    return verdicts.select(np.sort(len(verdicts) - 1 - from_end))
