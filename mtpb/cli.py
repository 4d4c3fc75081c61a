"""Turns a function into a command: Hydra composes its configuration, errors become exit statuses.

    @application("run", RunConfig)
    def main(config: RunConfig) -> int: ...

    if __name__ == "__main__":
        main()

The function gets plain dataclasses and returns its exit status. Whatever a user can mend (an
unknown key, a wrong value, a missing file, a full disk) ends with status 2 and one message on
standard error, without a traceback; set HYDRA_FULL_ERROR=1 to see one. Any other exception is an
internal error, which is told as `mtpb.ending` says. Ctrl-C and SIGTERM end with 130.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmarks import BenchmarkError
from mtpb.ending import Exit, crashed, interrupted, say
from mtpb.errors import UsageError
from sandbox import SandboxError

C = TypeVar("C")


def application(name: str, schema: type[C]) -> Callable[[Callable[[C], int]], Callable[[], Any]]:
    """Makes a function of a configuration the command whose configuration is conf/`name`.yaml.

    `schema` is the dataclass of the whole configuration; the YAML file names it first in its
    defaults, as `name`_schema. Under --multirun the worst status of all the jobs counts.
    """
    ConfigStore.instance().store(name=f"{name}_schema", node=schema)

    def decorate(function: Callable[[C], int]) -> Callable[[], NoReturn]:
        statuses: list[int] = [Exit.done]
        verbose = os.environ.get("HYDRA_FULL_ERROR") == "1"

        def job(config: DictConfig) -> None:
            try:
                statuses.append(function(OmegaConf.to_object(config)))  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001  the next job of a sweep goes on
                statuses.append(_tell(error, verbose))

        job.__module__ = function.__module__

        @wraps(function)
        def main() -> NoReturn:
            os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints and exits with 1 by itself
            _log_to_stderr()
            if isinstance(sys.stdout, TextIOWrapper):  # whatever it cannot write is escaped
                sys.stdout.reconfigure(errors="backslashreplace")
            try:
                with _signals():
                    hydra.main(version_base="1.3", config_path="pkg://conf", config_name=name)(
                        job
                    )()
            except SystemExit as end:  # after --help, or where Hydra refuses its own options
                statuses.append(Exit.usage if end.code else Exit.done)
            except ValueError as error:  # how Hydra refuses combinations of its options
                interruption = _follows_interruption(error)
                statuses.append(interrupted() if interruption else _refuse(error, verbose))
            except Exception as error:  # noqa: BLE001
                statuses.append(_tell(error, verbose))
            except KeyboardInterrupt:
                statuses.append(interrupted())
            for stream in (sys.stdout, sys.stderr):
                statuses.append(_flush(stream))
            sys.exit(int(max(statuses)))

        return main

    return decorate


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM interrupts as Ctrl-C does, and an exception that ends a thread ends the command."""
    crashes: list[BaseException] = []

    def terminate(number: int, frame: object) -> NoReturn:
        raise crashes[0] if crashes else KeyboardInterrupt

    def thread_crashed(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            crashes.append(ended.exc_value)
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread, whatever it waits for

    signal.signal(signal.SIGTERM, terminate)
    before, threading.excepthook = threading.excepthook, thread_crashed
    try:
        yield
    finally:
        threading.excepthook = before


def _log_to_stderr() -> None:
    """Log records from warnings up go to standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Line())
    logging.basicConfig(handlers=[handler])


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


def _flush(stream: TextIO | None) -> int:
    """Writes out what was printed, now rather than at the end of the interpreter, whose status for
    a full disk is 120; the exit status for how that went."""
    if stream is None:
        return Exit.done
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is left goes nowhere
        if isinstance(error, BrokenPipeError):
            return Exit.unread
        say(f"error: {stream.name}: cannot be written ({error.strerror})")
        return Exit.usage
    return Exit.done


def _tell(error: Exception, verbose: bool) -> int:
    """Prints one message for the error; the exit status for it."""
    if _follows_interruption(error):
        return interrupted()
    if isinstance(error, BrokenPipeError):
        return Exit.unread if _unread() else crashed(error)
    return _refuse(error, verbose) if isinstance(error, _mendable()) else crashed(error)


def _follows_interruption(error: BaseException) -> bool:
    """Whether Ctrl-C led to the error: some libraries' cleaning up fails where it is cut short."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _refuse(error: Exception, verbose: bool) -> int:
    """Prints the message of an error that a user can mend, `verbose` with its traceback."""
    if verbose:
        say("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    say(f"error: {_message(error)}")
    return Exit.usage


def _unread() -> bool:
    """Whether what reads our output is gone, as with `| head`."""
    poll = select.poll()
    poll.register(1, 0)
    poll.register(2, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _message(error: Exception) -> str:
    """What the user needs of an error: Hydra's and OmegaConf's say more than that."""
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


def _mendable() -> tuple[type[Exception], ...]:
    """The errors that name a thing a user can mend; those of `models` only if it was imported."""
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
