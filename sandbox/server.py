"""The fork server: one warm interpreter from which every program is a fork.

Two processes. The keeper waits for the pool or the server to end, then kills what is left
and removes the scratch directory; it is there so that even `kill -9` of the pool's process
leaves nothing behind. The server imports the libraries, prepares the layers once, then
forks a child for every program, watches its time and output, and tells the pool how it
ended. It never sees a program's source or an expected value: those go from the pool to the
child on a channel of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import time
from types import CodeType
from typing import Any, NoReturn, cast

from sandbox import child, layers, scratch, serving, trial, wire
from sandbox.supervision import Child, Supervisor

CHANNEL_FD, LINK_FD, FIRST_FREE_FD = 3, 4, 5


def main(control_fd: int) -> NoReturn:
    """Entry point of the process that the pool starts; never returns."""
    control = socket.socket(fileno=control_fd)
    _, body = wire.receive(control)
    start = json.loads(body)
    report = layers.Report(start["isolation"])
    layers.enter_namespaces(report)
    server_pid = os.fork()
    if server_pid == 0:
        _serve_until_closed(control, start, report)
    keep(control, server_pid, start["scratch"], start["parent"])


def keep(control: socket.socket, server_pid: int, directory: str, parent: int) -> NoReturn:
    """Outlive the server: end with it or with the pool, and clean up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    poll = select.poll()
    poll.register(control, getattr(select, "POLLRDHUP", select.POLLHUP))
    with contextlib.suppress(OSError, AttributeError):
        poll.register(os.pidfd_open(server_pid), select.POLLIN)
    while os.getppid() == parent and not poll.poll(1000):
        if os.waitpid(server_pid, os.WNOHANG)[0]:
            break
    with contextlib.suppress(ProcessLookupError):
        os.kill(server_pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(server_pid, 0)
    scratch.remove(directory)
    os._exit(0)


def _serve_until_closed(control: socket.socket, start: dict[str, Any], report: Any) -> NoReturn:
    try:
        server = Server(control, start, report)
    except Exception as error:  # noqa: BLE001  told to the pool, which raises it
        wire.send(control, b"X", f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    try:
        child_job = server.serve()
    except (wire.WireError, ConnectionError):
        os._exit(0)
    child_job()
    os._exit(1)


class Server:
    """Serves one job at a time; see the module's docstring."""

    def __init__(self, control: socket.socket, start: dict[str, Any], report: Any) -> None:
        self.control = control
        self.harnesses: dict[str, CodeType] = {}
        self.tests: dict[str, trial.CompiledTest] = {}
        layers.die_with_parent()
        layers.mount_scratch(start["scratch"], start["limits"]["file_mb"], report)
        os.chdir(start["scratch"])
        _preload(start["libraries"])
        self.null = os.open(os.devnull, os.O_RDWR)
        layers.give_up_privileges(report)
        self.walls = layers.Walls(start["limits"], start["scratch"], report)
        layers.probe(self.walls, report)
        self.supervisor = Supervisor(control, start["limits"])
        _become_lean()
        wire.send(control, b"R", json.dumps(report.plain()).encode())

    def serve(self) -> Any:
        """Serve jobs until the pool hangs up; returns in a child only, with what it is to run."""
        while True:
            tag, body, fds = wire.receive_with_fds(self.control, 2)
            if tag == b"H":
                name, source = json.loads(body)
                self.harnesses[name] = compile(source, "<harness>", "exec", dont_inherit=True)
            elif tag == b"T":
                name, *parts = json.loads(body)
                self.tests[name] = trial.compile_test(parts[0], parts[1], tuple(parts[2]))
            elif tag == b"J":
                job = self._fork(body.decode(), fds)
                if job is not None:
                    return job
            # a K for a child that has ended already needs no answer

    def _fork(self, test: str, fds: list[int]) -> Any:
        streams = Child.open()
        pid = os.fork()
        if pid == 0:
            return lambda: self._enter(test, fds, streams)
        for fd in fds:
            os.close(fd)
        self.supervisor.watch(streams.started(pid))
        scratch.clear(".")
        return None

    def _enter(self, test: str, fds: list[int], streams: Child) -> NoReturn:
        os.setsid()
        os.dup2(self.null, 0)
        os.dup2(streams.write_ends[0], 1)
        os.dup2(streams.write_ends[1], 2)
        fds = [os.dup(fd) if fd < FIRST_FREE_FD else fd for fd in fds]
        channel, link = (*fds, None)[:2]
        self.walls.enter()
        os.dup2(cast(int, channel), CHANNEL_FD)
        if link is not None:
            os.dup2(link, LINK_FD)
        os.closerange(FIRST_FREE_FD if link is not None else LINK_FD, layers.MOST_FILES)
        self.walls.seal()
        channel_sock = socket.socket(fileno=CHANNEL_FD)
        link_sock = socket.socket(fileno=LINK_FD) if link is not None else None
        if test:
            trial.run_trial(self.tests[test], channel_sock, cast(socket.socket, link_sock))
        child.run_program(channel_sock, link_sock, self.harnesses)


def _preload(libraries: list[str]) -> None:
    for name in libraries:
        importlib.import_module(name)
    if "numpy" in sys.modules:
        for part in ("numpy.random", "numpy.linalg", "numpy.fft"):
            importlib.import_module(part)


def _become_lean() -> None:
    """Leave to the children nothing of the server's own, and as little to copy as can be."""
    sys.argv[:] = [""]
    atexit._clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    gc.freeze()
