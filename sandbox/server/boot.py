"""Entry point of the processes that the pool starts: a keeper, and a fork server or a tester.

The keeper is the parent. When the pool's process or the server has ended, it ends the other, kills
what is left and removes the scratch directory, also after `kill -9` of the pool's process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from typing import Any, NoReturn

from sandbox.protocol import frames, messages
from sandbox.server import layers, preload, scratch
from sandbox.server.fork_server import ForkServer
from sandbox.server.supervision import Bounds
from sandbox.tester.tester import Tester

CONTROL_FD = 3  # the server's own; its children have other things in the same places


def main() -> NoReturn:
    """Entry point of the process that the pool starts; never returns.

    Its control socket comes as standard input. No other descriptor of the pool is open here, so
    all that are opened later have low numbers.
    """
    os.dup2(0, CONTROL_FD, inheritable=False)
    with open(os.devnull, "rb") as null:
        os.dup2(null.fileno(), 0)
    control = socket.socket(fileno=CONTROL_FD)
    try:
        start = json.loads(frames.read_frame(CONTROL_FD)[1])
    except (frames.WireError, ConnectionError):  # the pool ended before it had begun
        os._exit(0)
    with open(os.devnull, "wb") as null:  # what libraries print has somewhere to go
        for fd in (1,) if start["debug"] else (1, 2):
            os.dup2(null.fileno(), fd)
    os.mkdir(start["scratch"], 0o700)
    report = layers.LayerReport(start["isolation"])
    layers.enter_namespaces(report)
    server_pid = os.fork()
    if server_pid == 0:
        _serve_until_closed(control, start, report)
    keep(control, server_pid, start["scratch"], start["parent"])


def keep(control: socket.socket, server_pid: int, directory: str, parent: int) -> NoReturn:
    """Wait until the server or the pool has ended, end the other, and clean up."""
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


def _serve_until_closed(
    control: socket.socket, start: dict[str, Any], report: layers.LayerReport
) -> NoReturn:
    try:
        server = _prepare(control, start, report)
    except layers.MissingLayerError as error:
        frames.write(control.fileno(), messages.LACKING.frame(str(error).encode()))
        os._exit(1)
    except Exception as error:  # noqa: BLE001  sent to the pool, which raises it
        text = f"{type(error).__name__}: {error}"
        frames.write(control.fileno(), messages.FAILED.frame(text.encode()))
        os._exit(1)
    with contextlib.suppress(frames.WireError, ConnectionError):
        server.serve()
    os._exit(0)


def _prepare(
    control: socket.socket, start: dict[str, Any], report: layers.LayerReport
) -> ForkServer | Tester:
    """All that is done once per server: scratch directory, libraries, privileges, layers."""
    limits, directory = start["limits"], start["scratch"]
    layers.die_with_parent()
    layers.mount_scratch(directory, limits["file_mb"], report)
    os.chdir(directory)
    preload.resolve_without_links()  # before any module takes a reference to it
    preload.copy_without_modes()
    environment = None if start["tests"] else preload.prepare_environment(start, report)
    layers.give_up_privileges(report)
    enter_layers = layers.prepare_layers(limits, directory, report)
    if environment is None:
        enter_layers(())
        server: ForkServer | Tester = Tester(control, start["test_cpu_s"])
    else:
        layers.probe(enter_layers, report)
        output = limits["output_kb"] * 1024
        bounds = Bounds(control.fileno(), limits["cpu_s"], limits["wall_s"], output)
        server = ForkServer(control, enter_layers, bounds, environment)
    lacking = layers.complaint(report)
    if lacking is not None and report.isolation == "full":
        raise layers.MissingLayerError(lacking)
    if environment is not None:
        preload.become_lean()
    frames.write(control.fileno(), messages.READY.frame(json.dumps(report.plain()).encode()))
    return server
