"""Corpora as tokens, and the batches of documents for each step of training."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from models.tokenizer import CodeGenTokenizer
from models.training.corpora.corpus import Stage, documents, prompt_spans
from models.training.settings import Settings

PORTION = 1000
"""How many documents are sorted by length and shuffled together."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The tokens of all documents, concatenated; document i is `starts[i]:starts[i + 1]`."""

    tokens: NDArray[np.int16]
    weights: NDArray[np.float16]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)


def encode(
    document: str, tokenizer: CodeGenTokenizer, prompt_weight: float
) -> tuple[list[int], list[float]]:
    """The tokens of a document and an end of text, and the weight of each in the loss."""
    assert tokenizer.eos_id is not None
    ids = tokenizer.encode(document)
    is_prompt = np.zeros(len(document.encode()) + 1, dtype=bool)
    for start, end in prompt_spans(document) if prompt_weight != 1 else ():
        is_prompt[start:end] = True
    position, weights = 0, []
    for token in ids:
        weights.append(prompt_weight if is_prompt[position] else 1.0)
        position += len(tokenizer.token_bytes(token))
    return [*ids, tokenizer.eos_id], [*weights, 1.0]


def make_corpus(
    stage: Stage, tokens: int, tokenizer: CodeGenTokenizer, settings: Settings
) -> Corpus:
    """Documents of a stage until they have `tokens` tokens."""
    weight = 1.0 if stage is Stage.nl else settings.prompt_weight
    ids: list[int] = []
    weights: list[float] = []
    starts = [0]
    title = f"{stage.value} corpus"
    with tqdm(total=tokens, desc=title, unit_scale=True, mininterval=2, disable=None) as bar:
        for document in documents(stage, settings.seed):
            more, counts = encode(document, tokenizer, weight)
            if len(more) > settings.context // 2:
                continue
            ids += more
            weights += counts
            starts.append(len(ids))
            bar.update(len(more))
            if len(ids) >= tokens:
                break
    return Corpus(
        np.array(ids, np.int16), np.array(weights, np.float16), np.array(starts, np.int64)
    )


def stored_corpus(
    path: Path, stage: Stage, tokens: int, tokenizer: CodeGenTokenizer, settings: Settings
) -> Corpus:
    """The corpus at `path`; it is generated if the file does not exist."""
    if not path.exists():
        corpus = make_corpus(stage, tokens, tokenizer, settings)
        part = path.with_suffix(f".{os.getpid()}.npz")  # two sizes may be trained at once
        np.savez(part, tokens=corpus.tokens, weights=corpus.weights, starts=corpus.starts)
        part.replace(path)
    with np.load(path) as stored:
        return Corpus(stored["tokens"], stored["weights"], stored["starts"])


def plan(lengths: NDArray[np.int64], batch_tokens: int, seed: int) -> list[list[int]]:
    """The documents of each step: each document once, those of a step of similar length.

    Documents are taken in portions, and the steps of a portion shuffled. So a plan for more
    documents begins with the plan for fewer, and a stage can be extended after it has begun.
    Documents that do not fill a portion are left out.
    """
    batches: list[list[int]] = []
    portion = min(PORTION, len(lengths))
    for first in range(0, len(lengths) - portion + 1, portion):
        order = first + np.argsort(lengths[first : first + portion], kind="stable")
        portion_batches: list[list[int]] = [[]]
        for i in order:
            if (len(portion_batches[-1]) + 1) * lengths[i] > batch_tokens and portion_batches[-1]:
                portion_batches.append([])
            portion_batches[-1].append(int(i))
        rng = np.random.default_rng((seed, first))
        batches += [portion_batches[i] for i in rng.permutation(len(portion_batches))]
    return batches


def rows(corpus: Corpus, batch: list[int]) -> tuple[Tensor, Tensor]:
    """Tokens and weights (B, T) of a batch of documents, padded with weight 0."""
    longest = int(max(corpus.lengths[i] for i in batch))
    ids_BT = torch.zeros(len(batch), longest, dtype=torch.int64)
    weights_BT = torch.zeros(len(batch), longest)
    for row, i in enumerate(batch):
        start, end = corpus.starts[i], corpus.starts[i + 1]
        ids_BT[row, : end - start] = torch.from_numpy(corpus.tokens[start:end].astype(np.int64))
        weights_BT[row, : end - start] = torch.from_numpy(
            corpus.weights[start:end].astype(np.float32)
        )
    return ids_BT, weights_BT
