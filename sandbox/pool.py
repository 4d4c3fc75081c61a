"""The pool: programs in, outcomes out.

Each worker is a thread of this process and a fork server (two for programs with a test:
the program's and the test's). The thread hands over one program at a time, reads what its
process reports, and makes an Outcome of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import select
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

from sandbox import wire
from sandbox.plain import Plain, PlainError, decode, encode, freeze, thaw
from sandbox.program import (
    Harness,
    Isolation,
    Limits,
    Outcome,
    Program,
    SandboxError,
    Status,
    Test,
)

BOOT = """
import sys, types
sys.path[:] = [entry for entry in sys.path if entry]
package = types.ModuleType("sandbox"); package.__path__ = [sys.argv[1]]
sys.modules["sandbox"] = package
from sandbox.server import main
main(int(sys.argv[2]))
"""
START_S = 120.0
CACHED = 256
TEST_CPU_S = 10.0


class ServerDied(Exception):
    """The fork server is gone; its job has to be run again."""


class Server:
    """The pool's end of one fork server."""

    def __init__(self, limits: Limits, isolation: Isolation, libraries: tuple[str, ...]) -> None:
        self.scratch = tempfile.mkdtemp(prefix=f"mtpb-sandbox-{os.getpid()}-")
        self.control, theirs = socket.socketpair()
        self.known: dict[str, None] = {}
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-s", "-B", "-X", "utf8", "-c", BOOT,
                    os.path.dirname(os.path.abspath(__file__)), str(theirs.fileno()),
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
            "file_mb": limits.file_mb,
            "isolation": isolation.value,
            "libraries": libraries,
            "scratch": self.scratch,
            "parent": os.getpid(),
        }
        wire.send(self.control, b"S", json.dumps(start).encode())

    def wait_until_ready(self) -> dict[str, Any]:
        """The layers in force; SandboxError where the server could not start."""
        self.control.settimeout(START_S)
        try:
            tag, body = wire.receive(self.control)
        except (wire.WireError, OSError) as error:
            self.close()
            raise SandboxError(f"the fork server of the sandbox did not start: {error}") from error
        self.control.settimeout(None)
        if tag != b"R":
            self.close()
            raise SandboxError(f"the fork server of the sandbox failed: {body.decode()}")
        return cast("dict[str, Any]", json.loads(body))

    def teach(self, tag: bytes, name: str, *parts: object) -> None:
        """Give the server a harness or a test to compile once."""
        if name not in self.known:
            self._send(tag, json.dumps([name, *parts]).encode())
            self.known[name] = None

    def start_job(self, test: str, fds: tuple[int, ...]) -> None:
        self._send(b"J", test.encode(), fds)

    def kill_job(self) -> None:
        with contextlib.suppress(ServerDied):
            self._send(b"K", b"")

    def _send(self, tag: bytes, body: bytes, fds: tuple[int, ...] = ()) -> None:
        try:
            wire.send(self.control, tag, body, fds)
        except OSError as error:
            raise ServerDied(str(error)) from error

    def ended(self) -> tuple[dict[str, Any], bytes]:
        """The report on the job that has ended."""
        try:
            _, body = wire.receive(self.control)
        except (wire.WireError, OSError) as error:
            raise ServerDied(str(error)) from error
        head, _, output = body.partition(b"\n")
        return cast("dict[str, Any]", json.loads(head)), output

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
        with contextlib.suppress(OSError):
            os.rmdir(self.scratch)


def _environment(scratch: str) -> dict[str, str]:
    """All that a program's environment holds."""
    threads = {
        f"{library}_NUM_THREADS": "1"
        for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS")
    }
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": scratch,
        "TMPDIR": scratch,
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "Agg",
        **threads,
    }


class Exchange:
    """The private channel of one process: a payload in, frames out."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ours, self.theirs = socket.socketpair()
        self.frames = wire.Frames()
        self.head: dict[str, Any] | None = None
        self.output = b""

    def start(self, test: str, link: socket.socket | None, payload: Mapping[str, object]) -> None:
        """Have the server fork for this job, and tell the child what to run."""
        fds = [self.theirs.fileno()] + ([link.fileno()] if link is not None else [])
        self.server.start_job(test, tuple(fds))
        self.theirs.close()
        if link is not None:
            link.close()
        with contextlib.suppress(OSError):  # a child that died at once; the server will tell
            wire.send(self.ours, b"P", encode(freeze(dict(payload))))

    def on_channel(self) -> bool:
        """Take what has come; False at the end of the stream."""
        try:
            piece = self.ours.recv(1 << 18)
        except OSError:
            return False
        self.frames.feed(piece)
        return bool(piece)

    def on_control(self) -> None:
        self.head, self.output = self.server.ended()

    def drain(self) -> None:
        self.ours.setblocking(False)
        while self.on_channel():
            pass
        self.ours.close()


def attend(exchanges: list[Exchange]) -> None:
    """Serve the channels until every process has ended; the first is the program's.

    As soon as the last one, the test's, has ended, the program is of no more use.
    """
    poll = select.poll()
    by_fd: dict[int, Any] = {}
    for exchange in exchanges:
        for sock, action in (
            (exchange.ours, exchange.on_channel),
            (exchange.server.control, exchange.on_control),
        ):
            by_fd[sock.fileno()] = action
            poll.register(sock, select.POLLIN)
    killed = False
    while any(exchange.head is None for exchange in exchanges):
        for fd, _ in poll.poll():
            if by_fd[fd]() is False:
                poll.unregister(fd)
        if len(exchanges) == 2 and exchanges[1].head and not exchanges[0].head and not killed:
            exchanges[0].server.kill_job()
            killed = True
    for exchange in exchanges:
        exchange.drain()


class Worker(threading.Thread):
    """One program at a time, on fork servers of its own."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(name="sandbox-worker", daemon=True)
        self._pool = pool
        self.program_server = pool._new_server()
        self.test_server: Server | None = None

    def run(self) -> None:
        while True:
            job = self._pool._jobs.get()
            if job is None:
                return
            program, future = job
            if future.set_running_or_notify_cancel():
                future.set_result(self._outcome(program))

    def _outcome(self, program: Program) -> Outcome:
        for _ in range(2):  # a program whose server died is run once more
            try:
                return self._try(program)
            except ServerDied:
                if self._pool.closed:
                    return Outcome(Status.sandbox_error, "the pool was closed")
                try:
                    self._restart()
                except SandboxError as error:
                    return Outcome(Status.sandbox_error, str(error))
        return Outcome(Status.sandbox_error, "the fork server died twice under this program")

    def _restart(self) -> None:
        self.program_server.close()
        self.program_server = self._pool._new_server()
        self.program_server.wait_until_ready()
        if self.test_server is not None:
            self.test_server.close()
            self.test_server = None

    def _try(self, program: Program) -> Outcome:
        exchange = Exchange(self.program_server)
        payload = _payload(program)
        if program.harness is not None:
            name = str(payload["harness"])
            self.program_server.teach(b"H", name, program.harness.source)
        if program.test is None:
            exchange.start("", None, payload)
            attend([exchange])
            return program_outcome(exchange)
        return self._try_test(program.test, program.seed, exchange, payload)

    def _try_test(
        self, test: Test, seed: int, exchange: Exchange, payload: Mapping[str, object]
    ) -> Outcome:
        if self.test_server is None:
            self.test_server = self._pool._new_server(for_tests=True)
            self.test_server.wait_until_ready()
        name = _name(test.setup, test.source, *test.proxies)
        self.test_server.teach(b"T", name, test.setup, test.source, test.proxies)
        trial = Exchange(self.test_server)
        link, test_link = socket.socketpair()
        exchange.start("", link, payload)
        trial.start(name, test_link, {"seed": seed})
        attend([exchange, trial])
        return test_outcome(exchange, trial)

    def close(self) -> None:
        self.program_server.close()
        if self.test_server is not None:
            self.test_server.close()


def _name(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _payload(program: Program) -> dict[str, object]:
    harness = program.harness
    return {
        "source": program.source,
        "seed": program.seed,
        "harness": None if harness is None else _name(harness.source),
        "arguments": {} if harness is None else dict(harness.arguments),
    }


def program_outcome(exchange: Exchange) -> Outcome:
    """What a program without a test came to, from its own report and its server's."""
    told = Told(exchange)
    head = cast("dict[str, Any]", exchange.head)
    if head["timeout"]:
        value = told.value if told.value is not None else told.interim
        detail = told.detail if told.status is Status.timeout else _limit(head)
        return told.outcome(Status.timeout, detail, value)
    if told.status is not None:
        return told.outcome(told.status, told.detail, told.value)
    return _died(told, head)


def _limit(head: Mapping[str, Any]) -> str:
    return f"time is used up: {head['cpu']:.1f} s of CPU, {head['wall']:.1f} s in all"


def _died(told: Told, head: Mapping[str, Any]) -> Outcome:
    code = head["exit"]
    if code == -9:
        return told.outcome(Status.memory, "killed by the kernel, most likely for its memory")
    if code == -31:
        return told.outcome(Status.blocked, "killed for a forbidden system call")
    how = f"signal {-code}" if code < 0 else f"exit status {code} behind the interpreter's back"
    return told.outcome(Status.exception, f"the program's process ended by {how}")


class Told:
    """What a process said about itself, as far as that can be read."""

    def __init__(self, exchange: Exchange) -> None:
        self._head = cast("dict[str, Any]", exchange.head)
        self._output = exchange.output
        self.status: Status | None = None
        self.detail = ""
        self.line: int | None = None
        self.exit_code: int | None = None
        self.value: Plain | None = None
        self.interim: Plain | None = None
        for tag, body in exchange.frames.all():
            try:
                self._take(tag, decode(body))
            except (PlainError, ValueError, TypeError):
                self.detail = "its report cannot be read"

    def _take(self, tag: bytes, plain: Plain) -> None:
        if tag == b"V":
            self.value = plain
        elif tag == b"I":
            self.interim = plain
        elif tag == b"E":
            status, detail, line, code = cast("tuple[Any, ...]", thaw(plain))
            self.status = ENDINGS.get(str(status), Status.exception)
            self.gone = status == "gone"
            self.detail = str(detail)
            self.line = line if type(line) is int else None
            self.exit_code = code if type(code) is int else None

    gone = False

    def outcome(self, status: Status, detail: str, value: Plain | None = None) -> Outcome:
        out, err = self._output[: self._head["out"]], self._output[self._head["out"] :]
        return Outcome(
            status=status,
            detail=detail,
            line=self.line,
            value=value,
            stdout=out.decode("utf-8", "replace"),
            stderr=err.decode("utf-8", "replace"),
            exit_code=self.exit_code,
            cpu_s=self._head["cpu"],
            wall_s=self._head["wall"],
        )


ENDINGS = {
    status.value: status
    for status in Status
    if status not in (Status.sandbox_error, Status.no_output)
}


def test_outcome(exchange: Exchange, trial: Exchange) -> Outcome:
    """The verdict is the test's; if the program died under it, the reason is the program's."""
    program, test = Told(exchange), Told(trial)
    head = cast("dict[str, Any]", exchange.head)
    trial_head = cast("dict[str, Any]", trial.head)
    if trial_head["timeout"]:
        return program.outcome(Status.timeout, "the test used up its time on the program's answers")
    if test.gone:
        if head["timeout"]:
            return program.outcome(Status.timeout, _limit(head))
        return _died(program, head)
    if test.status is None:
        return program.outcome(Status.wrong_answer, "the test's process did not survive the program's answers")
    program.line, program.exit_code = test.line, test.exit_code
    return program.outcome(test.status, test.detail)


test_outcome.__test__ = False  # type: ignore[attr-defined]


class Pool:
    """Workers that run untrusted programs; a context manager, safe to use from many threads.

    `libraries` are imported before the first program and shared by all of them. `pool.layers`
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
        self.closed = False
        self._jobs: queue.SimpleQueue[tuple[Program, Future[Outcome]] | None] = queue.SimpleQueue()
        self._workers = [Worker(self) for _ in range(workers)]
        self.layers: dict[str, Any] = {}
        self._finalizer = weakref.finalize(self, _close_workers, self._workers)
        for worker in self._workers:
            self.layers = worker.program_server.wait_until_ready()
        for worker in self._workers:
            worker.start()

    def _new_server(self, for_tests: bool = False) -> Server:
        return Server(self.limits, self.isolation, () if for_tests else self.libraries)

    def submit(self, program: Program) -> Future[Outcome]:
        """Queue a program; its outcome comes as a future, which never has an exception."""
        if self.closed:
            raise SandboxError("the pool is closed; open another one")
        future: Future[Outcome] = Future()
        self._jobs.put((program, future))
        return future

    def run(self, program: Program) -> Outcome:
        """Run one program and wait for its outcome."""
        return self.submit(program).result()

    def close(self) -> None:
        """End all processes; programs that have not ended get no verdict."""
        if self.closed:
            return
        self.closed = True
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


def _close_workers(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()
