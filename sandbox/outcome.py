"""Derives a program's Outcome from its own report, its server's and its test's."""

from __future__ import annotations

import signal

from sandbox.program import Outcome, Status
from sandbox.protocol.messages import End, Ended, Ending
from sandbox.protocol.plain import Plain
from sandbox.report import ProcessReport

OOM_MB = 512  # the kernel is unlikely to have killed a smaller process for its memory


class NotBegunError(Exception):
    """The process ended before the program's text began to run."""


def program_outcome(report: ProcessReport, end: End) -> Outcome:
    """The outcome of a program without a test; NotBegunError if its text never ran."""
    if not report.begun and not report.broken:
        return _not_begun(report, end)
    value = report.value(interim=end.timeout)
    if report.broken and not end.timeout:
        return _outcome(end, Ending(Ended.exception, report.broken))
    ending = report.ending
    if end.timeout:
        told = ending is not None and ending.ended is Ended.timeout
        return _outcome(end, ending if told and ending else _timeout(end), value)
    if ending is None or (ending.ended is Ended.passed and end.exit_code != 0):
        ending = _died(end)  # a process that reported its end exits with 0
    return _outcome(end, ending, value)


def test_outcome(report: ProcessReport, end: End, verdict: Ending | None) -> Outcome:
    """The outcome of a program with a test: the test's verdict, or why the program died under it.

    `verdict` is None where the test could not end. NotBegunError: the program's text never ran.
    """
    if verdict is not None and verdict.ended is Ended.broken_test:
        return _outcome(end, verdict)
    if not report.begun and not report.broken:
        return _not_begun(report, end)
    if report.broken and not end.timeout:
        return _outcome(end, Ending(Ended.exception, report.broken))
    if end.timeout and (verdict is None or verdict.ended not in _BEFORE_TIMEOUT):
        return _outcome(end, _timeout(end))
    if verdict is None:
        return _outcome(end, Ending(Ended.timeout, "the test was stuck on the program's answers"))
    return _outcome(end, _died(end) if verdict.ended is Ended.gone else verdict)


test_outcome.__test__ = False  # type: ignore[attr-defined]
_BEFORE_TIMEOUT = (Ended.wrong_answer, Ended.exception)


def _not_begun(report: ProcessReport, end: End) -> Outcome:
    if not report.fault:
        raise NotBegunError(f"its process did not start: {_died(end).detail}")
    return Outcome(Status.sandbox_error, report.fault)


def _timeout(end: End) -> Ending:
    used = f"time is used up: {end.cpu_s:.1f} s of CPU, {end.wall_s:.1f} s in all"
    return Ending(Ended.timeout, used)


def _died(end: End) -> Ending:
    code = end.exit_code
    if code == -signal.SIGKILL and end.memory_mb > OOM_MB:
        return Ending(Ended.memory, f"killed by the kernel at {end.memory_mb} MB")
    if code == -signal.SIGSYS:
        return Ending(Ended.blocked, "killed for a forbidden kind of system call")
    how = f"signal {_signal_name(-code)}" if code < 0 else f"leaving with status {code} at once"
    return Ending(Ended.exception, f"the program's process ended by {how}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _outcome(end: End, ending: Ending, value: Plain | None = None) -> Outcome:
    return Outcome(
        status=Status[ending.ended.name],
        detail=ending.detail,
        line=ending.line,
        value=value,
        stdout=end.stdout.decode("utf-8", "replace"),
        stderr=end.stderr.decode("utf-8", "replace"),
        exit_code=ending.exit_code,
        cpu_s=end.cpu_s,
        wall_s=end.wall_s,
    )
