"""The engine's settings and their defaults, which are known before a model is loaded. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from models.config import CodeGenConfig, ModelError


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is drawn: the logits are divided by `temperature` (0: the most likely token is
    taken), the `top_k` largest are kept (0: all), and of these the fewest whose probabilities add
    up to `top_p`. Raises ModelError for values out of range."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ModelError(f"temperature={self.temperature}: must be 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise ModelError(f"top_p={self.top_p}: must be above 0 and at most 1")
        if self.top_k < 0:
            raise ModelError(f"top_k={self.top_k}: must be 0 (off) or more")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`slots`: how many sequences run at a time (default: `default_slots`).

    `deterministic`: completions do not depend on `slots`. Otherwise they do on processors whose
    kernels round differently for different numbers of rows.

    `logprobs`: completions have the log-probabilities of their tokens.

    `cache_tokens`: how many tokens the paged KV cache holds (default: `default_cache_tokens`). It
    changes memory and speed, not completions.

    Raises ModelError for numbers below 1.
    """

    slots: int | None = None
    deterministic: bool = False
    logprobs: bool = False
    cache_tokens: int | None = None

    def __post_init__(self) -> None:
        for name in ("slots", "cache_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ModelError(f"{name}={value}: must be at least 1")


def default_slots(config: CodeGenConfig, device: str = "cpu") -> int:
    """How many sequences run at a time by default.

    Depends only on the model and the kind of device, not on the free memory: completions may depend
    on it.
    """
    if device.partition(":")[0] == "cuda":
        return 256 if config.parameters < 4e9 else 128
    return 128 if config.parameters < 1e9 else 32


def default_cache_tokens(config: CodeGenConfig, slots: int) -> int:
    """Room for `slots` sequences of an eighth of the context, and for one of the whole context."""
    return slots * config.n_positions // 8 + config.n_positions
