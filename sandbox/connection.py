"""The pool's end of its connections: to a fork server, and to one program's process."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import asdict
from typing import Any, cast

from sandbox.program import Isolation, Limits, SandboxError
from sandbox.protocol import frames, messages
from sandbox.protocol.messages import Message
from sandbox.server import scratch

# modules are imported without their hooks for forks, which every fork would run
BOOT = """
import os, sys, types
sys.path[:] = [entry for entry in sys.path if entry]
package = types.ModuleType("sandbox"); package.__path__ = [sys.argv[1]]
sys.modules["sandbox"] = package
register, os.register_at_fork = os.register_at_fork, lambda **hooks: None
from sandbox.server.boot import main
os.register_at_fork = register
main()
"""
_COMMAND = (
    *(sys.executable, "-s", "-B", "-X", "utf8", "-c", BOOT),
    os.path.dirname(os.path.abspath(__file__)),
)
START_S = 120.0
TEST_CPU_S = 10.0  # at least; otherwise as long as a program may take


class ServerError(Exception):
    """The fork server ended or sent an unexpected message; its job has to be run again."""


class ServerProcess:
    """The pool's end of one fork server."""

    def __init__(
        self,
        limits: Limits,
        isolation: Isolation,
        libraries: tuple[str, ...] = (),
        tier: int = 0,
        for_tests: bool = False,
    ) -> None:
        # the keeper creates it and removes it, so that nothing is left if this process dies first
        name = f"mtpb-sandbox-{os.getpid()}-{secrets.token_hex(8)}"
        self.scratch = os.path.join(tempfile.gettempdir(), name)
        self.control, theirs = socket.socketpair()
        self.known: dict[Hashable, int] = {}
        self.test_cpu_s = max(TEST_CPU_S, limits.cpu_s)
        self._jobs = itertools.count(1)
        # a pipe, like a program's output: Python caches whether a stream can seek
        reading, writing = os.pipe()
        os.close(reading)
        debug = bool(os.environ.get("SANDBOX_DEBUG"))
        with theirs, open(writing, "wb") as pipe:
            self._process = subprocess.Popen(
                _COMMAND,
                env=_environment(self.scratch),
                stdin=theirs.fileno(),
                stdout=pipe,
                stderr=None if debug else pipe,
                start_new_session=True,
            )
        start = {
            "limits": asdict(limits),
            "tests": for_tests,
            "test_cpu_s": self.test_cpu_s,
            "isolation": isolation.value,
            "libraries": libraries,
            "tier": tier,
            "scratch": self.scratch,
            "parent": os.getpid(),
            "debug": debug,
        }
        frames.write(self.control.fileno(), messages.START.frame(json.dumps(start).encode()))

    def wait_until_ready(self) -> dict[str, Any]:
        """The layers in force; SandboxError where the server could not start."""
        try:
            poll = select.poll()
            poll.register(self.control, select.POLLIN)
            if not poll.poll(START_S * 1000):
                raise frames.WireError(f"nothing heard for {START_S:.0f} s")
            tag, body = frames.read_frame(self.control.fileno())
        except (frames.WireError, OSError) as error:
            self.close()
            raise SandboxError(f"the fork server of the sandbox did not start: {error}") from error
        if tag == messages.LACKING.tag:
            self.close()
            raise SandboxError(
                f"full isolation is not to be had here, it lacks: {body.decode()};"
                " use isolation=auto to run with what there is"
            )
        if tag != messages.READY.tag:
            self.close()
            raise SandboxError(f"the fork server of the sandbox failed: {body.decode()}")
        return cast("dict[str, Any]", json.loads(body))

    def define(self, message: Message, key: Hashable, body: Callable[[], bytes]) -> int:
        """Send a harness or a test, unless the server has it; returns its number there."""
        if key not in self.known:
            self._send(message, body())
            self.known[key] = len(self.known)
        return self.known[key]

    def start_job(self, fds: tuple[int, ...]) -> int:
        """Ask for a program's process to be forked; returns the number of the job."""
        number = next(self._jobs)
        self._send(messages.JOB, messages.pack_job(number), fds)
        return number

    def start_test(self, test: int, seed: int, link: socket.socket) -> int:
        """Ask for a test to be run against the program at `link`; returns the number of the job."""
        number = next(self._jobs)
        self._send(messages.RUN_TEST, json.dumps([test, number, seed]).encode(), (link.fileno(),))
        return number

    def kill_job(self) -> None:
        with contextlib.suppress(ServerError):
            self._send(messages.KILL, b"")

    def _send(self, message: Message, body: bytes, fds: tuple[int, ...] = ()) -> None:
        data = message.frame(body)
        try:
            if fds:
                frames.write_with_fds(self.control, data, fds)
            else:
                frames.write(self.control.fileno(), data)
        except OSError as error:
            raise ServerError(f"the fork server is gone: {error}") from error

    def receive(self, message: Message) -> bytes:
        """The body of the next message; ServerError if it is not a `message`."""
        try:
            tag, body = frames.read_frame(self.control.fileno(), message.most)
        except (frames.WireError, OSError) as error:
            raise ServerError(f"the fork server is gone: {error}") from error
        if tag != message.tag:
            raise ServerError(f"the fork server wrote {tag!r} instead of {message.tag!r}")
        return body

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
    """The environment variables of a server, and so of every program."""
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
        "LD_BIND_NOW": "1",  # otherwise every child resolves the same functions again
        "MPLBACKEND": "Agg",
        **threads,
    }
