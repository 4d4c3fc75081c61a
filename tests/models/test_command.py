"""Arguments, help and exit statuses of the package's own commands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType

import pytest

from models import export, serve
from models.command import ArgumentError, help_text, option, parse, run
from models.config import ModelError


class Colour(Enum):
    red = 1
    blue = 2


@dataclass(frozen=True, slots=True)
class Options:
    """Paints a wall."""

    name: str = option("whose wall")
    coats: int = option("how many coats", 2)
    share: float = option("how much of it", 0.5)
    dry: bool = option("wait until it is dry", True)
    colour: Colour = option("the colour", Colour.red)
    output: Path | None = option("where the picture goes", None)


def test_values_are_read_as_their_types_say() -> None:
    given = ["name=a=b", "coats=3", "share=1e-1", "dry=false", "colour=blue", "output=x/y"]
    assert parse(Options, given) == Options("a=b", 3, 0.1, False, Colour.blue, Path("x/y"))
    assert parse(Options, ["name=n", "output=null"]) == Options("n")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["coats=1"], "name= must be given"),
        (["name=a", "coat=1"], "did you mean coats"),
        (["name=a", "name=b"], "given twice"),
        (["name"], "expected key=value"),
        (["name="], "expected a text"),
        (["name=a", "coats=two"], "expected an integer"),
        (["name=a", "coats=null"], "expected an integer"),
        (["name=a", "dry=yes"], "true, false"),
        (["name=a", "colour=green"], "red, blue"),
    ],
)
def test_bad_arguments_are_named_with_what_is_expected(given: list[str], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        parse(Options, given)


def test_help_lists_every_key_with_its_default_and_a_sentence() -> None:
    text = help_text("paint", Options)
    assert text.startswith("usage: paint name=… [key=value …]\n\nPaints a wall.")
    for words in (
        ["name", "(required)", "whose wall"],
        ["dry", "true", "wait until it is dry"],
        ["colour", "red", "the colour"],
        ["output", "null", "where the picture goes"],
    ):
        assert any(line.split() == " ".join(words).split() for line in text.splitlines())


def test_help_ends_with_examples() -> None:
    text = help_text("paint", Options, ["name=north", "name=south coats=3"])
    assert text.endswith("Examples:\n\n  paint name=north\n  paint name=south coats=3")


@pytest.mark.parametrize("command", [serve, export])
def test_examples_of_the_commands_can_be_parsed(command: ModuleType) -> None:
    assert len(command.EXAMPLES) in (2, 3)
    for example in command.EXAMPLES:
        parse(command.Options, example.split())


def _raising(error: BaseException) -> int:
    def work(options: Options) -> int:
        raise error

    return run("paint", Options, work, ["name=n"])


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (ModelError("no\nwall"), 2, "error: no wall\n"),
        (OSError(28, "No space left on device", "/x"), 2, "error: /x: No space left on device\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_a_user_can_mend_is_one_line(
    error: BaseException, status: int, lines: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _raising(error) == status
    assert capsys.readouterr().err == lines


def test_a_crash_shows_its_traceback_and_has_a_status_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _raising(ZeroDivisionError("by zero")) == 3
    told = capsys.readouterr().err
    assert told.startswith("Traceback")
    assert "internal error: ZeroDivisionError: by zero" in told.splitlines()[-1]


def test_help_is_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("paint", Options, lambda options: 9, ["--help"]) == 0
    assert "usage: paint" in capsys.readouterr().out
