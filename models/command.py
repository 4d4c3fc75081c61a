"""A command of this package: `key=value` arguments for a dataclass, `--help`, exit statuses.

    @dataclass(frozen=True, slots=True)
    class Options:
        model: str = option("the name of a model")
        port: int = option("the port to listen on", 8000)

    sys.exit(run("python -m models.serve", Options, serve))

A value is read as its field's type says: str, int, float, bool, Path, an enum by member name, or
one of these and None, which is `null`. No torch, no Hydra.
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from models.config import ModelError

O = TypeVar("O")  # noqa: E741

_WORDS = {"true": True, "false": False}
_KINDS = {int: "an integer", float: "a number", str: "a text", Path: "a path"}


class ArgumentError(ModelError):
    """An argument that the command does not take. The message says which ones there are."""


def option(sentence: str, default: object = dataclasses.MISSING) -> Any:
    """A field of an options dataclass, with the sentence that `--help` shows."""
    return dataclasses.field(default=default, metadata={"help": sentence})


def run(
    program: str,
    options: type[O],
    work: Callable[[O], int],
    arguments: Sequence[str] | None = None,
    examples: Sequence[str] = (),
) -> int:
    """Parse the arguments (None: those of the process) and do the work. Returns the exit status.

    `examples` are arguments that `--help` shows at its end.

    It is what `work` returns; 0 after `--help`; 2 for ModelError and OSError, with one line on
    standard error; 130 after Ctrl-C; 3 for any other error, with its traceback.
    """
    try:
        given = sys.argv[1:] if arguments is None else arguments
        if "--help" in given or "-h" in given:
            print(help_text(program, options, examples))
            return 0
        return work(parse(options, given))
    except (ModelError, OSError) as error:
        _say(f"error: {_told(error)}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001  so that the status is 3, not Python's 1
        return internal_error(error)


def internal_error(error: BaseException) -> int:
    """Print the traceback and one line to standard error. Returns the exit status, 3."""
    traceback.print_exception(error)
    _say(f"internal error: {type(error).__name__}: {error}; the traceback is above")
    return 3


def parse(options: type[O], arguments: Sequence[str]) -> O:
    """The options that `key=value` arguments state. Raises ArgumentError."""
    fields = {field.name: field for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    kinds = get_type_hints(options)
    values: dict[str, object] = {}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals:
            raise ArgumentError(f"{argument!r}: expected key=value; --help lists the keys")
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
            raise ArgumentError(f"{key}={text}: no such key; {hint}")
        if key in values:
            raise ArgumentError(f"{argument}: {key} is given twice")
        values[key] = _value(argument, text, kinds[key])
    missing = [name for name, field in fields.items() if _required(field) and name not in values]
    if missing:
        raise ArgumentError(f"{missing[0]}= must be given; --help lists the keys")
    return options(**values)


def help_text(program: str, options: type[O], examples: Sequence[str] = ()) -> str:
    """What `--help` prints: the usage, what the options' docstring says, all keys, and examples."""
    fields = dataclasses.fields(options)  # type: ignore[arg-type]
    required = "".join(f" {field.name}=…" for field in fields if _required(field))
    about = " ".join((options.__doc__ or "").split())
    rows = [(field.name, _default(field), field.metadata["help"]) for field in fields]
    width = [max(len(row[n]) for row in rows) for n in range(2)]
    keys = [f"  {key:<{width[0]}}  {value:<{width[1]}}  {text}" for key, value, text in rows]
    usage = f"usage: {program}{required} [key=value …]"
    ending = ["", "Examples:", "", *(f"  {program} {one}" for one in examples)] if examples else []
    return "\n".join([usage, "", about, "", *keys, *ending])


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> str:
    if _required(field):
        return "(required)"
    if field.default is None:
        return "null"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return field.default.name if isinstance(field.default, Enum) else str(field.default)


def _value(argument: str, text: str, kind: Any) -> object:
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if text == "null" and type(None) in kinds:
        return None
    (kind,) = (one for one in kinds if one is not type(None))
    if kind is bool or issubclass(kind, Enum):
        words: dict[str, object] = dict(_WORDS if kind is bool else kind.__members__)
        if text not in words:
            raise ArgumentError(f"{argument}: expected one of {', '.join(words)}")
        return words[text]
    try:
        if kind in (str, Path) and not text:
            raise ValueError
        value: object = kind(text)
    except ValueError:
        raise ArgumentError(f"{argument}: expected {_KINDS[kind]}") from None
    return value


def _told(error: ModelError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _say(text: str) -> None:
    print(" ".join(text.split()), file=sys.stderr, flush=True)
