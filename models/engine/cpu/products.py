"""The model as the engine runs it on a CPU: linear layers packed for oneDNN, sums in float32.

Products of bfloat16 weights are left to AMX where the processor has it (`models.dtype`).

What matters for reproducibility is that a row of a product does not depend on its place, on its
neighbours, or on how many there are. `models.engine.agreement` finds out for which numbers of rows
that holds; elementwise functions that are no exact arithmetic (gelu) are part of the product, since
torch computes an array's odd ends by other code than its body, and the ends are where threads meet.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.dtype import product_dtype
from models.engine.cpu.attention import PagedCache
from models.engine.scheduler import Row
from models.transformer import MLP, Block, CodeGen

ROWS = 64  # the number of rows that oneDNN is told to expect when it chooses a layout


class Linear(nn.Module):
    """A linear layer for inference, perhaps with gelu behind it; float32 in and out.

    Its weights are in the dtype of products, and in oneDNN's own layout where oneDNN computes them.
    """

    def __init__(self, linear: nn.Module, gelu: bool = False) -> None:
        super().__init__()
        assert isinstance(linear, nn.Linear)
        self.in_features, self.gelu = linear.in_features, gelu
        dtype = dtype_of_products(linear.weight.dtype)
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)
        self.weight = linear.weight.detach().to(dtype).contiguous()
        self.onednn = onednn_computes(dtype)
        if self.onednn:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight, ROWS)

    def forward(self, x_NC: Tensor) -> Tensor:
        if self.onednn:
            x_NC = x_NC.to(self.weight.dtype)
            return _onednn_linear(x_NC, self.weight, self.bias, self.gelu).float()
        out_NC = F.linear(x_NC, self.weight, self.bias)
        return _gelu(out_NC) if self.gelu else out_NC


@cache
def onednn_computes(dtype: torch.dtype) -> bool:
    """Whether oneDNN multiplies by packed weights of `dtype` here, found out by trying.

    Builds of torch for macOS have no such operations; bfloat16 takes instructions that many
    processors lack.
    """
    ones = torch.ones(16, 16, dtype=dtype)
    try:
        _onednn_linear(ones, torch.ops.mkldnn._reorder_linear_weight(ones, ROWS), None, gelu=True)
    except (AttributeError, RuntimeError):
        return False
    return True


def dtype_of_products(weights: torch.dtype) -> torch.dtype:
    """The dtype that weights are packed in: `models.dtype.product_dtype`, if oneDNN computes it."""
    dtype: torch.dtype = getattr(torch, product_dtype(str(weights).removeprefix("torch.")))
    return dtype if onednn_computes(dtype) else torch.float32


def _onednn_linear(x_NC: Tensor, weight: Tensor, bias: Tensor | None, gelu: bool) -> Tensor:
    kind, algorithm = ("gelu", "tanh") if gelu else ("none", "")
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x_NC, weight, bias, kind, [], algorithm)
    return out


def _gelu(x_NC: Tensor) -> Tensor:
    """Row by row: each has its odd ends in the same place then."""
    if len(x_NC) == 1:
        return F.gelu(x_NC, approximate="tanh")
    return torch.stack([F.gelu(row_C, approximate="tanh") for row_C in x_NC])


class PackedMLP(nn.Module):
    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        assert isinstance(mlp, MLP)
        self.up, self.down = Linear(mlp.up, gelu=True), Linear(mlp.down)

    def forward(self, x_NC: Tensor) -> Tensor:
        out: Tensor = self.down(self.up(x_NC))
        return out


class Embedding(nn.Module):
    """The embedding's rows in float32, whatever dtype its table has."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.table = embedding

    def forward(self, ids_N: Tensor) -> Tensor:
        out: Tensor = self.table(ids_N)
        return out.float()


@torch.no_grad()
def packed(model: CodeGen) -> CodeGen:
    """The same model for inference, its linear layers packed; `model` itself stays as it is."""
    shared = [*model.parameters(), *([model.tokenizer] if model.tokenizer else [])]
    runner = copy.deepcopy(model, {id(thing): thing for thing in shared})
    runner.embed, runner.head = Embedding(runner.embed), Linear(runner.head)
    runner.norm = copy.deepcopy(runner.norm).float()
    for block in runner.blocks:
        assert isinstance(block, Block)
        block.norm = copy.deepcopy(block.norm).float()
        block.attention.qvk = Linear(block.attention.qvk)
        block.attention.out = Linear(block.attention.out)
        block.mlp = PackedMLP(block.mlp)
    return runner.eval()


class Trunk:
    """A packed model up to its head, and its cache of `pages` pages, for at most `rows` rows."""

    def __init__(self, model: CodeGen, pages: int, rows: int) -> None:
        self.model, self.cache = model, PagedCache(model.config, pages, rows)

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """What the head reads (N, C); keys and values of the rows are kept."""
        attention = self.cache.attention(rows)
        inputs = [(rows[n].token, rows[n].position) for n in attention.order]
        ids_N, positions_N = torch.tensor(inputs).unbind(-1)
        ordered_NC = self.model.trunk(ids_N, positions_N, attention.attend)
        return ordered_NC[torch.tensor(attention.order).argsort()]
