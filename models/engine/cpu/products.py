"""The model's products on a CPU: linear layers packed for oneDNN, sums in float32.

Products of bfloat16 weights are computed in bfloat16 where the processor has AMX (`models.dtype`).

A row's result must not depend on where it stands, on the other rows, or on their number.
`models.engine.agreement` finds the numbers of rows for which products have this property. Gelu is
part of the product: torch computes the remainder of an array, and of each thread's chunk, with
other code than the rest, so results would depend on the number of threads.
"""

from __future__ import annotations

import copy
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.dtype import product_dtype
from models.transformer import MLP, Block, Transformer, without_weights

ROWS = 64  # the number of rows for which oneDNN chooses the layout of packed weights


class PackedLinear(nn.Module):
    """A linear layer for inference, optionally followed by gelu; float32 in and out.

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
    """Whether oneDNN computes products of packed weights of `dtype` here. Found out by trying.

    Builds of torch for macOS lack the operations; many processors lack bfloat16 instructions.
    """
    ones = torch.ones(16, 16, dtype=dtype)
    try:
        _onednn_linear(ones, torch.ops.mkldnn._reorder_linear_weight(ones, ROWS), None, gelu=True)
    except (AttributeError, RuntimeError):
        return False
    return True


def dtype_of_products(weights: torch.dtype) -> torch.dtype:
    """The dtype of packed weights: `models.dtype.product_dtype` if oneDNN computes it, else
    float32."""
    dtype: torch.dtype = getattr(torch, product_dtype(str(weights).removeprefix("torch.")))
    return dtype if onednn_computes(dtype) else torch.float32


def _onednn_linear(x_NC: Tensor, weight: Tensor, bias: Tensor | None, gelu: bool) -> Tensor:
    kind, algorithm = ("gelu", "tanh") if gelu else ("none", "")
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x_NC, weight, bias, kind, [], algorithm)
    return out


def _gelu(x_NC: Tensor) -> Tensor:
    """Gelu of one row at a time, so that each has its remainder in the same place."""
    if len(x_NC) == 1:
        return F.gelu(x_NC, approximate="tanh")
    return torch.stack([F.gelu(row_C, approximate="tanh") for row_C in x_NC])


class PackedMLP(nn.Module):
    """`MLP` with packed weights; gelu is part of the first product."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        assert isinstance(mlp, MLP)
        self.up, self.down = PackedLinear(mlp.up, gelu=True), PackedLinear(mlp.down)

    def forward(self, x_NC: Tensor) -> Tensor:
        out: Tensor = self.down(self.up(x_NC))
        return out


class Float32Embedding(nn.Module):
    """Rows of an embedding of any dtype, in float32."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.table = embedding

    def forward(self, ids_N: Tensor) -> Tensor:
        out: Tensor = self.table(ids_N)
        return out.float()


@torch.no_grad()
def packed(model: Transformer) -> Transformer:
    """The same model for inference with packed weights; it shares the embedding with `model`."""
    with without_weights():
        result = Transformer(model.config)
    result.embed = Float32Embedding(model.embed)
    result.norm = copy.deepcopy(model.norm).float()
    result.head = PackedLinear(model.head)
    for block, source in zip(result.blocks, model.blocks, strict=True):
        assert isinstance(block, Block)
        assert isinstance(source, Block)
        block.norm = copy.deepcopy(source.norm).float()
        block.attention.qvk = PackedLinear(source.attention.qvk)
        block.attention.out = PackedLinear(source.attention.out)
        block.mlp = PackedMLP(source.mlp)
    return result.eval()
