"""The groups and keys of a command, for its help and for completion, read without Hydra.

The sentence of a key is the string that stands after the field in the configuration's dataclass; a
line `Example: VALUE` at its end gives an example. What a choice of a group is, its file says in the
comment at its top.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mtpb.config import CHOICES, SCHEMAS
from mtpb.errors import UsageError

CONF = Path(__file__).resolve().parents[2] / "conf"
_EXAMPLE = "Example: "


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its full name; `value`, `example` and `choices` as one writes them, `…` for no
    value."""

    name: str
    value: str
    sentence: str
    example: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group: what it is, the choice that is in force, and what each choice is ("" if its file
    does not say)."""

    name: str
    value: str
    sentence: str
    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Keys:
    """All groups and keys of a command."""

    groups: Sequence[Group]
    keys: Sequence[Key]


def keys_of(command: str, overrides: Sequence[str] = ()) -> Keys:
    """What a command can be given; values with the overrides applied.

    Overrides of Hydra's own grammar (+KEY=, ~KEY) are passed over. Raises UsageError for a key,
    choice or value that the command does not take.
    """
    if command not in SCHEMAS:
        return Keys((), ())
    config, chosen = composed(command, overrides)
    groups = [
        Group(name, choice, _about(SCHEMAS[command], name), choices_of(name))
        for name, choice in chosen.items()
    ]
    return Keys(groups, list(_keys(config, "")))


def composed(command: str, overrides: Sequence[str] = ()) -> tuple[DictConfig, dict[str, str]]:
    """The configuration as Hydra composes it, with the choice of each group ("null" for none)."""
    given = dict(one.split("=", 1) for one in overrides if one[0] not in "+~")
    own = _read(CONF / f"{command}.yaml")
    config = OmegaConf.structured(SCHEMAS[command])
    chosen = {}
    for group, default in _group_defaults(own.pop("defaults")):
        chosen[group] = choice = given.pop(group, default or "null")
        if choice != "null":
            _choose(config, group, choice)
    _merge(config, own)
    for name, value in given.items():
        _override(config, f"{name}={value}")
    return config, chosen


def choices_of(group: str) -> dict[str, str]:
    """The choices of a group, each with the comment at the top of its file.

    Files for the whole configuration of another command (`# @package _global_`) are none.
    """
    found = {path.stem: _comment(path) for path in sorted((CONF / group).glob("*.yaml"))}
    return {name: said for name, said in found.items() if not said.startswith("@package")}


def values_of(group: str, choice: str) -> dict[str, Any]:
    """What the file of a group's choice says."""
    return _read(CONF / group / f"{choice}.yaml")


def _comment(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    top = [line[1:].strip() for line in lines if line.startswith("#")]
    return " ".join(top) if lines and lines[0].startswith("#") else ""


def _read(path: Path) -> dict[str, Any]:
    read = OmegaConf.to_container(OmegaConf.load(path))
    return {str(key): value for key, value in read.items()} if isinstance(read, dict) else {}


def _group_defaults(defaults: Sequence[Any]) -> Iterator[tuple[str, str | None]]:
    """The groups of a defaults list, each with its choice."""
    for entry in defaults:
        for group, choice in entry.items() if isinstance(entry, dict) else ():
            if not group.startswith("override "):
                yield group, choice


def _choose(config: DictConfig, group: str, choice: str) -> None:
    """Puts a group's choice into the configuration. Raises UsageError for an unknown one."""
    if choice not in (known := choices_of(group)):
        near = get_close_matches(choice, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise UsageError(f"{group}={choice}: no such choice; {hint}")
    values = values_of(group, choice)
    for name in values.pop("defaults", ()):
        if name in CHOICES.get(group, {}):
            config[group] = OmegaConf.structured(CHOICES[group][name])
    _merge(config, {group: values})


def _override(config: DictConfig, override: str) -> None:
    try:
        value = OmegaConf.from_dotlist([override])
    except YAMLError as error:
        raise UsageError(f"{override}: cannot be read; put what is not plain in quotes") from error
    _merge(config, value)


def _merge(config: DictConfig, values: Any) -> None:
    try:
        config.merge_with(values)
    except OmegaConfBaseException as error:
        said = str(error.msg or error).partition("\n")[0]
        raise UsageError(f"{error.full_key or 'overrides'}: {said}") from error


def _about(schema: type[Any], group: str) -> str:
    """What a group is: the first sentence of its section's dataclass."""
    section = OmegaConf.get_type(OmegaConf.structured(schema), group)
    return (inspect.getdoc(section) or "").partition("\n\n")[0].replace("\n", " ")


def _keys(config: DictConfig, path: str) -> Iterator[Key]:
    """All keys of a section."""
    schema: Any = OmegaConf.get_type(config)
    said = sentences(schema)
    for field in fields(schema):
        name, node = f"{path}{field.name}", config._get_node(field.name)
        kind = OmegaConf.get_type(config, field.name)
        if isinstance(node, DictConfig) and isinstance(kind, type) and is_dataclass(kind):
            yield from _keys(node, f"{name}.")
            continue
        is_missing = OmegaConf.is_missing(config, field.name)
        value = "…" if is_missing else _written(config[field.name])
        sentence, _, example = said.get(field.name, "").partition(_EXAMPLE)
        sentence = " ".join(sentence.split())
        yield Key(name, value, sentence, example.strip(), _choices(node))


def sentences(schema: type[Any]) -> dict[str, str]:
    """The sentence of each field of a dataclass, those of its bases included."""
    found: dict[str, str] = {}
    for kind in reversed(schema.__mro__):
        if is_dataclass(kind):
            found |= _own_sentences(kind)
    return found


@cache
def _own_sentences(kind: type[Any]) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = following.value if isinstance(following, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[statement.target.id] = value.value
    return found


def _written(value: object) -> str:
    """A value as it is given on the command line."""
    if value is None:
        return "null"
    if isinstance(value, Enum):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(node: object) -> tuple[str, ...]:
    """The values of a key that is an enum or a truth value."""
    kind = getattr(getattr(node, "_metadata", None), "ref_type", None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(member.name for member in kind)
    return ("true", "false") if kind is bool else ()
