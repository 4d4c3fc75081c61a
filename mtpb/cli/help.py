"""What `--help` prints: what a command does, its groups and keys, and examples.

Imports neither Hydra nor the command.
"""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Iterator, Sequence
from shutil import get_terminal_size

from mtpb.cli.ending import Exit, printed, say
from mtpb.cli.keys import Group, Key, keys_of
from mtpb.cli.subcommands import docstring
from mtpb.errors import UsageError, program

END = """\
A value is given as KEY=VALUE, a group's choice as GROUP=NAME. Others: --cfg job prints the resolved
configuration, --multirun runs all combinations of KEY=A,B, --hydra-help has Hydra's own options."""


def main(command: str, arguments: Sequence[str]) -> Exit:
    """Prints the help of a command, with the values that its arguments give; the exit status."""
    overrides = [one for one in arguments if "=" in one and not one.startswith("-")]
    try:
        return printed(help_text(command, overrides))
    except UsageError as error:
        say(f"error: {error}")
        return Exit.usage


def help_text(command: str, overrides: Sequence[str]) -> str:
    """The help of a command: what it is about, its groups, its keys, examples."""
    known = keys_of(command, overrides)
    about, examples = split(docstring(command))
    lines = [about, ""]
    if known.groups:
        lines += ["Groups, with their defaults:", ""]
        lines += [line for group in known.groups for line in _group(group)] + [""]
    if known.keys:
        lines += ["Keys, with their defaults:", ""]
        lines += [line for key in known.keys for line in _key(key)] + [""]
    lines += ["Examples:", "", *(f"  {program()} {example}" for example in examples)]
    return "\n".join([*lines, "", END] if known.keys else lines)


def split(docstring: str) -> tuple[str, list[str]]:
    """A command's docstring without its examples, and these: the lines that begin with `mtpb`,
    without that word."""
    lines = docstring.strip().splitlines()
    examples = [line.strip() for line in lines if line.strip().startswith("mtpb ")]
    text = "\n".join(line for line in lines if line.strip() not in examples)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip(), [example.removeprefix("mtpb ") for example in examples]


def _group(group: Group) -> Iterator[str]:
    """What a group is and its choices: with a line each where their files say what they are."""
    yield f"  {group.name}={group.value}"
    yield from _wrapped(group.sentence)
    unsaid = [name for name, said in group.choices.items() if not said]
    if unsaid:
        yield from _wrapped(", ".join(unsaid))
    for name, said in group.choices.items():
        if said:
            yield from _wrapped(f"{name}: {said}", indent=8)


def _key(key: Key) -> Iterator[str]:
    yield f"  {key.name}={key.value}"
    choices = f" One of {', '.join(key.choices)}." if key.choices else ""
    yield from _wrapped(key.sentence + choices)
    if key.example:
        yield f"      Example: {key.name}={shlex.quote(key.example)}"


def _wrapped(text: str, indent: int = 6) -> list[str]:
    width = min(100, get_terminal_size().columns)
    start, rest = " " * indent, " " * (indent if indent == 6 else indent + 2)
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
