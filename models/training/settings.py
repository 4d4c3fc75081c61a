"""The sizes and the settings of the family's training. No torch."""

from dataclasses import dataclass, field

from models.config import CodeGenConfig


@dataclass(frozen=True, slots=True)
class Size:
    """A model's geometry, and how it is trained."""

    n_layer: int
    n_embd: int
    n_head: int
    rotary_dim: int
    peak_rate: float
    tokens: dict[str, int]
    """The number of tokens of each stage."""


_TOKENS = {"nl": 600_000, "multi": 4_000_000, "broad": 7_000_000, "mono": 7_000_000}

SIZES = {
    "300K": Size(2, 64, 4, 16, 4e-3, _TOKENS),
    "1M": Size(4, 128, 4, 16, 2.5e-3, _TOKENS),
    "3M": Size(5, 192, 8, 16, 1.5e-3, _TOKENS),
}
"""All sizes read the same text, so that a larger model differs by its size alone."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the weights depend on, except rounding, which depends on the machine."""

    seed: int = 1
    vocabulary: int = 1536
    context: int = 1024
    batch_tokens: int = 2048
    warmup_steps: int = 50
    decay_share: float = 0.3
    """The share of a stage's steps, at its end, in which the learning rate falls to zero."""
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.97)
    gradient_norm: float = 1.0
    prompt_weight: float = 0.2
    """The weight in the loss of a prompt's tokens, in all stages with code; others have 1."""
    validation_tokens: int = 12_000
    save_every: int = 100
    scale: float = 1.0
    sizes: dict[str, Size] = field(default_factory=lambda: dict(SIZES))

    def config(self, size: str, eos: int) -> CodeGenConfig:
        """The geometry of the models of one size."""
        chosen = self.sizes[size]
        return CodeGenConfig(
            vocab_size=self.vocabulary,
            n_positions=self.context,
            n_layer=chosen.n_layer,
            n_embd=chosen.n_embd,
            n_head=chosen.n_head,
            rotary_dim=chosen.rotary_dim,
            bos_token_id=eos,
            eos_token_id=eos,
        )
