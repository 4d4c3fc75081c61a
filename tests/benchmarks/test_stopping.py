"""The stop rules: what they cut, and that asking early gives the same cut as asking late."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import humaneval_stop, mtpb_stop

# texts made of all that the rules look for, whole and in pieces
PIECES = st.sampled_from(
    [
        *("\n", "\n\n", "\n\n\n", "print", "pri", "nt", "def", "de", "f", "#", "'''", "''", '"""'),
        *("<|endoftext|>", "<|endo", "ftext|>", "class", "if", " ", "x = 1", "é", "\u2028", "\r"),
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def in_three_passes(text: str) -> int | None:
    """The released truncation as its authors think of it: prints, then defs, then terminals."""
    rest = text
    for word in ("print", "def"):
        starts = [found.start() for found in re.finditer(f"^{word}", rest, re.MULTILINE)]
        rest = rest[: starts[1]] if len(starts) > 1 else rest
    terminals = ["^#", r"<\|endoftext\|>", "^'''", '^"""', "\n\n\n"]
    found = [re.search(terminal, rest, re.MULTILINE) for terminal in terminals]
    cut = min((match.start() for match in found if match), default=len(rest))
    return cut if cut < len(text) else None


@settings(max_examples=500)
@given(TEXTS)
def test_mtpb_rule_equals_the_released_truncation(text: str) -> None:
    cut = mtpb_stop(text)
    assert text[:cut] == text[: in_three_passes(text)]


@settings(max_examples=500)
@given(TEXTS)
def test_humaneval_rule_cuts_at_the_first_stop_sequence(text: str) -> None:
    sequences = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
    found = [text.find(sequence) for sequence in sequences if sequence in text]
    assert humaneval_stop(text) == min(found, default=None)


@pytest.mark.parametrize("rule", [mtpb_stop, humaneval_stop])
@settings(max_examples=300)
@given(text=TEXTS)
def test_a_cut_once_found_stays(rule: object, text: str) -> None:
    cuts = [rule(text[:end]) for end in range(len(text) + 1)]  # type: ignore[operator]
    found = [cut for cut in cuts if cut is not None]
    assert set(found) <= {cuts[-1]}
    assert cuts == [None] * (len(cuts) - len(found)) + found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x = 1\nprint(x)\nprint(x)", "x = 1\nprint(x)\n"),
        ("print(1)\n print(2)\nprinter = 3", "print(1)\n print(2)\n"),
        ("def f():\n    pass\ndef g():", "def f():\n    pass\n"),
        ("x = 1\n# Next.", "x = 1\n"),
        ("# at once", ""),
        ("x = 1\n\n\ny = 2", "x = 1"),
        ("x = '''a'''\n'''b", "x = '''a'''\n"),
        ('"""Doc', ""),
        ("x<|endoftext|>y", "x"),
        ("x = 1  # why\n\ny = 2", "x = 1  # why\n\ny = 2"),
    ],
)
def test_mtpb_rule_on_examples(text: str, kept: str) -> None:
    assert text[: mtpb_stop(text)] == kept
