"""What a sampler guarantees, a word that configuration and manifest share."""

from __future__ import annotations

from enum import Enum


class Guarantee(Enum):
    """What a sampler guarantees when a run is repeated: the same bytes, samples drawn with the
    same seed, or nothing."""

    bytes = "bytes"
    seed = "seed"
    nothing = "nothing"
