"""The command `mtpb`, also `python -m mtpb`: `mtpb COMMAND` is `python -m mtpb.COMMAND`.

Values that are natural without a key may be given without it: `mtpb show RUN`. Nothing heavy is
imported before the command is known.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version

from mtpb.cli.ending import Exit, excepthook, printed, say
from mtpb.cli.subcommands import asks_for_help, commands, sentences, with_keys

_HELP = """\
usage: mtpb COMMAND [VALUE …] [KEY=VALUE …]

First steps:
  mtpb run                                 the embedded model on the embedded suite, 20 seconds
  mtpb run model=codegen-350M-mono benchmark=humaneval
  mtpb show RUN                            why a sample passed or failed
  mtpb report results                      tables, figures and one HTML page

Commands:
{commands}

`mtpb COMMAND --help` has the keys of a command, `mtpb completion SHELL` prints completion for bash,
zsh or fish, and `mtpb --version` the version. Each command is also `python -m mtpb.COMMAND`."""


def main() -> None:
    """Run the command that the arguments name; ends the process with its exit status."""
    sys.excepthook = excepthook
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h", "help"):
        sys.exit(printed(help_page()))
    elif name == "--version":
        print(f"mtpb {version('mtpb')}")
    elif name == "completion":
        run("mtpb.cli.completion", arguments)
    elif name not in (known := commands()):
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        say(f"error: no command {name!r}; {hint}")
        sys.exit(Exit.usage)
    elif known[name].startswith("mtpb.") and asks_for_help(arguments):
        run("mtpb.cli.help", [name, *with_keys(name, arguments)])
    else:
        run(known[name], with_keys(name, arguments))


def run(module: str, arguments: Sequence[str]) -> None:
    """Run a command's module as `python -m` does."""
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def help_page() -> str:
    known = commands()
    width = max(map(len, known))
    lines = [f"  {name:<{width}}  {sentence}" for name, sentence in sentences(known)]
    return _HELP.format(commands="\n".join(lines))


if __name__ == "__main__":
    main()
