"""What `--help` prints: all keys of a command, with a sentence, the default and the choices."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from shutil import get_terminal_size

from mtpb.cli.keys import keys_of

END = """\
A value is given as KEY=VALUE, a group's choice as GROUP=NAME. Others: --cfg job prints the resolved
configuration, --multirun runs all combinations of KEY=A,B, --hydra-help has Hydra's own options."""


def help_text(command: str, about: str, overrides: Sequence[str]) -> str:
    """The help of a command: what it is about, its groups and its keys."""
    known = keys_of(command, overrides)
    lines = [about.strip(), ""]
    if known.groups:
        lines += ["Groups:", ""]
        for group, names in known.groups.items():
            lines += _wrapped(f"  {group}=", ", ".join(names))
        lines.append("")
    lines += ["Keys, with their defaults:", ""]
    for key in known.keys:
        choices = f" One of {', '.join(key.choices)}." if key.choices else ""
        lines += [f"  {key.name}={key.value}", *_wrapped("      ", key.sentence + choices)]
    return "\n".join([*lines, "", END])


def _wrapped(start: str, text: str) -> list[str]:
    width = min(100, get_terminal_size().columns)
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=" " * 6)
