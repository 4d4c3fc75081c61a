"""The pool: programs in, outcomes out.

Each worker is a thread of this process and a fork server (two for programs with a test:
the program's and the test's). The thread hands over one program at a time, reads what its
process reports, and makes an Outcome of it.
"""

from __future__ import annotations

import contextlib
import functools
import marshal
import queue
import select
import socket
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, cast

from sandbox.connection import Exchange, Line, Server, ServerDiedError
from sandbox.outcome import program_outcome, test_outcome
from sandbox.program import (
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
    Status,
    Test,
)
from sandbox.protocol import messages as protocol
from sandbox.protocol.freezing import freeze
from sandbox.protocol.messages import End, Ended, Ending
from sandbox.report import Report
from sandbox.tiers import tier_of, tier_with

LEAVE_S = 1.0
JUDGE_S = 30.0
_DOUBTFUL = (Ended.broken_test, Ended.memory)
_WEAR = (Ended.timeout, *_DOUBTFUL)  # verdicts after which a tester's memory may be in pieces
MOST_TEXT = 8 << 20  # characters of a program; its frame has room for four bytes each


class JudgeStuckError(Exception):
    """The test does not end, though the program has ended or the time for it is over."""


class Trial:
    """One test that a judge runs over a link to the program's process."""

    def __init__(self, judge: Server, test: int, seed: int, link: socket.socket) -> None:
        self.judge = judge
        self.ending: Ending | None = None
        self._started = time.monotonic()
        self._job = judge.start_trial(test, seed, link)
        link.close()  # the judge has it

    def on_control(self) -> bool:
        """Take the verdict; JudgeStuckError if the judge was ended for its use of time."""
        try:
            job, body = protocol.unpack_job(self.judge.heard(protocol.VERDICT))
            self.ending = protocol.unpack_ending(body)
        except ServerDiedError as error:
            if time.monotonic() - self._started >= self.judge.test_cpu_s:
                raise JudgeStuckError from error
            raise
        if job != self._job:
            raise ServerDiedError(f"the judge tells of job {job} instead of {self._job}")
        return True


def attend(exchange: Exchange, trial: Trial | None = None) -> None:
    """Serve the sockets until the program's process and its test have ended.

    A program with a test reports no value: its few bytes can wait until its end. Once the
    test has ended the program is of no more use: it leaves by itself when it finds the link
    closed, or else is killed. A judge that is stuck counts as dead.
    """
    actions = {exchange.server.control.fileno(): exchange.on_control}
    if trial is None:
        actions[exchange.ours.fileno()] = exchange.on_channel
    else:
        actions[trial.judge.control.fileno()] = trial.on_control
    poll = select.poll()
    for fd in actions:
        poll.register(fd, select.POLLIN)
    killed = False
    while exchange.end is None or (trial is not None and trial.ending is None):
        patience = None
        if trial is not None and trial.ending is not None and not killed:
            patience = LEAVE_S
        elif exchange.end is not None:
            patience = JUDGE_S
        events = poll.poll(None if patience is None else patience * 1000)
        if not events and exchange.end is not None:
            raise JudgeStuckError
        if not events:
            exchange.server.kill_job()
            killed = True
        for fd, _ in events:
            if not actions[fd]():
                poll.unregister(fd)
    exchange.drain()


class Shared:
    """What a pool and its workers have in common; workers know nothing of the pool itself."""

    def __init__(self, limits: Limits, isolation: Isolation, libraries: tuple[str, ...]) -> None:
        self.jobs: queue.SimpleQueue[tuple[Program, Future[Outcome]] | None] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._new_server = functools.partial(Server, limits, isolation)
        self._libraries = libraries
        self.installed: list[str] = []  # those of the libraries that are

    def refuse_if_closing(self) -> None:
        if self.closing.is_set():
            raise SandboxError("the pool is closed; open another one")

    def new_server(self, tier: int = 0) -> Server:
        self.refuse_if_closing()
        return self._new_server(self._libraries, tier)

    def new_judge(self) -> Server:
        self.refuse_if_closing()
        return self._new_server(for_tests=True)


class Worker(threading.Thread):
    """One program at a time, on fork servers of its own."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(name="sandbox-worker", daemon=True)
        self._shared = shared
        self.lines = {0: Line(shared.new_server())}  # one for each tier that was needed so far
        self.judge: Server | None = None
        self._changing = threading.Lock()

    def run(self) -> None:
        while True:
            job = self._shared.jobs.get()
            if job is None:
                self.close()
                return
            program, future = job
            if future.set_running_or_notify_cancel():
                future.set_result(self._outcome_or_error(program))
            del job, program, future  # nothing is kept while there is nothing to do

    def _outcome_or_error(self, program: Program) -> Outcome:
        try:
            return self._outcome(program)
        except SandboxError as error:
            return Outcome(Status.sandbox_error, str(error))
        except Exception as error:  # noqa: BLE001  a fault of ours must not hang the caller
            return Outcome(Status.sandbox_error, f"{type(error).__name__}: {error}")

    def _outcome(self, program: Program) -> Outcome:
        """Run it, once more on fresh servers if they fail; then a known good program decides."""
        if len(program.source) > MOST_TEXT:
            size = f"{len(program.source):,} characters; at most {MOST_TEXT:,} are compiled"
            return Outcome(Status.memory, f"the program's text has {size}")
        payload, tier = _payload(program), tier_of(program.source, self._shared.installed)
        for _ in range(2):
            outcome, failure = self._try_safely(program, payload, tier)
            if outcome is not None:
                return outcome
        good = _known_good(program)
        outcome, good_failure = self._try_safely(good, _payload(good), tier)
        if outcome is not None and outcome.status is Status.passed:
            return Outcome(
                Status.exception,
                f"the sandbox's processes failed twice under it, and not under others: {failure}",
            )
        what = good_failure or (outcome and f"{outcome.status.value} {outcome.detail}")
        return Outcome(
            Status.sandbox_error, f"{failure}; a known good program fails as well: {what}"
        )

    def _try_safely(
        self, program: Program, payload: bytes, tier: int
    ) -> tuple[Outcome | None, str]:
        """The outcome, or why there is none; after such a failure all servers are fresh ones."""
        try:
            return self._try(program, payload, tier), ""
        except SandboxError:
            raise
        except Exception as error:  # noqa: BLE001  whatever was in disorder is thrown away
            self._restart()
            return None, f"{type(error).__name__}: {error}"

    def _restart(self) -> None:
        """End all servers; they start again as they are needed."""
        with self._changing:
            self._close_servers()

    def _line(self, tier: int) -> Line:
        """The line of a tier, its server started if it has not been needed before."""
        line = self.lines.get(tier)
        if line is None:
            with self._changing:
                line = self.lines[tier] = Line(self._shared.new_server(tier))
            try:
                line.server.wait_until_ready()
            except SandboxError:
                self.lines.pop(tier, line).close()
                raise
        return line

    def _start_judge(self) -> Server:
        if self.judge is None:
            with self._changing:
                self.judge = self._shared.new_judge()
            self.judge.wait_until_ready()
        return self.judge

    def _close_judge(self) -> None:
        if self.judge is not None:
            self.judge.close()
            self.judge = None

    def _try(self, program: Program, payload: bytes, tier: int) -> Outcome:
        """Run it in a tier, or the tier of a library that it turns out to need."""
        while True:
            report, end, verdict = self._run(self._line(tier), program, payload)
            larger = tier_with(_left_for(report, end, verdict), self._shared.installed)
            if larger <= tier:
                break
            tier = larger
        if program.test is not None:
            return test_outcome(report, end, verdict)
        return program_outcome(report, end)

    def _run(
        self, line: Line, program: Program, payload: bytes
    ) -> tuple[Report, End, Ending | None]:
        """What its process says, how that ended, and the verdict if it has a test that ended."""
        if program.test is not None:
            return self._run_test(line, program.test, program.seed, payload)
        if program.harness is not None:
            line.server.teach(protocol.HARNESS, program.harness.source)
        with contextlib.closing(line.run(payload)) as exchange:
            exchange.link.close()
            attend(exchange)
            return exchange.report, cast(End, exchange.end), None

    def _run_test(
        self, line: Line, test: Test, seed: int, payload: bytes
    ) -> tuple[Report, End, Ending | None]:
        """The same for a program with a test.

        A test that seems to be at fault, or out of memory, may suffer from what its tester did
        before: that is believed of a fresh one only.
        """
        is_fresh = self.judge is None
        report, end, ending = self._run_on_judge(line, test, seed, payload)
        if ending is not None and ending.ended in _WEAR:
            self._close_judge()
            if ending.ended in _DOUBTFUL and not is_fresh:
                return self._run_on_judge(line, test, seed, payload)
        return report, end, ending

    def _run_on_judge(
        self, line: Line, test: Test, seed: int, payload: bytes
    ) -> tuple[Report, End, Ending | None]:
        judge = self._start_judge()
        number = judge.teach(protocol.TEST, test.setup, test.source, test.proxies)
        with contextlib.closing(line.run(payload)) as exchange:
            trial = Trial(judge, number, seed, exchange.link)
            try:
                attend(exchange, trial)
            except JudgeStuckError:
                self._close_judge()
                exchange.server.kill_job()
                attend(exchange)
            return exchange.report, cast(End, exchange.end), trial.ending

    def close(self) -> None:
        """End all servers; the pool is closing, so that they are not replaced."""
        with self._changing:
            self._close_servers()

    def _close_servers(self) -> None:
        self._close_judge()
        while self.lines:
            self.lines.popitem()[1].close()


def _left_for(report: Report, end: End, verdict: Ending | None) -> str:
    """The library for which a process left, if it did: it has no ending and no verdict then."""
    if report.broken or report.ending is not None or end.timeout:
        return ""
    if verdict is not None and verdict.ended is not Ended.gone:
        return ""  # or a program could guess again after a wrong answer
    return report.needs


def _known_good(program: Program) -> Program:
    """A program of the same kind that cannot fail where the sandbox works."""
    test = None
    if program.test is not None:
        test = Test("", "assert known_good() == 1", ("known_good",))
    return Program("def known_good(): return 1", program.harness, test)


def _payload(program: Program) -> bytes:
    """What the child reads; marshal is fit for this direction, from trusted to untrusted."""
    harness = program.harness
    tested = None if program.test is None else (program.test.call_cpu_s or 0.0)
    if harness is None:
        return marshal.dumps((program.source, program.seed, tested, None, None))
    arguments = {name: freeze(value) for name, value in harness.arguments.items()}
    return marshal.dumps((program.source, program.seed, tested, harness.source, arguments))


class Pool:
    """Workers that run untrusted programs; a context manager, safe to use from many threads.

    `libraries`, those that are installed, are imported ahead for the programs that use them:
    each worker has a server without any, and one with the first n of them once a program needs
    the nth. `pool.layers` tells which layers of isolation are in force. Raises SandboxError
    where `isolation` asks for more than there is.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        workers: int = 2,
        isolation: Isolation = Isolation.auto,
        libraries: tuple[str, ...] = ("numpy",),
    ) -> None:
        if workers < 1:
            raise SandboxError(f"a pool of {workers} workers cannot work; give at least 1")
        self.limits = limits or Limits()
        self.isolation = isolation
        self._shared = Shared(self.limits, isolation, libraries)
        self._workers: list[Worker] = []
        self.layers: dict[str, Any] = {}
        try:
            self._workers += [Worker(self._shared) for _ in range(workers)]
            for worker in self._workers:
                self.layers = worker.lines[0].server.wait_until_ready()
            self._shared.installed = self.layers["libraries"]
        except SandboxError:
            self._close_workers()
            raise
        _say_once(self.layers)
        for worker in self._workers:
            worker.start()
        # dropped without `close`: what is queued is run, then the workers end their servers
        self._finalizer = weakref.finalize(self, _dismiss, self._shared.jobs, workers)

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        self._shared.refuse_if_closing()
        future: Future[Outcome] = Future()
        self._shared.jobs.put((program, future))
        return future

    def run(self, program: Program) -> Outcome:
        """Run one program and wait for its outcome."""
        return self.submit(program).result()

    def close(self) -> None:
        """End all processes; programs that have not ended get no verdict."""
        if self._shared.closing.is_set():
            return
        self._shared.closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._shared.jobs.get_nowait()
                if job is not None:
                    job[1].cancel()
        self._finalizer()
        self._close_workers()
        for worker in self._workers:
            worker.join()

    def _close_workers(self) -> None:
        self._shared.closing.set()
        for worker in self._workers:
            worker.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_said: set[str] = set()


def _say_once(report: Mapping[str, Any]) -> None:
    """Tell in one line, once a process, what `auto` has to do without."""
    missing = ", ".join(f"{name} ({reason})" for name, reason in report["missing"].items())
    if report["isolation"] == "auto" and missing and missing not in _said:
        _said.add(missing)
        print(f"sandbox: without {missing}", file=sys.stderr)


def _dismiss(jobs: queue.SimpleQueue[Any], workers: int) -> None:
    for _ in range(workers):
        jobs.put(None)
