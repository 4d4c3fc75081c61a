"""The error for what a user can correct, and how a message says what to do next.

The exceptions that end a command with exit status 2 and one message, without a traceback:

    Exception
        mtpb.errors.UsageError              usage, configuration, missing or broken files
            mtpb.rundir.frames.UnfinishedRunError
            mtpb.checking.preflight.PreflightError
        benchmarks.BenchmarkError           a suite cannot be fetched or is broken
        models.ModelError                   a checkpoint cannot be found or read
        sandbox.SandboxError                the sandbox cannot be set up
        OSError                             a file cannot be read or written

Every other exception is an internal error (exit status 3).
"""

import shlex
import shutil
import sys
from pathlib import Path


class UsageError(Exception):
    """Bad usage, bad configuration or missing input.

    The message names the thing, the value and the remedy, and is all that the user sees.
    """


def nothing_lost() -> str:
    """The part of a message that says that written data is kept, and which command resumes."""
    return f"nothing that was written is lost, to go on repeat: {command()}"


def command() -> str:
    """The command line of this process, quoted for a shell; `mtpb` where that was called."""
    if Path("".join(sys.orig_argv[1:2])).name == "mtpb":
        return " ".join((program(), shlex.join(sys.orig_argv[2:])))
    return shlex.join(sys.orig_argv)


def program() -> str:
    """What stands before a command's name in a command line like the one of this process.

    `mtpb` where that is the script that was called, else its path, or `PYTHON -m mtpb`.
    """
    interpreter, *arguments = sys.orig_argv
    script = arguments[0] if arguments else ""
    if Path(script).name == "mtpb":
        return "mtpb" if shutil.which("mtpb") == script else shlex.quote(script)
    is_module = any(one.partition(".")[0] == "mtpb" for one in arguments[1:2])
    return f"{shlex.quote(interpreter)} -m mtpb" if script == "-m" and is_module else "mtpb"
