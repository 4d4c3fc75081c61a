"""The geometry of a CodeGen model, as in a checkpoint's `config.json`. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHARDS = 4  # model-parallel shards by which a checkpoint groups the attention projection
CODEGEN2_SHARDS = {128: 8, 256: 8}  # by the entry `head_dim`, which only CodeGen2 1B and 3.7B have
CODEGEN2_EOS = 2  # what CodeGen2 states as end of text; in its vocabulary that is `#`
END_OF_TEXT_ID = 50256  # `<|endoftext|>` of GPT-2's vocabulary, which CodeGen and CodeGen2 use


class ModelError(Exception):
    """A model, its files or its options cannot be used as asked. The message says what to do."""


@dataclass(frozen=True, slots=True)
class CodeGenConfig:
    """Geometry of a CodeGen model; the defaults are those of codegen-350M.

    `n_inner` is the width of the MLP (None: four times `n_embd`), `rotary_dim` the number of
    dimensions of each head that are rotated, `dtype` the name of the checkpoint's dtype (None: not
    stated), `shards` the number of shards by which the checkpoint groups the attention projection.
    Raises ModelError for numbers that do not fit together.
    """

    vocab_size: int = 51200
    n_positions: int = 2048
    n_layer: int = 20
    n_embd: int = 1024
    n_head: int = 16
    rotary_dim: int = 32
    n_inner: int | None = None
    layer_norm_epsilon: float = 1e-5
    bos_token_id: int = 50256
    eos_token_id: int = 50256
    dtype: str | None = None
    shards: int = SHARDS

    def __post_init__(self) -> None:
        for name in ("vocab_size", "n_positions", "n_layer", "n_embd", "n_head"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.n_head % self.shards or self.n_embd % self.n_head:
            raise ModelError(
                f"n_head={self.n_head}, n_embd={self.n_embd}: the number of heads must be a "
                f"multiple of {self.shards} and divide the width"
            )
        if not 0 < self.rotary_dim <= self.head_dim or self.rotary_dim % 2:
            raise ModelError(
                f"rotary_dim={self.rotary_dim}: must be even, positive and at most the head's "
                f"{self.head_dim} dimensions"
            )

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head

    @property
    def inner_dim(self) -> int:
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        C, F, V = self.n_embd, self.inner_dim, self.vocab_size
        block = 2 * C + 4 * C * C + (C * F + F) + (F * C + C)
        return V * C + self.n_layer * block + 2 * C + (V * C + V)

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> CodeGenConfig:
        """The geometry in a `config.json`.

        Also that of a CodeGen2, whose end of text is stated wrongly there. Raises ModelError where
        it is neither, or states what CodeGen does not have.
        """
        if record.get("model_type") != "codegen":
            raise ModelError(
                f"model_type={record.get('model_type')!r}: expected 'codegen'; other models, such "
                "as CodeGen2.5, which is a Llama, run by model=transformers model.path=…"
            )
        if (activation := record.get("activation_function", "gelu_new")) != "gelu_new":
            raise ModelError(f"activation_function={activation!r}: CodeGen uses 'gelu_new'")
        if record.get("tie_word_embeddings"):
            raise ModelError("tie_word_embeddings=true: CodeGen has a head of its own")
        names = ("vocab_size", "n_positions", "n_layer", "n_embd", "n_head", "rotary_dim")
        sizes = {name: _integer(record, name) for name in names}
        dtype = record.get("dtype") or record.get("torch_dtype")
        eos = _integer(record, "eos_token_id", END_OF_TEXT_ID)
        if eos == CODEGEN2_EOS and sizes["vocab_size"] > END_OF_TEXT_ID:
            eos = END_OF_TEXT_ID
        return cls(
            **sizes,
            n_inner=None if record.get("n_inner") is None else _integer(record, "n_inner"),
            layer_norm_epsilon=_float(record, "layer_norm_epsilon", 1e-5),
            bos_token_id=_integer(record, "bos_token_id", eos),
            eos_token_id=eos,
            dtype=None if dtype is None else str(dtype).removeprefix("torch."),
            shards=_shards(record, sizes["n_embd"], sizes["n_head"]),
        )

    def to_json(self) -> dict[str, object]:
        """The `config.json` that Hugging Face's CodeGen reads, for weights in 4 shards; inverse of
        `from_json`."""
        return {
            "architectures": ["CodeGenForCausalLM"],
            "model_type": "codegen",
            "vocab_size": self.vocab_size,
            "n_positions": self.n_positions,
            "n_ctx": self.n_positions,
            "n_layer": self.n_layer,
            "n_embd": self.n_embd,
            "n_head": self.n_head,
            "rotary_dim": self.rotary_dim,
            "n_inner": self.n_inner,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "attn_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_id,
            "tie_word_embeddings": False,
            "torch_dtype": self.dtype,
        }


def _shards(record: Mapping[str, object], n_embd: int, n_head: int) -> int:
    """The number of shards; `config.json` does not state it.

    Source: CTranslate2's converter, which tells CodeGen2 1B and 3.7B by `head_dim`, as we do.
    """
    head_dim = record.get("head_dim")
    if head_dim is None:
        return SHARDS
    if head_dim not in CODEGEN2_SHARDS or head_dim != n_embd // max(n_head, 1):
        raise ModelError(
            f"head_dim={head_dim!r} with n_embd={n_embd}, n_head={n_head}: only CodeGen2 has this "
            "entry, as 128 or 256 and the width over the number of heads; how the attention "
            "projection is packed cannot be told"
        )
    return CODEGEN2_SHARDS[head_dim]


def _integer(record: Mapping[str, object], name: str, default: int | None = None) -> int:
    value = record.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ModelError(f"{name}={value!r}: expected an integer in config.json")
    return value


def _float(record: Mapping[str, object], name: str, default: float) -> float:
    value = record.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ModelError(f"{name}={value!r}: expected a number in config.json")
    return float(value)
