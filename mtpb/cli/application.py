"""Turns a function into a command: Hydra composes its configuration, errors become exit statuses.

    @application("run", RunConfig)
    def main(config: RunConfig) -> int: ...

    if __name__ == "__main__":
        main()

The function gets plain dataclasses and returns its exit status. What a user can correct (an
unknown key, a wrong value, a missing file, a full disk) ends with status 2 and one message on
standard error; HYDRA_FULL_ERROR=1 adds the traceback. Any other exception is an internal error,
which `mtpb.cli.ending` reports. Ctrl-C and SIGTERM end with 130.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmarks import BenchmarkError
from mtpb.cli.ending import Exit, crashed, escape_unwritable, flushed, interrupted, say
from mtpb.cli.help import main as print_help
from mtpb.cli.subcommands import asks_for_help
from mtpb.cli.sweep import take_directories
from mtpb.cli.volume import log_to_stderr, set_volume
from mtpb.config import CHOICES
from mtpb.errors import UsageError
from mtpb.samplers.endpoint.credentials import refuse_credentials
from sandbox import SandboxError

C = TypeVar("C")


class JobError(Exception):
    """A job of a sweep failed in a process of its own; its message is `said`."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status, said)  # pickled by these
        self.status, self.said = status, said


def application(
    name: str, schema: type[C], after_sweep: Callable[[list[Path]], None] | None = None
) -> Callable[[Callable[[C], int]], Callable[[], Any]]:
    """Turns a function of a configuration into a command that is configured by conf/`name`.yaml.

    `schema` is the dataclass of the whole configuration. The YAML file lists it first in its
    defaults, as `name`_schema. Under --multirun the exit status is the highest of all jobs, or that
    of the first that failed where a launcher runs them in other processes. `after_sweep` is called
    at the end with the directories that the jobs have named (`mtpb.cli.sweep`), if any.
    """
    store = ConfigStore.instance()
    store.store(name=f"{name}_schema", node=schema)
    for group, schemas in CHOICES.items():
        for choice, node in schemas.items():
            store.store(group=group, name=choice, node=node)

    def decorate(function: Callable[[C], int]) -> Callable[[], NoReturn]:
        statuses: list[int] = [Exit.done]
        verbose = os.environ.get("HYDRA_FULL_ERROR") == "1"

        home = os.getpid()

        def job(config: DictConfig) -> None:
            said = ""
            try:
                composed: Any = OmegaConf.to_object(config)
                set_volume(getattr(composed, "quiet", False), getattr(composed, "verbose", False))
                status = function(composed)
            except Exception as error:  # noqa: BLE001  the other jobs of a sweep still run
                status, said = _report(error, verbose), _message(error)
            statuses.append(status)
            if status and os.getpid() != home:  # a launcher's process: this one has its own list
                raise JobError(status, said)

        job.__module__ = function.__module__

        def command() -> None:
            refuse_credentials(sys.argv[1:])
            hydra.main("pkg://conf", name, version_base="1.3")(job)()

        @wraps(function)
        def main() -> NoReturn:
            os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra prints errors and exits with 1
            log_to_stderr()
            escape_unwritable()
            if asks_for_help(sys.argv[1:]):  # and not by python -m, where mtpb/__init__.py sees it
                sys.exit(print_help(name, sys.argv[1:]))
            statuses.append(_run(command, verbose))
            if after_sweep is not None:
                statuses.append(_run(lambda: _end_sweep(after_sweep), verbose))
            for stream in (sys.stdout, sys.stderr):
                statuses.append(flushed(stream))
            sys.exit(int(max(statuses)))

        return main

    return decorate


def _end_sweep(after_sweep: Callable[[list[Path]], None]) -> None:
    if directories := take_directories():
        after_sweep(directories)


def _run(command: Callable[[], object], verbose: bool) -> int:
    """Runs a command, or what follows it, and returns the exit status for its end."""
    try:
        with _signals():
            command()
    except SystemExit as end:  # after --help, or for an error in Hydra's own options
        return Exit.usage if end.code else Exit.done
    except ValueError as error:  # Hydra raises it for combinations of its options
        return interrupted() if _follows_interruption(error) else _refuse(error, verbose)
    except Exception as error:  # noqa: BLE001
        return _report(error, verbose)
    except KeyboardInterrupt:
        return interrupted()
    return Exit.done


@contextmanager
def _signals() -> Iterator[None]:
    """Within the block SIGTERM acts as Ctrl-C, and an uncaught exception in a thread ends the
    command."""
    crashes: list[BaseException] = []

    def terminate(number: int, frame: object) -> NoReturn:
        raise crashes[0] if crashes else KeyboardInterrupt

    def thread_crashed(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            crashes.append(ended.exc_value)
            os.kill(os.getpid(), signal.SIGTERM)  # interrupts a blocked main thread too

    signal.signal(signal.SIGTERM, terminate)
    before, threading.excepthook = threading.excepthook, thread_crashed
    try:
        yield
    finally:
        threading.excepthook = before


def _report(error: Exception, verbose: bool) -> int:
    """Prints one message for the error and returns the exit status for it."""
    if isinstance(error, JobError):
        say(f"error: {error.said or f'its status is {error.status}, see its log'}")
        return error.status
    if _follows_interruption(error):
        return interrupted()
    if isinstance(error, BrokenPipeError):
        return Exit.unread if _unread() else crashed(error)
    return _refuse(error, verbose) if isinstance(error, _correctable()) else crashed(error)


def _follows_interruption(error: BaseException) -> bool:
    """Whether Ctrl-C caused the error; clean-up code of libraries may fail when interrupted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _refuse(error: Exception, verbose: bool) -> int:
    """Prints the message of an error that a user can correct; `verbose` adds the traceback."""
    if verbose:
        say("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    say(f"error: {_message(error)}")
    return Exit.usage


def _unread() -> bool:
    """Whether the reader of standard output or error has closed it, as `| head` does."""
    poll = select.poll()
    poll.register(1, 0)
    poll.register(2, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _message(error: Exception) -> str:
    """The message for the user, without what Hydra and OmegaConf add to theirs."""
    cause = error.__cause__
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} must be given: {error.full_key}=…"
    if isinstance(error, OmegaConfBaseException):
        said = str(error.msg or error).partition("\n")[0]
        return f"{error.full_key}: {said}" if error.full_key else said
    if isinstance(cause, OmegaConfBaseException):
        return f"{_first_line(error).rstrip('.')}: {_first_line(cause)}"
    if isinstance(error, MissingConfigException):
        return str(error).partition("\nConfig search path")[0]
    if isinstance(error, OSError) and error.strerror:
        place = error.filename or "standard output, or a file that the system does not name"
        return f"{place}: {error.strerror}"
    return str(error)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _correctable() -> tuple[type[Exception], ...]:
    """The errors that a user can correct; ModelError only if `models` was imported already."""
    errors: list[type[Exception]] = [
        UsageError,
        BenchmarkError,
        SandboxError,
        HydraException,
        OmegaConfBaseException,
        OSError,
    ]
    config = sys.modules.get("models.config")
    if config is not None:
        errors.append(config.ModelError)
    return tuple(errors)
