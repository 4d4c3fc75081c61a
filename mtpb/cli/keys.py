"""The groups and keys of a command, for its help and for completion.

The sentence of a key is the string that stands after the field in the configuration's dataclass.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its full name; `value` and `choices` as one writes them, `…` for no value."""

    name: str
    value: str
    sentence: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The choices of each group, and all keys."""

    groups: Mapping[str, Sequence[str]]
    keys: Sequence[Key]


def keys_of(command: str, overrides: Sequence[str] = ()) -> Keys:
    """What a command, whose module is imported, can be given; values with the overrides applied."""
    with initialize_config_module("conf", version_base="1.3"):
        config = compose(command, overrides=list(overrides))
        loader = GlobalHydra.instance().config_loader()
        groups = {
            group: [
                name
                for name in loader.get_group_options(group, ObjectType.CONFIG)
                if not name.endswith("_schema")
            ]
            for group in loader.get_group_options("", ObjectType.GROUP)
            if group in config
        }
    return Keys(groups, list(_keys(config, "")))


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
        yield Key(name, value, said.get(field.name, ""), _choices(node))


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
