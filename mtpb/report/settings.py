"""What a report may be told, with the defaults. Light: configurations take their defaults here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Pass rates from which a problem is easy, and below which it is hard."""

    easy: float = 0.7
    hard: float = 0.3


@dataclass(frozen=True)
class Limits:
    """How many conversations a page may hold, and how many million bytes it may be long."""

    samples: int = 20_000
    megabytes: float = 24.0
