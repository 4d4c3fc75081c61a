"""What the benches of the engine have in common: models, requests of known lengths, and peers.

The work of a run is known beforehand: how many tokens each prompt and each completion has. Peers,
for which all of it would take hours, are timed on a batch's first tokens: what the prompt takes,
what a step takes, by how much steps get slower with length, and so what the whole would take.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import torch
from transformers import CodeGenForCausalLM, StoppingCriteria, StoppingCriteriaList

from models import CodeGenConfig, Completion, Engine, Request, Sampling
from models.engine.dialogue import Dialogue
from models.transformer import Transformer

SAMPLING = Sampling(temperature=0.8, top_p=0.95)
LENGTHS = (
    # percentiles 0, 5, …, 100 of tokens a completion of a 16B model on HumanEval
    *(1, 7, 12, 12, 12, 15, 20, 25, 30, 35, 40),
    *(46, 52, 59, 67, 76, 88, 104, 129, 175, 300),
)
BASE = CodeGenConfig(eos_token_id=50256)
GEOMETRIES = {
    "tiny": replace(BASE, vocab_size=4096, n_layer=2, n_embd=64, n_head=4, rotary_dim=8),
    "350M": BASE,
    "2B": replace(BASE, n_layer=32, n_embd=2560, n_head=32, rotary_dim=64),
    "6B": replace(BASE, n_layer=33, n_embd=4096, n_head=16, rotary_dim=64),
    "16B": replace(BASE, n_layer=34, n_embd=6144, n_head=24, rotary_dim=64),
}


class Ids:
    """Texts are ids in decimal: prompts of an exact number of tokens."""

    def encode(self, text: str) -> list[int]:
        return [int(word) for word in text.split()]

    def token_bytes(self, token: int) -> bytes:
        return f" {token}".encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A dialogue of given lengths: (tokens of the prompt, tokens of the answer) per turn."""

    key: int
    turns: tuple[tuple[str, int], ...]
    history: str = ""
    turn: int = 0

    @property
    def request(self) -> Request | None:
        if self.turn == len(self.turns):
            return None
        prompt, length = self.turns[self.turn]
        return Request(self.history + prompt, self.key * 100 + self.turn, length)

    def receive(self, completion: Completion) -> Asked:
        said = self.history + self.turns[self.turn][0] + completion.text
        return replace(self, history=said, turn=self.turn + 1)


def words(count: int, seed: int) -> str:
    """A text of `count` tokens, all of which every geometry has."""
    chooser = random.Random(seed)
    return " " + " ".join(str(chooser.randrange(500)) for _ in range(count))


def lengths(count: int, seed: int = 0) -> list[int]:
    """Row lengths as those of a real model; from the data's percentiles if they are at hand."""
    path = Path(os.environ.get("MTPB_DATA", "../shared/data")) / "completion-lengths.json"
    table = json.loads(path.read_text())["percentiles"] if path.is_file() else LENGTHS
    chooser = random.Random(seed)
    drawn = [chooser.random() * (len(table) - 1) for _ in range(count)]
    return [round(table[int(x)] + (x % 1) * (table[int(x) + 1] - table[int(x)])) for x in drawn]


def random_model(
    config: CodeGenConfig, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> Transformer:
    """Quickly drawn weights: uniform, about as large as trained ones."""
    with torch.device("meta"):
        model = Transformer(config).to(dtype)
    model = model.to_empty(device=device).eval()
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.data.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        else:
            parameter.data.uniform_(-0.04, 0.04)
    return model


@dataclass(frozen=True, slots=True)
class Timing:
    """A peer's batch: seconds until the first token of every row, and a step after that."""

    first: float
    step: float

    def seconds(self, tokens: float, growth: float = 0.0) -> float:
        """Until every row has `tokens` tokens, if steps get slower by `growth` with each."""
        return self.first + (tokens - 1) * (self.step + growth * tokens / 2)

    def towards(self, other: Timing, share: float) -> Timing:
        """On the line from this one to the other."""
        return Timing(
            self.first + share * (other.first - self.first),
            self.step + share * (other.step - self.step),
        )

    @staticmethod
    def of(moments: list[float]) -> Timing:
        """From the start and the moments at which the batch had its first, second, … token."""
        steps = [later - earlier for earlier, later in pairwise(moments[1:])]
        return Timing(moments[1] - moments[0], statistics.median(steps))


Peer = Callable[[list[list[int]]], Timing]
"""Generates for a batch of prompts, as long as it takes to time it."""

STEPS = 9  # tokens a row that peers are timed on


class Clock(StoppingCriteria):  # type: ignore[misc]
    """Notes when each step of `generate` ends; stops nothing."""

    def __init__(self) -> None:
        self.moments = [time.perf_counter()]

    def __call__(self, ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        if ids.is_cuda:
            torch.cuda.synchronize(ids.device)
        self.moments.append(time.perf_counter())
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)


def transformers_run(model: CodeGenForCausalLM, prompts: list[list[int]]) -> Timing:
    """`STEPS` tokens for each row, by transformers' own loop."""
    ids = torch.tensor(prompts, device=model.device)
    clock = Clock()
    model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        temperature=SAMPLING.temperature,
        top_p=SAMPLING.top_p,
        top_k=0,
        max_new_tokens=STEPS,
        min_new_tokens=STEPS,
        pad_token_id=0,
        stopping_criteria=StoppingCriteriaList([clock]),
    )
    return Timing.of(clock.moments)


def ours_run(engine: Engine, asked: Sequence[Dialogue]) -> int:
    """Answer the dialogues; returns how many tokens that were."""
    before = engine.stats.tokens
    for _ in engine.run(asked):
        pass
    return engine.stats.tokens - before


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Shape(Protocol):
    """Work whose lengths are known."""

    asked: list[Asked]
    useful: int  # tokens up to the rows' stops
    read: int  # tokens of prompts, each computed once
    attended: int  # cached tokens of a row's own, added up over the useful tokens

    def seconds(self, peer: Peer, batch: int) -> float:
        """That a peer takes with batches of `batch` rows, each as long as its longest row."""


class HumanEval:
    """n = 100 samples of `prompts` prompts: 85 tokens, one of them 200; a real model's row lengths.

    Peers have no stop rule: a batch runs to its longest row.
    """

    def __init__(self, prompts: int) -> None:
        self.sizes = [200 if n == 3 else 85 for n in range(prompts)]
        texts = [words(size, n) for n, size in enumerate(self.sizes)]
        self.drawn = lengths(100 * prompts)
        self.asked = [Asked(key, ((texts[key // 100], n),)) for key, n in enumerate(self.drawn)]
        self.useful, self.read = sum(self.drawn), sum(self.sizes)
        self.attended = sum(n * (n - 1) // 2 for n in self.drawn)

    def seconds(self, peer: Peer, batch: int) -> float:
        short, long = (peer([Ids().encode(words(size, 1))] * batch) for size in (85, 285))
        growth = max((long.step - short.step) / 200, 0.0)
        taken = 0.0
        for n, size in enumerate(self.sizes):
            timing = short.towards(long, (size - 85) / 200)
            rows = self.drawn[100 * n : 100 * n + 100]
            longest = [max(rows[i : i + batch]) for i in range(0, 100, batch)]
            taken += sum(timing.seconds(tokens, growth) for tokens in longest)
        return taken


class MTPB:
    """Conversations of 5 turns, 40 samples of `cases` cases; peers in the official sampler's loop.

    The loop generates for the 40 samples of one case at a time, from their whole histories, to the
    longest row of each turn.
    """

    turns, samples = 5, 40

    def __init__(self, cases: int) -> None:
        self.cases = cases
        self.drawn = lengths(cases * self.samples * self.turns, seed=3)
        self.asked, self.attended = [], 0
        for key in range(cases * self.samples):
            mine = self.drawn[key * self.turns : (key + 1) * self.turns]
            asks = [
                words(25 if turn else 40, 1000 * (key // self.samples) + turn)
                for turn in range(self.turns)
            ]
            self.asked.append(Asked(key, tuple(zip(asks, mine, strict=True))))
            for turn, n in enumerate(mine):
                self.attended += n * (25 * turn + sum(mine[:turn])) + n * (n - 1) // 2
        self.useful = sum(self.drawn)
        self.read = cases * (40 + self.samples * 25 * (self.turns - 1))

    def seconds(self, peer: Peer, batch: int = samples) -> float:
        mean = round(self.useful / len(self.drawn))
        histories = [40 + turn * (25 + mean) for turn in range(self.turns)]
        timings = [
            peer([Ids().encode(words(history, n)) for n in range(batch)]) for history in histories
        ]
        growth = max((timings[-1].step - timings[0].step) / (histories[-1] - histories[0]), 0.0)
        taken = 0.0
        for turn, timing in enumerate(timings):
            for case in range(self.cases):
                first = case * self.samples * self.turns + turn
                rows = self.drawn[first : first + self.samples * self.turns : self.turns]
                taken += timing.seconds(max(rows), growth)
        return taken
