"""The family's vocabulary: byte-level BPE in GPT-2's form, trained on the corpora.

Small models mostly copy from the prompt, so the vocabulary is made for copying. Digits never merge
with each other: numbers are copied digit by digit. Merges within words come first, those with the
space before a word last: a name has the same tokens everywhere, except that the first one differs
after a space. Runs of spaces and tabs have no merges: `CodeGenTokenizer` adds tokens for them after
the end of text.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from models.tokenizer import END_OF_TEXT, WHITESPACE_RUNS, CodeGenTokenizer
from models.training.corpora.corpus import Stage, documents

SAMPLE = {Stage.nl: 1000, Stage.multi: 1500, Stage.broad: 5000}
SPACED = 480
"""How many tokens have a space before them."""
_SPACE = "Ġ"
_RUNS = re.compile(r"  +|\t\t+")
_FILES = ("vocab.json", "merges.txt")


def train_tokenizer(size: int, seed: int, directory: Path, share: float = 1.0) -> CodeGenTokenizer:
    """Train a vocabulary of `size` tokens, with whitespace runs and end of text, and save it.

    `share` is the share of the usual sample of documents that is read.
    """
    texts = list(_sample(seed, share))
    vocabulary, merges = _learn(texts, size - len(WHITESPACE_RUNS) - 1 - SPACED)
    directory.mkdir(parents=True, exist_ok=True)
    inside_words = _write(vocabulary, merges, directory)
    for piece in _after_spaces(inside_words, texts):
        merges.append((_SPACE, piece))
        vocabulary[_SPACE + piece] = len(vocabulary)
    vocabulary[END_OF_TEXT] = len(vocabulary)
    tokenizer = _write(vocabulary, merges, directory)
    tokenizer.save(directory)
    return tokenizer


def _sample(seed: int, share: float) -> Iterator[str]:
    """Text of all stages, split at the runs of whitespace that have their own tokens."""
    for stage, count in SAMPLE.items():
        for text in islice(documents(stage, seed), max(50, int(count * share))):
            yield from (piece for piece in _RUNS.split(text) if piece)


def _learn(texts: list[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a BPE that merges neither digits nor spaces."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[ \d]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    record = json.loads(backend.to_str())["model"]
    ordered = sorted(record["vocab"].items(), key=lambda item: int(item[1]))
    return dict(ordered), [(str(a), str(b)) for a, b in record["merges"]]


def _after_spaces(tokenizer: CodeGenTokenizer, texts: list[str]) -> list[str]:
    """All digits, and the tokens that follow a space most often."""
    (space,) = tokenizer.encode(" ")
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(b for a, b in pairwise(tokenizer.encode(text)) if a == space)
    pieces = [tokenizer.token_bytes(token).decode() for token, _ in counts.most_common()]
    usable = [p for p in pieces if p not in (*"0123456789", " ") and p.isprintable()]
    return [*"0123456789", *usable][:SPACED]


def _write(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], directory: Path
) -> CodeGenTokenizer:
    vocabulary_file, merges_file = (directory / name for name in _FILES)
    vocabulary_file.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = "".join(f"{a} {b}\n" for a, b in merges)
    merges_file.write_text("#version: 0.2\n" + lines, encoding="utf-8")
    return CodeGenTokenizer.from_files(vocabulary_file, merges_file)
