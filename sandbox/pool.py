"""The pool: programs in, outcomes out.

Each worker is a thread of this process and a fork server (two for programs with a test:
the program's and the test's). The thread hands over one program at a time, reads what its
process reports, and makes an Outcome of it.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import queue
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict
from types import TracebackType
from typing import Any, cast

from sandbox import scratch, wire
from sandbox.failure import DETAIL_CHARS
from sandbox.plain import Plain, PlainError, decode, freeze, thaw
from sandbox.program import (
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
    Status,
    Test,
)
from sandbox.supervision import End

BOOT = """
import sys, types
sys.path[:] = [entry for entry in sys.path if entry]
package = types.ModuleType("sandbox"); package.__path__ = [sys.argv[1]]
sys.modules["sandbox"] = package
from sandbox.server import main
main(int(sys.argv[2]))
"""
START_S = 120.0
TEST_CPU_S = 10.0
LEAVE_S = 1.0
JUDGE_S = 60.0
MOST_TEXT = 8 << 20  # characters of a program; its frame has room for four bytes each
OOM_MB = 512  # a process killed below that was hardly killed for its memory


class ServerDiedError(Exception):
    """The fork server is gone; its job has to be run again."""


class JudgeStuckError(Exception):
    """The program has ended long since, and its test has not."""


class Server:
    """The pool's end of one fork server."""

    def __init__(
        self,
        limits: Limits,
        isolation: Isolation,
        libraries: tuple[str, ...] = (),
        for_tests: bool = False,
    ) -> None:
        # made by the keeper, so that there is no moment in which nobody would remove it
        name = f"mtpb-sandbox-{os.getpid()}-{secrets.token_hex(8)}"
        self.scratch = os.path.join(tempfile.gettempdir(), name)
        self.control, theirs = socket.socketpair()
        self.known: dict[tuple[Any, ...], int] = {}
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-s",
                    "-B",
                    "-X",
                    "utf8",
                    "-c",
                    BOOT,
                    os.path.dirname(os.path.abspath(__file__)),
                    str(theirs.fileno()),
                ],
                env=_environment(self.scratch),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if not os.environ.get("SANDBOX_DEBUG") else None,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        start = {
            "limits": asdict(limits),
            "tests": for_tests,
            "test_cpu_s": TEST_CPU_S,
            "isolation": isolation.value,
            "libraries": libraries,
            "scratch": self.scratch,
            "parent": os.getpid(),
        }
        wire.write(self.control.fileno(), wire.frame(b"S", json.dumps(start).encode()))

    def wait_until_ready(self) -> dict[str, Any]:
        """The layers in force; SandboxError where the server could not start."""
        try:
            poll = select.poll()
            poll.register(self.control, select.POLLIN)
            if not poll.poll(START_S * 1000):
                raise wire.WireError(f"nothing heard for {START_S:.0f} s")
            tag, body = wire.read_frame(self.control.fileno())
        except (wire.WireError, OSError) as error:
            self.close()
            raise SandboxError(f"the fork server of the sandbox did not start: {error}") from error
        if tag == b"L":
            self.close()
            raise SandboxError(
                f"full isolation is not to be had here, it lacks: {body.decode()};"
                " use isolation=auto to run with what there is"
            )
        if tag != b"R":
            self.close()
            raise SandboxError(f"the fork server of the sandbox failed: {body.decode()}")
        return cast("dict[str, Any]", json.loads(body))

    def teach(self, tag: bytes, *parts: object) -> int:
        """Give the server a harness or a test to compile once; its number."""
        if parts not in self.known:
            number = len(self.known)
            self._send(tag, json.dumps([number, *parts]).encode())
            self.known[parts] = number
        return self.known[parts]

    def start_job(self, fds: tuple[int, ...], body: bytes = b"") -> None:
        self._send(b"J", body, fds)

    def kill_job(self) -> None:
        with contextlib.suppress(ServerDiedError):
            self._send(b"K", b"")

    def _send(self, tag: bytes, body: bytes, fds: tuple[int, ...] = ()) -> None:
        data = wire.frame(tag, body)
        try:
            if fds:
                wire.write_with_fds(self.control, data, fds)
            else:
                wire.write(self.control.fileno(), data)
        except OSError as error:
            raise ServerDiedError(str(error)) from error

    def ended(self) -> bytes:
        """The report on the job that has ended."""
        try:
            return wire.read_frame(self.control.fileno())[1]
        except (wire.WireError, OSError) as error:
            raise ServerDiedError(str(error)) from error

    def close(self) -> None:
        """End the server, its child and its scratch directory; waits for that."""
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        scratch.remove(self.scratch)


def _environment(home: str) -> dict[str, str]:
    """All that a program's environment holds."""
    threads = {
        f"{library}_NUM_THREADS": "1"
        for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
    }
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "PYTHONHASHSEED": "0",
        "LD_BIND_NOW": "1",  # or every child would resolve the same functions again
        "MPLBACKEND": "Agg",
        **threads,
    }


class Exchange:
    """What connects us with one program's process: a private channel, and a link for its test.

    To make one is to have the server turn to the program before, and fork the process after that.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ours, theirs = socket.socketpair()
        self.link, their_link = socket.socketpair()
        with theirs, their_link:  # closed here, or their end would not be noticed
            try:
                server.start_job((theirs.fileno(), their_link.fileno()))
            except ServerDiedError:
                self.close()
                raise
        self.frames = wire.Frames()
        self.end: End | None = None

    def tell(self, payload: bytes) -> None:
        """Tell the process what to run."""
        with contextlib.suppress(OSError):  # it died at once; the server will tell
            wire.write(self.ours.fileno(), wire.frame(b"P", payload))

    def on_channel(self) -> bool:
        """Take what has come; False at the end of the stream."""
        try:
            piece = self.ours.recv(1 << 18)
        except OSError:
            return False
        self.frames.feed(piece)
        return bool(piece)

    def on_control(self) -> bool:
        self.end = End(*marshal.loads(self.server.ended()))  # written by our own server
        return True

    def drain(self) -> None:
        """Take what is left on the channel of a process that has ended."""
        self.ours.setblocking(False)
        while self.on_channel():
            pass

    def close(self) -> None:
        self.ours.close()
        self.link.close()


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
        return test_outcome(exchange, trial)

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


def test_outcome(exchange: Exchange, trial: Trial) -> Outcome:
    """The verdict is the test's; if the program died under it, the reason is the program's."""
    told = Told(exchange)
    end = cast(End, exchange.end)
    if not told.begun:
        return told.outcome(Status.sandbox_error, told.fault or "its process failed to start")
    verdict = None if trial.ending is None else trial.ending[0]
    if end.timeout and verdict not in ("wrong_answer", "exception"):  # which came before
        return told.outcome(Status.timeout, _limit(end))
    if trial.ending is None:
        return told.outcome(Status.timeout, "the test was stuck on the program's answers")
    if verdict == "gone":
        return _died(told, end)
    told.ending(trial.ending)
    return told.outcome(cast(Status, told.status), told.detail)


test_outcome.__test__ = False  # type: ignore[attr-defined]


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
