"""Work that a fork server does once so that no child repeats it: imports, warm-up, trimming."""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import linecache
import marshal
import os
import pickle
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

from sandbox.inside import execution, stand_ins
from sandbox.inside.channel import Channel
from sandbox.inside.environment import Environment
from sandbox.protocol import frames, messages
from sandbox.server import layers
from sandbox.tiers import root_of

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


PARTS = {  # submodules that users import and the library itself does not
    "numpy": ("numpy.random", "numpy.linalg", "numpy.fft"),
    "sklearn": ("sklearn.linear_model", "sklearn.model_selection"),
}


def prepare_environment(start: dict[str, Any], report: layers.LayerReport) -> Environment:
    """Import the libraries of this tier, install stand-ins for the others, and warm up."""
    report.libraries = _installed(start["libraries"])
    held, rest = report.libraries[: start["tier"]], report.libraries[start["tier"] :]
    with _without_fork_hooks():
        _preload([*LIBRARY, *held])
    stand_ins.install(map(root_of, rest), Channel(messages.CHANNEL_FD).needs)
    atexit._clear()
    _warm_up()
    execution.seed_generators(0)  # for programs that draw without the word `random`
    return Environment()


@contextlib.contextmanager
def _without_fork_hooks() -> Any:
    """Import modules without their hooks for forks: a child costs less by a third.

    The hooks are not needed: the server has one thread, and its children, which cannot fork,
    get their seeds from the pool.
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
            if error.name != name:  # it is installed but broken
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
    """Run a small program several times, because first runs write to the most pages.

    The compiler sets up tables, lookups are cached and bytecode specialises on the types that
    it meets. Pages written here need not be copied in every child.
    """
    before = dict(sys.modules)
    environment = Environment()
    for _ in range(20):
        _rehearse(environment, ["f"])
        _rehearse(environment, [])
    del sys.modules["program"]
    sys.modules.update(before)
    linecache.clearcache()


def _rehearse(environment: Environment, calls: list[str]) -> None:
    """Run a program in this process, called by a test or not, as its child would."""
    pool, channel = socket.socketpair()
    test, link = socket.socketpair()
    with pool, channel, test, link:
        payload = marshal.dumps((REHEARSED, 0, 1.0 if calls else None, None, None))
        frames.write(pool.fileno(), messages.PROGRAM.frame(payload))
        for name in calls:
            for arguments in ((1,), ([1],), ("a", (2.5, None), {1: True})):
                request = pickle.dumps(("call", name, arguments, {}), pickle.HIGHEST_PROTOCOL)
                frames.write(test.fileno(), messages.CALL.frame(request))
        test.shutdown(socket.SHUT_WR)
        execution.run_program(channel.fileno(), link.detach(), environment)


def copy_without_modes() -> None:
    """Let `shutil.copy` work where changes of mode and times are refused."""

    def tolerant(copy: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(copy)
        def copy_if_allowed(*args: Any, **options: Any) -> None:
            with contextlib.suppress(PermissionError):
                copy(*args, **options)

        return copy_if_allowed

    shutil.copymode = tolerant(shutil.copymode)
    shutil.copystat = tolerant(shutil.copystat)


def resolve_without_links() -> None:
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


def become_lean() -> None:
    """Remove the sandbox's own modules, and freeze the heap so that children copy few pages."""
    sys.argv[:] = [""]
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandbox"]:
        del sys.modules[name]
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    layers.trim_memory()
    gc.freeze()
