"""What a command says beside its result: `quiet`, `verbose`, progress bars, how hints call mtpb."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from mtpb import errors
from mtpb.config import Colour
from mtpb.show import painter
from tests.mtpb.commands import call

LINE = {"task_id": "starter-function/0", "completion": "    pass\n"}
SCORE = ("samples=samples.jsonl", "benchmark=starter-function", "sandbox.workers=1", "output=run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "samples.jsonl").write_text(json.dumps(LINE) + "\n")
    return tmp_path


def on_a_terminal(*arguments: str, cwd: Path) -> str:
    """What a command says on standard error where that is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "mtpb", *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # its other end is closed
        pass
    assert process.wait() == 0, said
    os.close(ours)
    return said.decode()


def test_by_default_a_terminal_sees_a_bar_and_what_to_do_next(folder: Path) -> None:
    said = on_a_terminal("score", *SCORE, cwd=folder)
    assert "1 judged" in said
    assert f"next: {sys.executable} -m mtpb show run (" in said


def test_quiet_says_nothing_but_the_result(folder: Path) -> None:
    assert on_a_terminal("score", *SCORE, "quiet=true", cwd=folder) == ""


def test_verbose_shows_the_log_and_no_bar_where_there_is_no_terminal(folder: Path) -> None:
    done = call("score", *SCORE, "verbose=true", cwd=folder)
    said = done.stderr.splitlines()
    assert said[0] == "started: 0 samples, 0 judged, planned 1"
    assert said[1] == "ended: 1 samples, 1 judged"
    assert said[2].startswith("next: ")
    assert len(said) == 3


def test_quiet_and_verbose_exclude_each_other(folder: Path) -> None:
    done = call("score", *SCORE, "quiet=true", "verbose=true", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: quiet=true, verbose=true: ")


@pytest.mark.parametrize(
    ("line", "program"),
    [
        (["python", "-m", "mtpb.run", "seed=1"], "python -m mtpb"),
        ([".venv/bin/python", "-m", "mtpb", "run"], ".venv/bin/python -m mtpb"),
        (["/a b/python", "-m", "mtpb.report"], "'/a b/python' -m mtpb"),
        (["/venv/bin/python", "/nowhere/bin/mtpb", "run"], "/nowhere/bin/mtpb"),
        (["python", "-m", "pytest"], "mtpb"),
        (["python"], "mtpb"),
    ],
)
def test_hints_call_mtpb_as_it_was_called(
    line: list[str], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", line)
    assert errors.program() == program
    assert errors.command().endswith(shlex.join(line[2:]))


def test_a_script_on_the_path_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "mtpb"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "orig_argv", ["python", str(script), "run", "data=a b"])
    assert errors.program() == "mtpb"
    assert errors.command() == "mtpb run 'data=a b'"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_color_is_obeyed_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert painter(Colour.auto)("bad", "text") != "text"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(Colour.auto)("bad", "text") == "text"
