"""The pool: programs in, outcomes out.

Each worker is a thread of this process and a fork server (two for programs with a test:
the program's and the test's). The thread hands over one program at a time, reads what its
process reports, and makes an Outcome of it.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import queue
import select
import socket
import sys
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, cast

from sandbox.connection import Exchange, Server, ServerDiedError
from sandbox.outcome import program_outcome, test_outcome
from sandbox.plain import decode, freeze, thaw
from sandbox.program import (
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
    Status,
    Test,
)

LEAVE_S = 1.0
JUDGE_S = 60.0
MOST_TEXT = 8 << 20  # characters of a program; its frame has room for four bytes each


class JudgeStuckError(Exception):
    """The program has ended long since, and its test has not."""


class Trial:
    """One test that a judge runs over a link to the program's process."""

    def __init__(
        self, judge: Server, test: int, seed: int, ahead: bool, link: socket.socket
    ) -> None:
        self.judge = judge
        self.ending: tuple[Any, ...] | None = None
        judge.start_job((link.fileno(),), json.dumps([test, seed, ahead]).encode())
        link.close()  # the judge has it

    def on_control(self) -> bool:
        self.ending = cast("tuple[Any, ...]", thaw(decode(self.judge.ended())))
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


class Worker(threading.Thread):
    """One program at a time, on fork servers of its own."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(name="sandbox-worker", daemon=True)
        self._pool = pool
        self.program_server = pool._new_server()
        self._next = Exchange(self.program_server)
        self.judge: Server | None = None
        self._changing = threading.Lock()

    def run(self) -> None:
        while True:
            job = self._pool._jobs.get()
            if job is None:
                return
            program, future = job
            if future.set_running_or_notify_cancel():
                future.set_result(self._outcome_or_error(program))

    def _outcome_or_error(self, program: Program) -> Outcome:
        try:
            return self._outcome(program)
        except Exception as error:  # noqa: BLE001  a fault of ours must not hang the caller
            return Outcome(Status.sandbox_error, f"{type(error).__name__}: {error}")

    def _outcome(self, program: Program) -> Outcome:
        if len(program.source) > MOST_TEXT:
            size = f"{len(program.source):,} characters; at most {MOST_TEXT:,} are compiled"
            return Outcome(Status.memory, f"the program's text has {size}")
        for _ in range(2):  # a program whose server died is run once more
            try:
                return self._try(program)
            except ServerDiedError:
                try:
                    self._restart()
                except SandboxError as error:
                    return Outcome(Status.sandbox_error, str(error))
        return Outcome(Status.sandbox_error, "the fork server died twice under this program")

    def _restart(self) -> None:
        with self._changing:
            self._pool._refuse_if_closing()
            self.program_server.close()
            self._close_judge()
            self.program_server = self._pool._new_server()
        self.program_server.wait_until_ready()
        self._next.close()
        self._next = Exchange(self.program_server)

    def _start_judge(self) -> Server:
        if self.judge is None:
            with self._changing:
                self._pool._refuse_if_closing()
                self.judge = self._pool._new_server(for_tests=True)
            self.judge.wait_until_ready()
        return self.judge

    def _close_judge(self) -> None:
        if self.judge is not None:
            self.judge.close()
            self.judge = None

    def _try(self, program: Program) -> Outcome:
        payload = _payload(program)
        if program.test is not None:
            return self._try_test(program.test, program.seed, payload)
        if program.harness is not None:
            self.program_server.teach(b"H", program.harness.source)
        with contextlib.closing(self._take_turn(payload)) as exchange:
            exchange.link.close()
            attend(exchange)
            return program_outcome(exchange)

    def _take_turn(self, payload: bytes) -> Exchange:
        """Have the process that waits run the program, and the next one wait."""
        exchange, self._next = self._next, Exchange(self.program_server)
        exchange.tell(payload)
        return exchange

    def _try_test(self, test: Test, seed: int, payload: bytes) -> Outcome:
        judge = self._start_judge()
        number = judge.teach(b"T", test.setup, test.source, test.proxies)
        for ahead in (True, False):  # once more if the test did not ask what was sent ahead
            with contextlib.closing(self._take_turn(payload)) as exchange:
                trial = Trial(judge, number, seed, ahead, exchange.link)
                outcome = self._attend_test(exchange, trial)
            if trial.ending is None or trial.ending[0] != "again":
                break
        return outcome

    def _attend_test(self, exchange: Exchange, trial: Trial) -> Outcome:
        try:
            attend(exchange, trial)
        except JudgeStuckError:
            self._close_judge()
        if trial.ending is not None and trial.ending[0] in ("timeout", "memory"):
            self._close_judge()  # its memory may be in pieces
        return test_outcome(exchange, trial.ending)

    def close(self) -> None:
        """End both servers; the pool is closing, so that they are not replaced."""
        with self._changing:
            self.program_server.close()
            self._close_judge()
            self._next.close()


def _payload(program: Program) -> bytes:
    """What the child reads; marshal is fit for this direction, from trusted to untrusted."""
    tested, harness = program.test is not None, program.harness
    if harness is None:
        return marshal.dumps((program.source, program.seed, tested, None, None))
    arguments = {name: freeze(value) for name, value in harness.arguments.items()}
    return marshal.dumps((program.source, program.seed, tested, harness.source, arguments))


class Pool:
    """Workers that run untrusted programs; a context manager, safe to use from many threads.

    `libraries`, those that are installed, are imported before the first program and shared by
    all of them. `pool.layers`
    tells which layers of isolation are in force. Raises SandboxError where `isolation` asks
    for more than there is.
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
        self.libraries = libraries
        self._closing = threading.Event()
        self._jobs: queue.SimpleQueue[tuple[Program, Future[Outcome]] | None] = queue.SimpleQueue()
        self._workers = [Worker(self) for _ in range(workers)]
        self.layers: dict[str, Any] = {}
        self._finalizer = weakref.finalize(self, _close_workers, self._closing, self._workers)
        try:
            for worker in self._workers:
                self.layers = worker.program_server.wait_until_ready()
        except SandboxError:
            self._finalizer()
            raise
        _say_once(self.layers)
        for worker in self._workers:
            worker.start()

    def _refuse_if_closing(self) -> None:
        if self._closing.is_set():
            raise SandboxError("the pool is closed; open another one")

    def _new_server(self, for_tests: bool = False) -> Server:
        libraries = () if for_tests else self.libraries
        return Server(self.limits, self.isolation, libraries, for_tests)

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        self._refuse_if_closing()
        future: Future[Outcome] = Future()
        self._jobs.put((program, future))
        return future

    def run(self, program: Program) -> Outcome:
        """Run one program and wait for its outcome."""
        return self.submit(program).result()

    def close(self) -> None:
        """End all processes; programs that have not ended get no verdict."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job[1].cancel()
        for _ in self._workers:
            self._jobs.put(None)
        self._finalizer()
        for worker in self._workers:
            worker.join()

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


def _close_workers(closing: threading.Event, workers: list[Worker]) -> None:
    closing.set()
    for worker in workers:
        worker.close()
