"""Turns a function into a command: Hydra composes its configuration, errors become exit statuses.

    @application("run", RunConfig)
    def main(config: RunConfig) -> int: ...

    if __name__ == "__main__":
        main()

The function gets plain dataclasses and returns its exit status. Whatever a user can mend (an
unknown key, a wrong value, a missing file, a full disk) ends with status 2 and one message on
standard error, without a traceback; set HYDRA_FULL_ERROR=1 to see one. Ctrl-C ends with 130.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from benchmarks import BenchmarkError
from mtpb.errors import UsageError
from sandbox import SandboxError

C = TypeVar("C")

USAGE = 2


def application(name: str, schema: type[C]) -> Callable[[Callable[[C], int]], Callable[[], Any]]:
    """Makes a function of a configuration the command whose configuration is conf/`name`.yaml.

    `schema` is the dataclass of the whole configuration; the YAML file names it first in its
    defaults, as `name`_schema. Under --multirun the worst status of all the jobs counts.
    """
    ConfigStore.instance().store(name=f"{name}_schema", node=schema)

    def decorate(function: Callable[[C], int]) -> Callable[[], NoReturn]:
        statuses = [0]
        verbose = os.environ.get("HYDRA_FULL_ERROR") == "1"

        def job(config: DictConfig) -> None:
            try:
                statuses.append(function(OmegaConf.to_object(config)))  # type: ignore[arg-type]
            except _mendable() as error:  # caught here, so that Hydra adds no words of its own
                if verbose:
                    raise
                statuses.append(_tell(error))

        job.__module__ = function.__module__

        @wraps(function)
        def main() -> NoReturn:
            os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints and exits with 1 by itself
            signal.signal(signal.SIGTERM, _terminate)
            try:
                hydra.main(version_base="1.3", config_path="pkg://conf", config_name=name)(job)()
            except _mendable() as error:
                if verbose:
                    raise
                statuses.append(_tell(error))
            except KeyboardInterrupt:
                print("interrupted; the same command resumes", file=sys.stderr)
                sys.exit(128 + signal.SIGINT)
            sys.exit(max(statuses))

        return main

    return decorate


def _tell(error: BaseException) -> int:
    """Prints one message for the error; the exit status for it."""
    if isinstance(error, BrokenPipeError):  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    print(f"error: {_message(error)}", file=sys.stderr)
    return USAGE


def _message(error: BaseException) -> str:
    """What the user needs of an error: Hydra's and OmegaConf's say more than that."""
    cause = error.__cause__
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} must be given: {error.full_key}=…"
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key}: {error.msg}" if error.full_key else str(error.msg or error)
    if isinstance(cause, OmegaConfBaseException):
        return f"{_first_line(error).rstrip('.')}: {_first_line(cause)}"
    if isinstance(error, MissingConfigException):
        return str(error).partition("\nConfig search path")[0]
    return str(error)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _terminate(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


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
    models = sys.modules.get("models")
    if models is not None:
        errors.append(models.ModelError)
    return tuple(errors)
