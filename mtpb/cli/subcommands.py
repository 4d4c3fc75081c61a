"""The subcommands of `mtpb`: the module of each, and values that may be given without a key."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FIRST = ("run", "score", "study", "report", "show", "compare", "doctor")
_OTHER_MODULES = {"export": "models.export", "serve": "models.serve"}
# keys whose values may be given without them, in order; the last one takes all that is left
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
}
_LISTS = {"runs"}


def commands() -> dict[str, str]:
    """The module of each command, those of the first steps first."""
    applications = {path.stem for path in (_ROOT / "conf").glob("*.yaml")} - {"quiet"}
    rest = sorted(applications.union(_OTHER_MODULES).difference(_FIRST))
    return {name: _OTHER_MODULES.get(name, f"mtpb.{name}") for name in (*_FIRST, *rest)}


def with_keys(command: str, arguments: Sequence[str]) -> list[str]:
    """The arguments, with keys before the values that have none."""
    free = [argument for argument in arguments if is_value(argument)]
    keys = iter(POSITIONAL.get(command, ()))
    replaced: dict[int, str] = {}
    if POSITIONAL.get(command, ("",))[-1] in _LISTS and free:
        values = f"[{','.join(map(quoted, free))}]" if len(free) > 1 else quoted(free[0])
        kept = [argument for argument in arguments if not is_value(argument)]
        return [f"{next(keys)}={values}", *kept]
    for at, argument in enumerate(arguments):
        if is_value(argument) and (key := next(keys, None)):
            replaced[at] = f"{key}={quoted(argument)}"
    return [replaced.get(at, argument) for at, argument in enumerate(arguments)]


def is_value(argument: str) -> bool:
    """Whether an argument is a value without a key, and neither an override nor an option."""
    return argument != "" and argument[0] not in "-+~" and "=" not in argument


def quoted(value: str) -> str:
    """A value as Hydra reads it back, whatever characters it has."""
    if re.fullmatch(r"[\w./-]+", value) and not re.fullmatch(r"null|true|false", value, re.I):
        return value
    # within quotes a backslash escapes only where it stands before a quote
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", escaped) + "'"


def sentences(known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What each command does: the first line of its module's docstring, read without importing."""
    for name, module in known.items():
        path = _ROOT / Path(*module.split("."))
        source = path.with_suffix(".py")
        source = source if source.exists() else path / "__main__.py"
        docstring = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
        yield name, docstring.partition("\n")[0].rpartition("`: ")[2]
