"""`python -m sandbox FILE`: its exit statuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    """The command; `fault` becomes the body of what runs a program."""
    command = ["-m", "sandbox", *arguments]
    if fault:
        program = (
            "import sys, sandbox.__main__ as command\n"
            f"def run(pool, program): {fault}\n"
            "command.Pool.run = run\n"
            f"sys.argv[1:] = {arguments!r}\n"
            "sys.exit(command.main())"
        )
        command = ["-c", program]
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("program", "status"), [("print(1)", 0), ("raise KeyError", 1), ("exit(3)", 1)]
)
def test_a_program_that_fails_is_status_1(program: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(program)
    done = run(str(tmp_path / "program.py"))
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize("arguments", [("nowhere.py",), ("--isolation", "none"), ("--cpu", "0")])
def test_bad_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("raise KeyError", 3),
        ("raise KeyboardInterrupt", 130),
        ("return __import__('sandbox').Outcome(command.Status.sandbox_error)", 3),
    ],
)
def test_an_error_of_the_sandbox_is_never_status_1(fault: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print(1)")
    done = run(str(tmp_path / "program.py"), fault=fault)
    assert done.returncode == status, done.stderr


def test_output_that_nobody_reads_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sandbox"], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
