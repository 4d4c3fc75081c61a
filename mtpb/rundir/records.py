"""The lines of a run directory: samples and verdicts.

Records are immutable. `to_json` returns a line without its newline, the same bytes for equal
records; `from_json` raises UsageError with the key for a line that is not such a record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, NamedTuple

from mtpb.errors import UsageError

# keys of a verdict's line, in their order
SCORERS = ("official", "strict", "verified", "base", "plus")
_COUNTLESS = 1 << 31  # an upper bound of all numbers: cases, samples, tokens, seconds


class VerdictStatus(str, Enum):
    """How a program ended and was judged. `sandbox_error`: the sandbox itself failed.

    `truncated` and `no_code` are of programs that fail and were made from chat answers of which
    one was cut off before its code was complete, or had none.
    """

    passed = "passed"
    wrong_answer = "wrong_answer"
    no_output = "no_output"
    syntax_error = "syntax_error"
    exception = "exception"
    timeout = "timeout"
    memory = "memory"
    blocked = "blocked"
    sandbox_error = "sandbox_error"
    truncated = "truncated"
    no_code = "no_code"


class Key(NamedTuple):
    """Identifies a sample, and its verdict, within a run."""

    problem: str
    case: int
    sample: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt and what the model wrote.

    `completion` is the decoded text, `text` the part before the stop rule's cut, `tokens` the
    number of generated tokens (an end-of-text token included), `finish` one of stop, length, eos,
    context. In a chat `text` is the code of the answer, and `finding` says what is wrong with the
    answer apart from its code: `truncated` or `no_code`. `feedback` is there on the first turn of a
    further attempt: what the model was told of the attempt before.
    """

    prompt: str
    completion: str
    text: str
    tokens: int
    finish: str
    finding: str | None = None
    feedback: str | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Turn:
        return cls(
            _field(fields, "prompt", str),
            _field(fields, "completion", str),
            _field(fields, "text", str),
            _field(fields, "tokens", int),
            _field(fields, "finish", str),
            _optional(fields, "finding", str),
            _optional(fields, "feedback", str),
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """A finished conversation and its program, which is that of the last attempt."""

    problem: str
    case: int
    sample: int
    turns: tuple[Turn, ...]
    program: str

    @property
    def key(self) -> Key:
        return Key(self.problem, self.case, self.sample)

    @property
    def tokens(self) -> int:
        """Tokens generated in all turns together."""
        return sum(turn.tokens for turn in self.turns)

    @property
    def attempts(self) -> tuple[tuple[Turn, ...], ...]:
        """The turns of each attempt; one attempt unless the run has feedback."""
        starts = [0, *(n for n, turn in enumerate(self.turns) if turn.feedback is not None)]
        return tuple(self.turns[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True))

    @property
    def last_start(self) -> int:
        """The index in `turns` of the first turn of the last attempt."""
        return len(self.turns) - len(self.attempts[-1])

    def to_json(self) -> str:
        turns = [_fields(turn) for turn in self.turns]
        for turn in turns:
            for name in ("finding", "feedback"):
                if turn[name] is None:
                    del turn[name]
        return _dumps(_fields(self) | {"turns": turns})

    @classmethod
    def from_json(cls, line: str) -> Sample:
        fields = _loads(line)
        turns = _field(fields, "turns", list)
        return cls(
            *_key(fields),
            tuple(Turn.from_fields(turn) for turn in turns),
            _field(fields, "program", str),
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one scorer says of one program."""

    passed: bool
    status: VerdictStatus
    detail: str
    turn: int | None
    line: int | None
    cpu_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one sample.

    `passed` is the chosen scorer's result; `status`, `detail`, `turn` and the times belong to the
    execution that it comes from. `line` is the failing line of the program, from 1, and `turn` the
    turn of the last attempt, from 0, that the line belongs to; None where there is none or it is
    unknown. Times are in seconds. `scores` has the result of each of `SCORERS`; it is empty where a
    problem has one test. `attempts` is how many attempts were made, in a run with feedback.
    """

    problem: str
    case: int
    sample: int
    passed: bool
    status: VerdictStatus
    detail: str
    turn: int | None
    line: int | None
    cpu_s: float
    wall_s: float
    scores: Mapping[str, bool] = field(default_factory=dict)
    attempts: int | None = None

    @property
    def key(self) -> Key:
        return Key(self.problem, self.case, self.sample)

    def passed_by(self, scorer: str) -> bool:
        """Whether the sample passes by `scorer`, one of `SCORERS` or test (the suite's test)."""
        return self.scores.get(scorer, self.passed)

    def to_json(self) -> str:
        fields = _fields(self)
        scores, attempts = fields.pop("scores"), fields.pop("attempts")
        fields["status"] = self.status.value
        fields |= {name: scores[name] for name in SCORERS if name in scores}
        return _dumps(fields if attempts is None else fields | {"attempts": attempts})

    @classmethod
    def from_json(cls, line: str) -> Verdict:
        fields = _loads(line)
        status = _field(fields, "status", str)
        if status not in VerdictStatus.__members__:
            raise UsageError(f"key 'status': unknown status {status!r}")
        return cls(
            *_key(fields),
            _field(fields, "passed", bool),
            VerdictStatus(status),
            _field(fields, "detail", str),
            _optional(fields, "turn", int),
            _optional(fields, "line", int),
            float(_field(fields, "cpu_s", (int, float))),
            float(_field(fields, "wall_s", (int, float))),
            {name: _field(fields, name, bool) for name in SCORERS if fields.get(name) is not None},
            _optional(fields, "attempts", int),
        )


def _fields(record: Any) -> dict[str, Any]:
    """A dataclass's own fields; `asdict` would copy all that is in them."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _dumps(fields: Mapping[str, Any]) -> str:
    # ASCII: lone surrogates, which models do write, cannot be encoded as UTF-8
    return json.dumps(fields, ensure_ascii=True)


def _loads(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a line of JSON ({error})") from error
    if not isinstance(fields, dict):
        raise UsageError(f"expected a JSON object, got {type(fields).__name__}")
    return fields


def _key(fields: Mapping[str, Any]) -> Key:
    problem = _field(fields, "problem", str)
    case, sample = (_field(fields, name, int) for name in ("case", "sample"))
    for name, number in (("case", case), ("sample", sample)):
        if number < 0:
            raise UsageError(f"key {name!r}: expected a number from 0, got {number}")
    return Key(problem, case, sample)


def _optional(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    return None if fields.get(name) is None else _field(fields, name, kind)


def _field(fields: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(fields, Mapping):
        raise UsageError(f"expected a JSON object with the key {name!r}, got {fields!r:.60}")
    if name not in fields:
        raise UsageError(f"key {name!r} is missing")
    value = fields[name]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wanted = kind.__name__ if isinstance(kind, type) else "number"
        raise UsageError(f"key {name!r}: expected {wanted}, got {value!r:.60}")
    if isinstance(value, (int, float)) and not abs(value) < _COUNTLESS:  # also NaN
        raise UsageError(f"key {name!r}: expected a number below {_COUNTLESS:,}, got {value!r:.60}")
    return value
