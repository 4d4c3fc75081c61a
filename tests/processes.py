"""Modules run as commands, in processes that are forked with the libraries already imported.

Everything else is as after `python -m`: a process, a working directory, arguments, an environment
and standard streams of its own. Use `subprocess` for a command that is stopped before it ends, or
that reads its environment while it is imported.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_IMPORTED = [  # no command: a module that runs as `__main__` must not be imported before
    "torch",
    "hydra.main",
    "mtpb.cli.application",
    "mtpb.running.evaluation",
    "mtpb.samplers.builtin.backend",
    "mtpb.report.build",
]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(_IMPORTED)


def run_module(
    module: str,
    *arguments: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """As `python -m module arguments`, with what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [os.path.join(folder, name) for name in ("stdout", "stderr")]
        where, environment = os.path.abspath(cwd or "."), dict(os.environ if env is None else env)
        process = _FORKS.Process(target=_run, args=(module, arguments, where, environment, streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *arguments], timeout)
        said, told = (Path(path).read_text() for path in streams)
        return subprocess.CompletedProcess([module, *arguments], process.exitcode, said, told)


def start_module(
    module: str, *arguments: str, said: Path, cwd: Path | None = None
) -> multiprocessing.process.BaseProcess:
    """The same, in a process group of its own and without waiting; `said` gets what it prints."""
    where, streams = os.path.abspath(cwd or "."), [os.path.abspath(said)] * 2
    process = _FORKS.Process(
        target=_run_alone, args=(module, arguments, where, dict(os.environ), streams)
    )
    process.start()
    return process


def _run_alone(*arguments: Any) -> None:
    os.setsid()
    _run(*arguments)


def _run(
    module: str, arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]
) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.argv, sys.path = [module, *arguments], [cwd, *sys.path]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception:  # noqa: BLE001  what Python does with an exception that nobody catches
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        sys.exit(1)
