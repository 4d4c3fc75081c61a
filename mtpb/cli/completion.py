"""Shell completion of `mtpb`: commands, groups with their choices, and keys.

    eval "$(mtpb completion bash)"        # in ~/.bashrc; zsh likewise
    mtpb completion fish | source         # in ~/.config/fish/config.fish

The shell's function calls `mtpb completion words WORD …`, which prints the candidates for the last
word, one a line.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence

from mtpb.cli.ending import Exit, say
from mtpb.cli.keys import Group, Key, keys_of
from mtpb.cli.subcommands import commands

SCRIPTS = {
    "bash": """\
_mtpb() {
    local IFS=$'\\n' word="${COMP_LINE:0:COMP_POINT}"
    word="${word##* }"
    COMPREPLY=($(mtpb completion words "${COMP_WORDS[1]}" "$word" 2>/dev/null))
    # bash completes what follows the last = or :
    local head="${word%"${word##*[=:]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
}
complete -o nospace -o default -F _mtpb mtpb""",
    "zsh": """\
autoload -Uz compinit && compinit -u
_mtpb() {
    local -a found
    found=(${(f)"$(mtpb completion words "${words[2]}" "${words[CURRENT]}" 2>/dev/null)"})
    compadd -S '' -a found || _files
}
compdef _mtpb mtpb""",
    "fish": """\
function __mtpb
    set -l words (commandline -opc)
    mtpb completion words "$words[2]" (commandline -ct) 2>/dev/null
end
complete -c mtpb -a '(__mtpb)'""",
}


def main(arguments: Sequence[str]) -> int:
    """Print a shell's script, or the candidates for a word; returns the exit status."""
    if len(arguments) == 3 and arguments[0] == "words":
        for candidate in candidates(*arguments[1:]):
            print(candidate)
        return Exit.done
    if len(arguments) == 1 and arguments[0] in SCRIPTS:
        print(SCRIPTS[arguments[0]])
        return Exit.done
    say(f"error: mtpb completion {' '.join(arguments)}: give one of {', '.join(SCRIPTS)}")
    return Exit.usage


def candidates(command: str, word: str) -> list[str]:
    """What may stand for the beginning `word` in a call of `command`, in order."""
    known = commands()
    if word == command or command not in known:
        return [name for name in (*known, "completion") if name.startswith(word)]
    module = known[command]
    if not module.startswith("mtpb."):
        return _starting(word, _option_keys(module))
    return _starting(word, _keys(command, word))


def _starting(word: str, keys: Iterator[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if key.startswith(word)]


def _option_keys(module: str) -> Iterator[str]:
    """The keys of a command that knows no Hydra."""
    options = importlib.import_module(module).Options
    yield from (f"{name}=" for name in options.__dataclass_fields__)


def _keys(command: str, word: str) -> Iterator[str]:
    """Groups and keys of a Hydra application; choices once a group or key is written out."""
    known = keys_of(command)
    ones: list[Group | Key] = [*known.groups, *known.keys]
    name, equals, _ = word.partition("=")
    for one in ones:
        if equals and one.name == name:
            yield from (f"{name}={choice}" for choice in one.choices)
        elif not equals:
            yield f"{one.name}="


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
