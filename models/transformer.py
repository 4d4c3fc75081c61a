"""CodeGen in plain torch, top-down: model, block, attention, rotary positions, checkpoint names.

A GPT-J-style transformer: one layer norm feeds attention and MLP side by side, and the head is not
tied to the embedding. Letters in names of tensors are their dimensions: B batch, T time, N rows of
a batch (any leading dimensions), C width, H heads, D dimensions of a head, V vocabulary.

How rows attend to the past is not the model's business but the cache's: `Attend` is the seam, and
whole sequences (training, parity), a plain cache and the engine's shared prefixes are behind it.

Paper: Nijkamp et al., CodeGen, ICLR 2023 (arXiv 2203.13474).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import SHARDS, CodeGenConfig, ModelError
from models.engine.dialogue import Request, StopRule
from models.engine.options import Sampling

if TYPE_CHECKING:
    from models.tokenizer import CodeGenTokenizer


Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""`attend(layer, q_NHD, k_NHD, v_NHD)` keeps the new keys and values of a layer, lets the queries
look at all that they may see, and returns what they saw, in the shape of `q_NHD`."""


class CodeGen(nn.Module):
    """The language model. Parameters are named as below; `checkpoint_weights` has the other names.

    `CodeGen.from_pretrained(directory)` reads a checkpoint and its tokenizer; `CodeGen(config)`
    has torch's random weights (see `initialize`) and no tokenizer, and may be built on the meta
    device.
    """

    def __init__(self, config: CodeGenConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer: CodeGenTokenizer | None = None
        self.embed: nn.Module = nn.Embedding(config.vocab_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm: nn.Module = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.head: nn.Module = nn.Linear(config.n_embd, config.vocab_size)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str = "cpu",
        revision: str | None = None,
    ) -> CodeGen:
        """The model and the tokenizer of a directory in Hugging Face layout, or of a hub id.

        `dtype` is the checkpoint's unless chosen (`models.dtype`). Raises CheckpointError.
        """
        from models import checkpoint  # it builds on this module
        from models.hub import resolve
        from models.tokenizer import CodeGenTokenizer

        directory = resolve(source, revision)
        model = checkpoint.load(directory, dtype, device)
        model.tokenizer = CodeGenTokenizer.from_pretrained(directory)
        return model

    def save_pretrained(self, directory: str | Path) -> None:
        """Write weights, configuration and tokenizer, for us and for transformers."""
        from models import checkpoint

        checkpoint.save(self, directory)
        if self.tokenizer is not None:
            self.tokenizer.save(directory)

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 128,
        *,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        seed: int = 0,
        stop: StopRule | None = None,
    ) -> str:
        """A completion of `prompt`, without it, cut where `stop` says; greedy at temperature 0.

        The first call packs the weights; use `models.Engine` for many prompts. Raises ModelError.
        """
        from models.engine.engine import complete  # it builds on this module

        request = Request(prompt, seed, max_new_tokens, stop)
        return complete(self, request, Sampling(temperature, top_p, top_k))

    def forward(self, ids_BT: Tensor, cache: KVCache | None = None) -> Tensor:
        """Logits (B, T, V) in float32 of the tokens that follow `ids_BT` (and what is in `cache`).

        With a cache the ids continue it, and it grows by them. Trainable without one.
        """
        start = 0 if cache is None else cache.length
        positions_T = torch.arange(start, start + ids_BT.shape[1], device=ids_BT.device)
        hidden_BTC = self.trunk(ids_BT, positions_T, causal if cache is None else cache.attend)
        if cache is not None:
            cache.length += ids_BT.shape[1]
        return self.logits(hidden_BTC)

    def trunk(self, ids_N: Tensor, positions_N: Tensor, attend: Attend) -> Tensor:
        """What the head reads (N, C); `ids_N` and `positions_N` may have any leading dimensions."""
        rotation = rotary_table(self.config, ids_N.device)[:, positions_N]
        x_NC = self.embed(ids_N)
        for block in self.blocks:
            x_NC = block(x_NC, rotation, attend)
        normed: Tensor = self.norm(x_NC)
        return normed

    def logits(self, hidden_NC: Tensor) -> Tensor:
        """Logits (N, V) in float32."""
        out: Tensor = self.head(hidden_NC)
        return out.float()

    @torch.no_grad()
    def initialize(self, seed: int) -> CodeGen:
        """Draw fresh weights as GPT-2 does: normal, 0.02, projections onto the residual smaller."""
        generator = torch.Generator().manual_seed(seed)
        onto_residual = 0.02 / (2 * self.config.n_layer) ** 0.5
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "norm" in name:
                parameter.fill_(1.0)
            else:
                std = onto_residual if name.endswith(("out.weight", "down.weight")) else 0.02
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, std, generator=generator))
        return self


class Block(nn.Module):
    def __init__(self, config: CodeGenConfig, layer: int) -> None:
        super().__init__()
        self.norm: nn.Module = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attention = Attention(config, layer)
        self.mlp: nn.Module = MLP(config)

    def forward(self, x_NC: Tensor, rotation: Tensor, attend: Attend) -> Tensor:
        normed_NC = self.norm(x_NC)
        attended_NC: Tensor = self.attention(normed_NC, rotation, attend)
        out: Tensor = attended_NC + self.mlp(normed_NC) + x_NC
        return out


class MLP(nn.Module):
    def __init__(self, config: CodeGenConfig) -> None:
        super().__init__()
        self.up: nn.Module = nn.Linear(config.n_embd, config.inner_dim)
        self.down: nn.Module = nn.Linear(config.inner_dim, config.n_embd)

    def forward(self, x_NC: Tensor) -> Tensor:
        out: Tensor = self.down(F.gelu(self.up(x_NC), approximate="tanh"))
        return out


class Attention(nn.Module):
    """The projections around `Attend`; one product gives queries, values and keys, in that order.

    Query, value, key is the checkpoint's order; it makes its packing a mere transposition.
    """

    def __init__(self, config: CodeGenConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.n_head = config.n_head
        self.qvk: nn.Module = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)
        self.out: nn.Module = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(self, x_NC: Tensor, rotation: Tensor, attend: Attend) -> Tensor:
        qvk_N3HD = self.qvk(x_NC).view(*x_NC.shape[:-1], 3, self.n_head, -1)
        q_NHD, k_NHD = rotate(qvk_N3HD[..., ::2, :, :], rotation).unbind(-3)
        v_NHD = qvk_N3HD[..., 1, :, :]
        out: Tensor = self.out(attend(self.layer, q_NHD, k_NHD, v_NHD).flatten(-2))
        return out


@lru_cache(maxsize=8)
def rotary_table(config: CodeGenConfig, device: torch.device) -> Tensor:
    """Cosines and sines (2, n_positions, rotary_dim / 2) in float32, as GPT-J computes them."""
    R = config.rotary_dim
    steps = torch.arange(0, R, 2, device=device, dtype=torch.int64) / R
    positions = torch.arange(config.n_positions, device=device, dtype=torch.float32)
    angles = positions[:, None] * (1.0 / 10000**steps)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x_N2HD: Tensor, rotation: Tensor) -> Tensor:
    """Turn the pairs (0, 1), (2, 3), … of the first rotary_dim dimensions of each head.

    `x_N2HD` are queries and keys; `rotation` (2, N, rotary_dim / 2) holds cosines and sines, where
    N may lack leading dimensions. The sums are done in float32 whatever the dtype.
    """
    cos, sin = rotation[..., None, None, :]
    R = 2 * cos.shape[-1]
    even, odd = x_N2HD[..., :R:2], x_N2HD[..., 1:R:2]
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)
    return torch.cat((turned.to(x_N2HD.dtype), x_N2HD[..., R:]), dim=-1)


def causal(layer: int, q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor) -> Tensor:
    """`Attend` over whole sequences, nothing kept: for training and for scoring without a cache."""
    q, k, v = (x.transpose(1, 2) for x in (q_BTHD, k_BTHD, v_BTHD))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


class KVCache:
    """`Attend` for a batch of equally long sequences, keys and values preallocated.

    The plain cache of `CodeGen.forward`; the engine has its own (`models.engine.cpu.attention`).
    """

    def __init__(self, model: CodeGen, batch: int, capacity: int) -> None:
        config, weight = model.config, next(model.parameters())
        if capacity > config.n_positions:
            raise ModelError(f"capacity={capacity}: the model's context is {config.n_positions}")
        shape = (2, config.n_layer, batch, config.n_head, capacity, config.head_dim)
        self.keys, self.values = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
        self.length = 0

    def attend(self, layer: int, q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor) -> Tensor:
        start, end = self.length, self.length + q_BTHD.shape[1]
        if end > self.keys.shape[3]:
            raise ModelError(f"cache of {self.keys.shape[3]} positions is full at {end}")
        self.keys[layer, :, :, start:end] = k_BTHD.transpose(1, 2)
        self.values[layer, :, :, start:end] = v_BTHD.transpose(1, 2)
        k_BHSD, v_BHSD = self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        visible_TS = torch.ones(end - start, end, dtype=torch.bool, device=k_BHSD.device)
        return F.scaled_dot_product_attention(
            q_BTHD.transpose(1, 2), k_BHSD, v_BHSD, attn_mask=visible_TS.tril(start)
        ).transpose(1, 2)


@dataclass(frozen=True, slots=True)
class CheckpointWeight:
    """Which parameter a tensor of a Hugging Face checkpoint is, and how its layout differs.

    `parameter` is the name in `CodeGen.state_dict()`, `shape` the tensor's shape (the same in both
    layouts). A `packed` tensor's rows are grouped by model-parallel shard (query, value, key of
    the first, then of the second, …); the model's by query, value, key.
    """

    parameter: str
    shape: tuple[int, ...]
    packed: bool = False

    def load(self, tensor: Tensor) -> Tensor:
        """From the checkpoint's layout to the model's; the tensor itself where they agree."""
        return self._swap(tensor, SHARDS, 3) if self.packed else tensor

    def save(self, tensor: Tensor) -> Tensor:
        """From the model's layout to the checkpoint's; the tensor itself where they agree."""
        return self._swap(tensor, 3, SHARDS) if self.packed else tensor

    @staticmethod
    def _swap(tensor: Tensor, outer: int, inner: int) -> Tensor:
        rows, columns = tensor.shape
        grouped = tensor.view(outer, inner, -1, columns)
        return grouped.transpose(0, 1).reshape(rows, columns)


def checkpoint_weights(config: CodeGenConfig) -> dict[str, CheckpointWeight]:
    """All tensors of a Hugging Face CodeGen checkpoint, by their names there.

    Load one by one: `parameter.copy_(weight.load(tensor))`; only one tensor is ever held twice.
    """
    C, I, V = config.n_embd, config.inner_dim, config.vocab_size  # noqa: E741
    table = {
        "transformer.wte.weight": CheckpointWeight("embed.weight", (V, C)),
        "transformer.ln_f.weight": CheckpointWeight("norm.weight", (C,)),
        "transformer.ln_f.bias": CheckpointWeight("norm.bias", (C,)),
        "lm_head.weight": CheckpointWeight("head.weight", (V, C)),
        "lm_head.bias": CheckpointWeight("head.bias", (V,)),
    }
    for n in range(config.n_layer):
        theirs, ours = f"transformer.h.{n}", f"blocks.{n}"
        table |= {
            f"{theirs}.ln_1.weight": CheckpointWeight(f"{ours}.norm.weight", (C,)),
            f"{theirs}.ln_1.bias": CheckpointWeight(f"{ours}.norm.bias", (C,)),
            f"{theirs}.attn.qkv_proj.weight": CheckpointWeight(
                f"{ours}.attention.qvk.weight", (3 * C, C), packed=True
            ),
            f"{theirs}.attn.out_proj.weight": CheckpointWeight(
                f"{ours}.attention.out.weight", (C, C)
            ),
            f"{theirs}.mlp.fc_in.weight": CheckpointWeight(f"{ours}.mlp.up.weight", (I, C)),
            f"{theirs}.mlp.fc_in.bias": CheckpointWeight(f"{ours}.mlp.up.bias", (I,)),
            f"{theirs}.mlp.fc_out.weight": CheckpointWeight(f"{ours}.mlp.down.weight", (C, I)),
            f"{theirs}.mlp.fc_out.bias": CheckpointWeight(f"{ours}.mlp.down.bias", (C,)),
        }
    return table
