"""The fork server: one warm interpreter from which every program is a fork.

Two processes. The keeper waits for the pool or the server to end, then kills what is left
and removes the scratch directory; it is there so that even `kill -9` of the pool's process
leaves nothing behind. The server imports the libraries, prepares the layers once, then
forks a child for every program, watches its time and output, and tells the pool how it
ended. It never sees a program's source or an expected value: those go from the pool to the
child on a channel of their own.

The fork is made ahead: once a program has ended and its traces are gone, the next one's process
is forked, enters its walls, and waits there for its program.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import linecache
import marshal
import os
import pickle
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any, NoReturn

from sandbox.inside import execution as child
from sandbox.inside import stand_ins as absent
from sandbox.protocol import frames as wire
from sandbox.protocol import messages as protocol
from sandbox.server import layers, scratch
from sandbox.server.supervision import Bounds, Child
from sandbox.tester.tester import Judge
from sandbox.tiers import root_of

CONTROL_FD = 3  # the server's own; its children have other things in the same places
CHANNEL_FD, LINK_FD = 3, 4
# imported for programs, which would spend milliseconds on them
LIBRARY = [
    "abc",
    "ast",
    "bisect",
    "collections",
    "collections.abc",
    "copy",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "os.path",
    "random",
    "re",
    "statistics",
    "string",
    "threading",
    "time",
    "traceback",
    "typing",
]
PARTS = {  # which a library does not import by itself, and its users do
    "numpy": ("numpy.random", "numpy.linalg", "numpy.fft"),
    "sklearn": ("sklearn.linear_model", "sklearn.model_selection"),
}


def main() -> NoReturn:
    """Entry point of the process that the pool starts; never returns.

    Its control socket comes as standard input: there is no other descriptor of the pool's, and
    all that are opened from here on have low numbers.
    """
    os.dup2(0, CONTROL_FD, inheritable=False)
    with open(os.devnull, "rb") as null:
        os.dup2(null.fileno(), 0)
    control = socket.socket(fileno=CONTROL_FD)
    try:
        start = json.loads(wire.read_frame(CONTROL_FD)[1])
    except (wire.WireError, ConnectionError):  # the pool ended before it had begun
        os._exit(0)
    with open(os.devnull, "wb") as null:  # what libraries print has somewhere to go
        for fd in (1,) if start["debug"] else (1, 2):
            os.dup2(null.fileno(), fd)
    os.mkdir(start["scratch"], 0o700)
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


def _serve_until_closed(
    control: socket.socket, start: dict[str, Any], report: layers.Report
) -> NoReturn:
    try:
        server = _prepare(control, start, report)
    except layers.MissingLayerError as error:
        wire.write(control.fileno(), protocol.LACKING.frame(str(error).encode()))
        os._exit(1)
    except Exception as error:  # noqa: BLE001  told to the pool, which raises it
        text = f"{type(error).__name__}: {error}"
        wire.write(control.fileno(), protocol.FAILED.frame(text.encode()))
        os._exit(1)
    with contextlib.suppress(wire.WireError, ConnectionError):
        server.serve()
    os._exit(0)


def _prepare(
    control: socket.socket, start: dict[str, Any], report: layers.Report
) -> Server | Judge:
    """Everything that is done once: namespaces, scratch, libraries, privileges, walls."""
    limits, directory = start["limits"], start["scratch"]
    layers.die_with_parent()
    layers.mount_scratch(directory, limits["file_mb"], report)
    os.chdir(directory)
    _resolve_without_links()  # before anybody takes a reference to it
    _copy_without_modes()
    stage = None if start["tests"] else _prepare_stage(start, report)
    layers.give_up_privileges(report)
    walls = layers.prepare_walls(limits, directory, report)
    if stage is None:
        walls(())
        server: Server | Judge = Judge(control, start["test_cpu_s"])
    else:
        layers.probe(walls, report)
        output = limits["output_kb"] * 1024
        bounds = Bounds(control.fileno(), limits["cpu_s"], limits["wall_s"], output)
        server = Server(control, walls, bounds, stage)
    lacking = layers.complaint(report)
    if lacking is not None and report.isolation == "full":
        raise layers.MissingLayerError(lacking)
    if stage is not None:
        _become_lean()
    wire.write(control.fileno(), protocol.READY.frame(json.dumps(report.plain()).encode()))
    return server


def _prepare_stage(start: dict[str, Any], report: layers.Report) -> child.Stage:
    """Libraries, held or stood in for, and what running programs has to have settled."""
    report.libraries = _installed(start["libraries"])
    held, rest = report.libraries[: start["tier"]], report.libraries[start["tier"] :]
    with _without_fork_hooks():
        _preload([*LIBRARY, *held])
    absent.install(map(root_of, rest), child.Channel(CHANNEL_FD).needs)
    atexit._clear()
    _warm_up()
    child.seed_generators(0)  # for the programs whose text does not tell that they draw
    return child.Stage()


@contextlib.contextmanager
def _without_fork_hooks() -> Any:
    """Import modules without their hooks for forks: a child costs less by a third.

    What they do is not needed: the server has one thread, and its children, which cannot
    fork, get their seeds from the pool.
    """
    register = os.register_at_fork
    os.register_at_fork = lambda **hooks: None
    try:
        yield
    finally:
        os.register_at_fork = register


def _installed(libraries: list[str]) -> list[str]:
    return [name for name in libraries if PathFinder.find_spec(root_of(name))]


def _preload(names: list[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:  # it is there, and broken
                raise
    for part in [part for name in PARTS if name in sys.modules for part in PARTS[name]]:
        importlib.import_module(part)


REHEARSED = """
import math
def f(x: int) -> list[int]:
    return [n + x for n in range(3)]
f(1)
"""


def _warm_up() -> None:
    """Run what every child will run, a few times: first runs write to the most pages.

    Compiling sets up its tables, lookups are remembered, and functions settle on the types
    they meet; whatever of that is done here no child has to do on copies of its own.
    """
    before = dict(sys.modules)
    stage = child.Stage()
    for _ in range(20):
        _rehearse(stage, ["f"])
        _rehearse(stage, [])
    del sys.modules["program"]
    sys.modules.update(before)
    linecache.clearcache()


def _rehearse(stage: child.Stage, calls: list[str]) -> None:
    """Run a program in this process, called by a test or not, as its child would."""
    pool, channel = socket.socketpair()
    test, link = socket.socketpair()
    with pool, channel, test, link:
        payload = marshal.dumps((REHEARSED, 0, 1.0 if calls else None, None, None))
        wire.write(pool.fileno(), protocol.PROGRAM.frame(payload))
        for name in calls:
            for arguments in ((1,), ([1],), ("a", (2.5, None), {1: True})):
                request = pickle.dumps(("call", name, arguments, {}), pickle.HIGHEST_PROTOCOL)
                wire.write(test.fileno(), protocol.CALL.frame(request))
        test.shutdown(socket.SHUT_WR)
        child.run_program(channel.fileno(), link.detach(), stage)


def _copy_without_modes() -> None:
    """Let `shutil.copy` work where changes of mode and times are refused."""

    def tolerant(copy: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(copy)
        def copy_if_allowed(*args: Any, **options: Any) -> None:
            with contextlib.suppress(PermissionError):
                copy(*args, **options)

        return copy_if_allowed

    shutil.copymode = tolerant(shutil.copymode)
    shutil.copystat = tolerant(shutil.copystat)


def _resolve_without_links() -> None:
    """Let `os.path.realpath` work where links cannot be read: it leaves them as they are."""
    resolve = os.path.realpath

    @functools.wraps(resolve)
    def realpath(path: Any, **options: Any) -> Any:
        try:
            return resolve(path, **options)
        except PermissionError:
            if options.get("strict") is True:
                raise
            return os.path.abspath(path)

    os.path.realpath = realpath  # type: ignore[assignment]


def _become_lean() -> None:
    """Leave to the children nothing of the server's own, and as little to copy as can be."""
    sys.argv[:] = [""]
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        del sys.modules[name]
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    layers.trim_memory()
    gc.freeze()


class Server:
    """Runs one program at a time, each in a fork; see the module's docstring."""

    def __init__(
        self,
        control: socket.socket,
        walls: layers.Walls,
        bounds: Bounds,
        stage: child.Stage,
    ) -> None:
        self._control = control
        self._walls = walls
        self._bounds = bounds
        self._stage = stage
        self._next: Child | None = None
        self._null = os.open(os.devnull, os.O_RDWR)
        while self._null < layers.FIRST_FREE_FD:  # what arrives is then above a child's own places
            self._null = os.open(os.devnull, os.O_RDWR)

    def serve(self) -> None:
        """Serve until the pool hangs up, which is an exception of `wire`; also the children."""
        while True:
            tag, body, fds = wire.read_frame_with_fds(self._control, 2)
            if tag == protocol.HARNESS.tag:
                self._stage.harness(json.loads(body)[1])
            elif tag == protocol.JOB.tag:
                if self._next is not None:
                    self._see_to_its_end(self._next)
                self._next = Child(protocol.unpack_job(body)[0], fds, self._bounds)
                if self._next.fork():
                    self._enter(self._next)  # from here: to return first would touch more pages
            # a KILL for a child that has ended already needs no answer

    def _see_to_its_end(self, present: Child) -> None:
        end = present.watch()
        try:
            scratch.clear(".")
        finally:
            wire.write(self._control.fileno(), protocol.END.frame(protocol.pack_end(end)))

    def _enter(self, new: Child) -> NoReturn:
        """In the child: descriptors and walls, then the program."""
        self._walls((self._null, *new.given))
        child.run_program(CHANNEL_FD, LINK_FD, self._stage)
        os._exit(0)
