"""The pool's end of its connections: to a fork server, and to one program's process."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict
from typing import Any, cast

from sandbox import scratch, wire
from sandbox.program import Isolation, Limits, SandboxError
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


class ServerDiedError(Exception):
    """The fork server is gone; its job has to be run again."""


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
