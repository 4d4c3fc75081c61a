"""Likelihoods of a run's prompts: RUN/perplexity.jsonl, which mtpb.perplexity writes.

One line a conversation: `{"problem", "case", "sample", "tokens", "nll"}`, where `nll` is the sum of
the negative log-likelihoods (nats) of all prompts' tokens, each given the history before it.
exp(nll / tokens) is the conversation's prompt perplexity, after Nijkamp et al. 2023
(arXiv 2203.13474), section 4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from mtpb.errors import UsageError
from mtpb.rundir.decode import decode
from mtpb.rundir.records import Key
from mtpb.rundir.store import RunDirectory, read_records

FILE = "perplexity.jsonl"


@dataclass(frozen=True, slots=True)
class PromptScore:
    """The likelihood of one conversation's prompts; `nll` in nats, summed over `tokens`."""

    problem: str
    case: int
    sample: int
    tokens: int
    nll: float

    @property
    def key(self) -> Key:
        return Key(self.problem, self.case, self.sample)

    @property
    def perplexity(self) -> float:
        return math.exp(self.nll / self.tokens)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> PromptScore:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"not a line of JSON ({error})") from error
        return decode(cls, fields)


def prompt_scores(run: RunDirectory) -> Iterator[PromptScore]:
    """The lines of a run's file; none if there is no file."""
    return read_records(run.path / FILE, PromptScore.from_json)
