"""What `--help` prints: the keys of a command with a sentence, the default and the choices of each.

The sentences are the strings that stand after the fields of the configuration's dataclasses.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from shutil import get_terminal_size
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf

END = """\
A value is given as KEY=VALUE, a group's choice as GROUP=NAME. Others: --cfg job prints the resolved
configuration, --multirun runs all combinations of KEY=A,B, --hydra-help has Hydra's own options."""


def help_text(name: str, about: str, schema: type[Any], overrides: Sequence[str]) -> str:
    """The help of a command: what it is about, and the keys of its configuration, which has this
    schema, with these overrides applied."""
    with initialize_config_module("conf", version_base="1.3"):
        config = compose(name, overrides=list(overrides))
        loader = GlobalHydra.instance().config_loader()
        groups = {
            group: [
                choice
                for choice in loader.get_group_options(group, ObjectType.CONFIG)
                if not choice.endswith("_schema")
            ]
            for group in loader.get_group_options("", ObjectType.GROUP)
            if group in config
        }
    lines = [about.strip(), ""]
    if groups:
        lines += ["Groups:", ""]
        for group, names in groups.items():
            lines += _wrapped(f"  {group}=", ", ".join(names))
        lines.append("")
    lines += ["Keys, with their defaults:", ""]
    for key, value, sentence, choices in _keys(config, "", schema):
        told = f"{sentence} One of {choices}." if choices else sentence
        lines += [f"  {key}={value}", *_wrapped("      ", told)]
    return "\n".join([*lines, "", END])


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


def _keys(config: DictConfig, path: str, schema: type[Any]) -> Iterator[tuple[str, str, str, str]]:
    """(key, value, sentence, choices) of all keys below a section."""
    said = sentences(schema)
    for field in fields(schema):
        if field.name not in config:
            continue
        node = config._get_node(field.name)
        inner = OmegaConf.get_type(config, field.name)
        if isinstance(node, DictConfig) and isinstance(inner, type) and is_dataclass(inner):
            yield from _keys(node, f"{path}{field.name}.", inner)
            continue
        missing = OmegaConf.is_missing(config, field.name)
        value = "…" if missing else _shown(config[field.name])
        yield f"{path}{field.name}", value, said.get(field.name, ""), _choices(node)


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Enum):
        return value.name
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choices(node: object) -> str:
    """The values of a key that is an enum or a truth value."""
    kind = getattr(getattr(node, "_metadata", None), "ref_type", None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(member.name for member in kind)
    return "true, false" if kind is bool else ""


def _wrapped(start: str, text: str) -> list[str]:
    width = min(100, get_terminal_size().columns)
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * 6)
