"""No prompt or input of the suites is in the corpora, exactly or by long n-grams."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from itertools import islice

import pytest

import benchmarks
from models.training.corpora.corpus import Stage, documents
from models.training.corpora.heldout import digest, digests, is_held_out
from tests.models.training.heldout import SHORTEST_VALUE, SUITES, prompts, texts

DOCUMENTS = 3000


@cache
def corpus() -> tuple[str, ...]:
    """A sample of the Python that models are trained on, of the seed that they are trained with."""
    stages = (Stage.multi, Stage.broad, Stage.mono)
    return tuple(text for s in stages for text in islice(documents(s, 1), DOCUMENTS // 3))


def words(text: str) -> list[str]:
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()


def grams(text_words: list[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(text_words[i:] for i in range(n)), strict=False)


def literal(code: str) -> object:
    try:
        return ast.literal_eval(code)
    except (ValueError, SyntaxError):
        return None


def test_everything_of_the_suites_is_held_out() -> None:
    missing = [text for text in texts() if digest(text) not in digests()]
    assert not missing, (
        f"run python -m tests.models.training.heldout --check, then without; {missing[:3]}"
    )


def test_corpora_have_no_prompt_of_the_suites() -> None:
    said = [line[2:] for text in corpus() for line in text.splitlines() if line.startswith("# ")]
    assert len(said) > DOCUMENTS
    assert not [line for line in said if is_held_out(line)]


def test_corpora_have_no_input_of_the_suites() -> None:
    assigned = re.findall(r"^\w+ = ([\"'\[{].*)$", "\n".join(corpus()), re.MULTILINE)
    literals = [repr(v) for code in assigned if (v := literal(code)) is not None]
    assert len(literals) > DOCUMENTS / 2
    assert not [text for text in literals if len(text) >= SHORTEST_VALUE and is_held_out(text)]


@pytest.mark.parametrize("suite", SUITES)
def test_n_gram_overlap_is_small(suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    shares = {}
    asked = {text for p in benchmarks.load(suite).problems for text in prompts(p)}
    for n in (6, 8, 10, 13):
        known = {gram for text in corpus() for gram in grams(words(text), n)}
        long = [words(text) for text in asked if len(words(text)) >= n]
        hit = sum(any(gram in known for gram in grams(text, n)) for text in long)
        shares[n] = hit / max(1, len(long))
        with capsys.disabled():
            print(f"\n{suite}: {hit} of {len(long)} prompts share {n} words in a row", end="")
    assert shares[13] == 0
    assert shares[10] < 0.02
