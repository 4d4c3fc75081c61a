"""The engine's settings, and what follows from them before a model is loaded. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from models.config import CodeGenConfig, ModelError


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn: logits over `temperature` (0: the most likely token), the
    `top_k` largest of them (0: all), and of those the fewest that hold a mass of `top_p`."""

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
    """`slots` is how many conversations are under way at a time (by default `default_slots`).

    With `deterministic` completions do not depend on it either; without, they do on processors
    whose kernels round differently for different numbers of rows. `logprobs` asks for the tokens'
    log-probabilities. `cache_tokens` is how many tokens all conversations together may keep (by
    default `default_cache_tokens`); it changes memory and speed, never a completion.
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
    """How many conversations are sampled at a time unless chosen.

    Depends on the model and the kind of device alone: a run's identity must not change with the
    memory that happens to be free.
    """
    if device.partition(":")[0] == "cuda":
        return 256 if config.parameters < 4e9 else 128
    return 128 if config.parameters < 1e9 else 32


def default_cache_tokens(config: CodeGenConfig, slots: int) -> int:
    """Room for `slots` conversations of an eighth of the context, and for one that fills it."""
    return slots * config.n_positions // 8 + config.n_positions
