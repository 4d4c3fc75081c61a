"""Shards of a run: which of its samples each of several runs makes. Pure.

    Shard.parse("3/16")  # the third of sixteen, counted from 1

The samples of a case are dealt in blocks of `BLOCK`, since samples of one case share the work on
their prompts. Cases are ranked by their expected tokens, and the blocks of each case go to shards
that are far apart, so that the shards' expected tokens differ by little. The shard of a sample
depends on the problems and on the number of shards, and not on the number of samples a case: a
larger `sampling.n` leaves every sample in its shard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

from mtpb.errors import UsageError

BLOCK = 8  # samples
MOST_SHARDS = 100_000
_GOLDEN = 0.618034  # multiples of it, modulo 1, are spread evenly however many there are


@dataclass(frozen=True, slots=True)
class Shard:
    """The shard with this number, from 1, of so many."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Raises UsageError for anything but i/n with 1 <= i <= n."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
        shard = cls(*map(int, found.groups())) if found else None
        if shard is None or not 1 <= shard.number <= shard.of <= MOST_SHARDS:
            raise UsageError(
                f"shard={text}: must be i/n, the i-th of n shards, from 1/n to n/n, as in 3/16; "
                f"at most {MOST_SHARDS:,} shards"
            )
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def samples(self, rank: int, n: int) -> Iterator[int]:
        """Those of the samples 0 to n - 1 of the case with this rank that are in this shard."""
        stride = _stride(self.of)
        for first in range(0, n, BLOCK):
            if (rank + first // BLOCK * stride) % self.of == self.number - 1:
                yield from range(first, min(first + BLOCK, n))


def ranks(tokens: Sequence[int]) -> list[int]:
    """The rank of each case by its expected tokens: longest first, equal ones in their order."""
    order = sorted(range(len(tokens)), key=lambda case: -tokens[case])
    ranked = [0] * len(tokens)
    for rank, case in enumerate(order):
        ranked[case] = rank
    return ranked


def _stride(shards: int) -> int:
    """How far apart the shards of a case's successive blocks are; coprime to their number."""
    stride = max(1, round(shards * _GOLDEN))
    while gcd(stride, shards) > 1:
        stride -= 1
    return stride
