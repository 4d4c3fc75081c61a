"""What a program came to: from its own report, its server's, and its test's."""

from __future__ import annotations

import signal
from typing import Any, cast

from sandbox.connection import Exchange
from sandbox.failure import DETAIL_CHARS
from sandbox.plain import Plain, PlainError, decode, thaw
from sandbox.program import Outcome, Status
from sandbox.supervision import End

OOM_MB = 512  # a process killed below that was hardly killed for its memory


def program_outcome(exchange: Exchange) -> Outcome:
    """What a program without a test came to, from its own report and its server's."""
    told = Told(exchange)
    end = cast(End, exchange.end)
    if not told.begun:
        return told.outcome(Status.sandbox_error, told.fault or "its process failed to start")
    if end.timeout:
        value = told.value if told.value is not None else told.interim
        detail = told.detail if told.status is Status.timeout else _limit(end)
        return told.outcome(Status.timeout, detail, value)
    if told.status is not None:
        return told.outcome(told.status, told.detail, told.value)
    return _died(told, end)


def _limit(end: End) -> str:
    return f"time is used up: {end.cpu_s:.1f} s of CPU, {end.wall_s:.1f} s in all"


def _died(told: Told, end: End) -> Outcome:
    code = end.exit_code
    if code == -signal.SIGKILL and end.memory_mb > OOM_MB:
        return told.outcome(Status.memory, f"killed by the kernel at {end.memory_mb} MB")
    if code == -signal.SIGSYS:
        return told.outcome(Status.blocked, "killed for a forbidden kind of system call")
    how = f"signal {_signal_name(-code)}" if code < 0 else f"leaving with status {code} at once"
    return told.outcome(Status.exception, f"the program's process ended by {how}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


class Told:
    """What a process said about itself, as far as that can be read."""

    def __init__(self, exchange: Exchange) -> None:
        self._end = cast(End, exchange.end)
        self.begun = False
        self.fault = ""
        self.status: Status | None = None
        self.detail = ""
        self.line: int | None = None
        self.exit_code: int | None = None
        self.value: Plain | None = None
        self.interim: Plain | None = None
        for tag, body in exchange.frames.whole():
            try:
                self._take(tag, body)
            except (PlainError, ValueError, TypeError):
                self.status, self.detail = Status.exception, "its report cannot be read"

    def _take(self, tag: bytes, body: bytes) -> None:
        if tag == b"B":
            self.begun = True
        elif tag == b"X" and not self.begun:
            self.fault = str(thaw(decode(body)))
        elif tag == b"V":
            self.value = decode(body)
        elif tag == b"I":
            self.interim = decode(body)
        elif tag == b"E":
            self.ending(cast("tuple[Any, ...]", thaw(decode(body))))

    def ending(self, told: tuple[Any, ...]) -> None:
        """Take an ending, as the program's process or a judge tells it."""
        status, detail, line, code = told
        self.status = ENDINGS.get(str(status), Status.exception)
        self.detail = str(detail)[:DETAIL_CHARS]
        self.line = line if type(line) is int else None
        self.exit_code = code if type(code) is int else None

    def outcome(self, status: Status, detail: str, value: Plain | None = None) -> Outcome:
        return Outcome(
            status=status,
            detail=detail,
            line=self.line,
            value=value,
            stdout=self._end.stdout.decode("utf-8", "replace"),
            stderr=self._end.stderr.decode("utf-8", "replace"),
            exit_code=self.exit_code,
            cpu_s=self._end.cpu_s,
            wall_s=self._end.wall_s,
        )


ENDINGS = {
    status.value: status
    for status in Status
    if status not in (Status.sandbox_error, Status.no_output)
}


def test_outcome(exchange: Exchange, told_by_test: tuple[Any, ...] | None) -> Outcome:
    """The verdict is the test's; if the program died under it, the reason is the program's."""
    told = Told(exchange)
    end = cast(End, exchange.end)
    if not told.begun:
        return told.outcome(Status.sandbox_error, told.fault or "its process failed to start")
    verdict = None if told_by_test is None else told_by_test[0]
    if end.timeout and verdict not in ("wrong_answer", "exception"):  # which came before
        return told.outcome(Status.timeout, _limit(end))
    if told_by_test is None:
        return told.outcome(Status.timeout, "the test was stuck on the program's answers")
    if verdict == "gone":
        return _died(told, end)
    told.ending(told_by_test)
    return told.outcome(cast(Status, told.status), told.detail)


test_outcome.__test__ = False  # type: ignore[attr-defined]
