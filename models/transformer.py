"""CodeGen's transformer in plain torch, top-down: model, block, attention, rotary positions, cache.

A GPT-J-style transformer: one layer norm feeds attention and MLP in parallel, and the head is not
tied to the embedding. Letters in names of tensors are their dimensions: B batch, T time, N rows of
a batch (any leading dimensions), C width, H heads, D dimensions of a head, S positions attended to,
V vocabulary.

The model does not know how a row attends to the tokens before it: it calls an `Attend`. There are
three: `causal` for whole sequences, `KVCache.attend` for a plain cache, and the paged KV cache of
`models.engine`.

Paper: Nijkamp et al., CodeGen, ICLR 2023 (arXiv 2203.13474).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from models.config import CodeGenConfig, ModelError

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""`attend(layer, q_NHD, k_NHD, v_NHD)` stores the new keys and values of a layer and returns the
attention output of each query over the positions that it may see (N, H, D)."""

T = TypeVar("T", bound="Transformer")


class Transformer(nn.Module):
    """The language model. Its parameters have torch's random weights until they are loaded
    (`models.checkpoint`) or drawn (`initialize`)."""

    def __init__(self, config: CodeGenConfig) -> None:
        super().__init__()
        self.config = config
        self.embed: nn.Module = nn.Embedding(config.vocab_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.norm: nn.Module = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.head: nn.Module = nn.Linear(config.n_embd, config.vocab_size)

    def forward(self, ids_BT: Tensor, cache: KVCache | None = None) -> Tensor:
        """Logits (B, T, V) in float32: at each position those of the token after it.

        With a cache, `ids_BT` continue the sequences in it and are added to it. Gradients flow only
        without a cache.
        """
        start = 0 if cache is None else cache.length
        positions_T = torch.arange(start, start + ids_BT.shape[1], device=ids_BT.device)
        attend = causal if cache is None else cache.attend
        hidden_BTC = self.hidden_states(ids_BT, positions_T, attend)
        if cache is not None:
            cache.length += ids_BT.shape[1]
        return self.logits(hidden_BTC)

    def hidden_states(self, ids_N: Tensor, positions_N: Tensor, attend: Attend) -> Tensor:
        """The input of the head (N, C), where N stands for any leading dimensions."""
        x_NC = self.through(range(self.config.n_layer), self.embed(ids_N), positions_N, attend)
        normed: Tensor = self.norm(x_NC)
        return normed

    def through(self, layers: range, x_NC: Tensor, positions_N: Tensor, attend: Attend) -> Tensor:
        """The output (N, C) of the last of these layers, `x_NC` being the input of the first."""
        rotation = rotary_table(self.config, x_NC.device)[:, positions_N]
        for layer in layers:
            x_NC = self.blocks[layer](x_NC, rotation, attend)
        return x_NC

    @property
    def stages(self) -> list[range]:
        """The layers in ranges of consecutive ones that are on one device."""
        devices = [next(block.parameters()).device for block in self.blocks]
        seams = [n for n in range(1, len(devices)) if devices[n] != devices[n - 1]]
        return [range(*ends) for ends in pairwise([0, *seams, len(devices)])]

    def logits(self, hidden_NC: Tensor) -> Tensor:
        """Logits (N, V) in float32 of hidden states (N, C)."""
        out: Tensor = self.head(hidden_NC)
        return out.float()

    @torch.no_grad()
    def initialize(self: T, seed: int) -> T:
        """Draw new weights as GPT-2 does: normal with standard deviation 0.02, smaller for the
        projections onto the residual stream. Returns the model itself."""
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
    """The projections before and after an `Attend`. One product gives queries, values and keys: the
    order within a shard of a checkpoint, so that loading only transposes shards and parts."""

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


@cache  # without a limit: captured graphs read a table by its address
def rotary_table(config: CodeGenConfig, device: torch.device) -> Tensor:
    """Cosines and sines (2, n_positions, rotary_dim / 2) in float32, as GPT-J computes them."""
    R = config.rotary_dim
    steps = torch.arange(0, R, 2, device=device, dtype=torch.int64) / R
    positions = torch.arange(config.n_positions, device=device, dtype=torch.float32)
    angles = positions[:, None] * (1.0 / 10000**steps)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(x_N2HD: Tensor, rotation: Tensor) -> Tensor:
    """Rotate the pairs (0, 1), (2, 3), … of the first rotary_dim dimensions of each head.

    `x_N2HD` are queries and keys. `rotation` (2, N, rotary_dim / 2) are cosines and sines; its N
    may lack leading dimensions, which are broadcast. Computed in float32, returned in the dtype of
    `x_N2HD`.
    """
    cos, sin = rotation[..., None, None, :]
    R = 2 * cos.shape[-1]
    even, odd = x_N2HD[..., :R:2], x_N2HD[..., 1:R:2]
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)
    return torch.cat((turned.to(x_N2HD.dtype), x_N2HD[..., R:]), dim=-1)


def causal(layer: int, q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor) -> Tensor:
    """`Attend` over whole sequences, without a cache: for training and logits of whole texts."""
    q, k, v = (x.transpose(1, 2) for x in (q_BTHD, k_BTHD, v_BTHD))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


class KVCache:
    """The plain KV cache of `Transformer.forward`: a batch of equally long sequences, with room for
    `capacity` positions. The engine does not use it: it has a paged KV cache.

    Raises ModelError where it is larger than the model's context, or full.
    """

    def __init__(self, model: Transformer, batch: int, capacity: int) -> None:
        config, weight = model.config, next(model.parameters())
        if capacity > config.n_positions:
            raise ModelError(f"capacity={capacity}: the model's context is {config.n_positions}")
        shape = (2, config.n_layer, batch, config.n_head, capacity, config.head_dim)
        self.keys, self.values = torch.zeros(shape, dtype=weight.dtype, device=weight.device)
        self.length = 0

    def attend(self, layer: int, q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor) -> Tensor:
        """`Attend` from position `length` on, which `Transformer.forward` advances afterwards."""
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


@contextmanager
def without_weights() -> Iterator[None]:
    """Modules that are built inside are on the meta device: they take no memory for weights, and
    draw none."""
    with torch.device("meta"), _NoInitialization():
        yield


class _NoInitialization(TorchFunctionMode):
    """Skips torch's initialisation of weights.

    On the meta device it would have no effect, but it imports a large part of PyTorch's compiler:
    67 MB and a second or more.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return None
        return func(*args, **(kwargs or {}))
