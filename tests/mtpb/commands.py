"""Commands in processes of their own, also with a fault put into them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from mtpb.cli.subcommands import commands
from tests.processes import run_module

QUICK = (
    "model=codegen-300K-mono",
    "benchmark.limit=1",
    "sampling.n=1",
    "sampling.max_new_tokens=4",
    "sandbox.workers=1",
)
RAISES = 'raise KeyError("cases")'
Ended = subprocess.CompletedProcess[str]


def call(command: str, *overrides: str, cwd: Path, **settings: str) -> Ended:
    if settings:  # some count while modules are imported
        return _ended(["-m", commands()[command], *overrides], cwd, settings)
    return run_module(commands()[command], *overrides, cwd=cwd)


def call_with(fault: str, function: str, command: str, *overrides: str, cwd: Path) -> Ended:
    """The command in which `function` (its full name) has another body."""
    program = f"""
import importlib, runpy, sys
sys.path.insert(0, "")
def fault(*arguments, **options):
    {fault}
owner, name = {function!r}.rsplit(".", 1)
try:
    owner = importlib.import_module(owner)
except ModuleNotFoundError:  # a class
    module, kind = owner.rsplit(".", 1)
    owner = getattr(importlib.import_module(module), kind)
setattr(owner, name, fault)
sys.argv = ["mtpb", *{list(overrides)!r}]
runpy.run_module({commands()[command]!r}, run_name="__main__", alter_sys=True)
"""
    return _ended(["-c", program], cwd, {})


def _ended(arguments: list[str], cwd: Path, settings: dict[str, str]) -> Ended:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # also where the tests run in the background of a script, which ignores SIGINT
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
