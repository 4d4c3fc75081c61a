"""A worker runs one program at a time on servers of its own, and recovers when they fail."""

from __future__ import annotations

import contextlib
import functools
import json
import marshal
import queue
import threading
from concurrent.futures import Future
from typing import cast

from sandbox.connection import ServerProcess
from sandbox.outcome import program_outcome, test_outcome
from sandbox.program import Isolation, Limits, Outcome, Program, SandboxError, Status, Test
from sandbox.protocol import messages
from sandbox.protocol.freezing import freeze
from sandbox.protocol.messages import End, Ended, Ending
from sandbox.report import ProcessReport
from sandbox.runs import PreforkedServer, TesterStuckError, TestRun, wait_for_end
from sandbox.tiers import tier_of, tier_with

# verdicts that an earlier test in the same tester may have caused; those that end a tester
_DOUBTFUL = (Ended.broken_test, Ended.memory)
_REPLACES_TESTER = (Ended.timeout, *_DOUBTFUL)
MOST_TEXT = 8 << 20  # characters of a program; its frame has room for four bytes each


class Shared:
    """State that a pool shares with its workers, which do not know the pool itself."""

    def __init__(self, limits: Limits, isolation: Isolation, libraries: tuple[str, ...]) -> None:
        self.jobs: queue.SimpleQueue[tuple[Program, Future[Outcome]] | None] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._new_server = functools.partial(ServerProcess, limits, isolation)
        self._libraries = libraries
        self.installed: list[str] = []  # those of the libraries that are

    def refuse_if_closing(self) -> None:
        if self.closing.is_set():
            raise SandboxError("the pool is closed; open another one")

    def new_server(self, tier: int = 0) -> ServerProcess:
        self.refuse_if_closing()
        return self._new_server(self._libraries, tier)

    def new_tester(self) -> ServerProcess:
        self.refuse_if_closing()
        return self._new_server(for_tests=True)


class Worker(threading.Thread):
    """One program at a time, on fork servers of its own."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(name="sandbox-worker", daemon=True)
        self._shared = shared
        # one for each tier that was needed so far
        self.servers = {0: PreforkedServer(shared.new_server())}
        self.tester: ServerProcess | None = None
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
            del job, program, future  # an idle worker keeps no program alive

    def _outcome_or_error(self, program: Program) -> Outcome:
        try:
            return self._outcome(program)
        except SandboxError as error:
            return Outcome(Status.sandbox_error, str(error))
        except Exception as error:  # noqa: BLE001  a fault of ours must not hang the caller
            return Outcome(Status.sandbox_error, f"{type(error).__name__}: {error}")

    def _outcome(self, program: Program) -> Outcome:
        """Run a program; if the servers fail, once more on fresh ones.

        If they fail again, a known good program decides whose fault it is: where that passes,
        the program's (`exception`), else the sandbox's (`sandbox_error`).
        """
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
        """The outcome and "", or None and the failure, after which all servers are replaced."""
        try:
            return self._try(program, payload, tier), ""
        except SandboxError:
            raise
        except Exception as error:  # noqa: BLE001  the servers' state is unknown
            self._restart()
            return None, f"{type(error).__name__}: {error}"

    def _restart(self) -> None:
        """End all servers; they start again as they are needed."""
        with self._changing:
            self._close_servers()

    def _server(self, tier: int) -> PreforkedServer:
        """The server of a tier, its server started if it has not been needed before."""
        server = self.servers.get(tier)
        if server is None:
            with self._changing:
                server = self.servers[tier] = PreforkedServer(self._shared.new_server(tier))
            try:
                server.process.wait_until_ready()
            except SandboxError:
                self.servers.pop(tier, server).close()
                raise
        return server

    def _ready_tester(self) -> ServerProcess:
        if self.tester is None:
            with self._changing:
                self.tester = self._shared.new_tester()
            self.tester.wait_until_ready()
        return self.tester

    def _close_tester(self) -> None:
        if self.tester is not None:
            self.tester.close()
            self.tester = None

    def _try(self, program: Program, payload: bytes, tier: int) -> Outcome:
        """Run a program in `tier`, and again in a larger one if it turns out to need that."""
        while True:
            report, end, verdict = self._run(self._server(tier), program, payload)
            larger = tier_with(_left_for(report, end, verdict), self._shared.installed)
            if larger <= tier:
                break
            tier = larger
        if program.test is not None:
            return test_outcome(report, end, verdict)
        return program_outcome(report, end)

    def _run(
        self, server: PreforkedServer, program: Program, payload: bytes
    ) -> tuple[ProcessReport, End, Ending | None]:
        """Returns the process' report, how it ended, and the verdict of its test, if any."""
        if program.test is not None:
            return self._run_test(server, program.test, program.seed, payload)
        if program.harness is not None:
            source = program.harness.source
            server.process.define(messages.HARNESS, source, source.encode)
        with contextlib.closing(server.run(payload)) as program_run:
            program_run.link.close()
            wait_for_end(program_run)
            return program_run.report, cast(End, program_run.end), None

    def _run_test(
        self, server: PreforkedServer, test: Test, seed: int, payload: bytes
    ) -> tuple[ProcessReport, End, Ending | None]:
        """The same for a program with a test.

        `broken_test` and `memory` may be effects of earlier tests in the same tester, so they
        count only if a fresh tester gives them.
        """
        is_fresh = self.tester is None
        report, end, ending = self._run_on_tester(server, test, seed, payload)
        if ending is not None and ending.ended in _REPLACES_TESTER:
            self._close_tester()
            if ending.ended in _DOUBTFUL and not is_fresh:
                return self._run_on_tester(server, test, seed, payload)
        return report, end, ending

    def _run_on_tester(
        self, server: PreforkedServer, test: Test, seed: int, payload: bytes
    ) -> tuple[ProcessReport, End, Ending | None]:
        tester = self._ready_tester()
        parts = test.setup, test.source, tuple(test.proxies)
        number = tester.define(messages.TEST, parts, lambda: json.dumps(parts).encode())
        with contextlib.closing(server.run(payload)) as program_run:
            test_run = TestRun(tester, number, seed, program_run.link)
            try:
                wait_for_end(program_run, test_run)
            except TesterStuckError:
                self._close_tester()
                program_run.server.kill_job()
                wait_for_end(program_run)
            return program_run.report, cast(End, program_run.end), test_run.ending

    def close(self) -> None:
        """End all servers; the pool is closing, so that they are not replaced."""
        with self._changing:
            self._close_servers()

    def _close_servers(self) -> None:
        self._close_tester()
        while self.servers:
            self.servers.popitem()[1].close()


def _left_for(report: ProcessReport, end: End, verdict: Ending | None) -> str:
    """The library that a process ended for, or "". Such a process has no ending and no verdict."""
    if report.broken or report.ending is not None or end.timeout:
        return ""
    if verdict is not None and verdict.ended is not Ended.gone:
        return ""  # otherwise a program could ask for another try after a wrong answer
    return report.needs


def _known_good(program: Program) -> Program:
    """A program of the same kind that cannot fail where the sandbox works."""
    test = None
    if program.test is not None:
        test = Test("", "assert known_good() == 1", ("known_good",))
    return Program("def known_good(): return 1", program.harness, test)


def _payload(program: Program) -> bytes:
    """The bytes that the child reads: marshal, which is safe from trusted to untrusted."""
    harness = program.harness
    tested = None if program.test is None else (program.test.call_cpu_s or 0.0)
    if harness is None:
        return marshal.dumps((program.source, program.seed, tested, None, None))
    arguments = {name: freeze(value) for name, value in harness.arguments.items()}
    return marshal.dumps((program.source, program.seed, tested, harness.source, arguments))
