"""The subcommands of `mtpb`: the module of each, and values that may be given without a key."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FIRST = ("run", "score", "study", "report", "show", "compare", "doctor", "models", "benchmarks")
# commands whose module is not mtpb.NAME
_MODULES = {
    "benchmarks": "mtpb.catalogue.benchmarks",
    "export": "models.export",
    "models": "mtpb.catalogue.models",
    "serve": "models.serve",
}
# keys whose values may be given without them, in order; `runs` takes any number
POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "baseline": ("action",),
    "compare": ("baseline", "candidate"),
    "exchange": ("run",),
    "export": ("model",),
    "merge": ("runs",),
    "perplexity": ("run",),
    "report": ("runs",),
    "rescore": ("run",),
    "score": ("samples",),
    "serve": ("model",),
    "show": ("run",),
    "status": ("run",),
    "view": ("run",),
}
# Hydra's options that take the argument after them
_WITH_VALUES = (
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd"),
)


def commands() -> dict[str, str]:
    """The module of each command, those of the first steps first."""
    applications = {path.stem for path in (_ROOT / "conf").glob("*.yaml")} - {"quiet"}
    rest = sorted(applications.union(_MODULES).difference(_FIRST))
    return {name: _MODULES.get(name, f"mtpb.{name}") for name in (*_FIRST, *rest)}


def command_of(module: str) -> str | None:
    """The command that a module is; None if it is none."""
    return next((command for command, one in commands().items() if one == module), None)


def with_keys(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments, with keys before the values that have none; values beyond the keys stay."""
    knows_hydra = commands()[command].startswith("mtpb.")
    written = quoted if knows_hydra else str
    values, rest = [], []
    for previous, argument in zip(("", *arguments), arguments, strict=False):
        is_value = argument[:1] not in ("", "-", "+", "~") and "=" not in argument
        if is_value and previous not in _WITH_VALUES:
            values.append(written(argument))
        else:
            rest.append(argument)
    keys = POSITIONAL.get(command, ())
    if keys[-1:] == ("runs",) and len(values) > 1:
        values = [f"[{','.join(values)}]"]
    named = [f"{key}={value}" for key, value in zip(keys, values, strict=False)]
    return [*named, *values[len(keys) :], *rest]


def asks_for_help(arguments: Sequence[str]) -> bool:
    return any(argument in ("--help", "-h") for argument in arguments)


def quoted(value: str) -> str:
    """A value as Hydra reads it back, whatever characters it has."""
    is_plain = re.fullmatch(r"[\w./-]+", value, re.ASCII)
    if is_plain and not re.fullmatch(r"null|true|false", value, re.I):
        return value
    # within quotes a backslash escapes only where it stands before a quote
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def sentences(known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What each command does: the first line of its docstring."""
    for name in known:
        sentence = docstring(name).partition("\n")[0].rpartition("`: ")[2]
        yield name, sentence[:1].upper() + sentence[1:]


def docstring(command: str) -> str:
    """The docstring of a command's module, read without importing it."""
    path = _ROOT / Path(*commands()[command].split("."))
    source = path.with_suffix(".py")
    source = source if source.exists() else path / "__main__.py"
    return ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
