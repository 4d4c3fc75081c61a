"""The model as the engine runs it on a CPU: linear layers packed for oneDNN, sums in float32.

What matters for reproducibility is that a row of a product does not depend on its place, on its
neighbours, or on how many there are. `agreeing_sizes` finds out for which numbers of rows that
holds; elementwise functions that are no exact arithmetic (gelu) are part of the product, since
torch computes an array's odd ends by other code than its body, and the ends are where threads meet.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.codegen import MLP, Block, CodeGen

ROWS = 64  # the number of rows that oneDNN is told to expect when it chooses a layout
FEW = 2  # up to so many rows, products are bound by memory, and MKL reads it faster
ONEDNN = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
MKL = bool(torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]


class Linear(nn.Module):
    """A linear layer for inference, perhaps with gelu behind it; float32 in and out.

    Its weights are in oneDNN's own layout, where torch was built with oneDNN.
    """

    def __init__(self, linear: nn.Module, gelu: bool = False) -> None:
        super().__init__()
        assert isinstance(linear, nn.Linear)
        self.inputs, self.gelu = linear.in_features, gelu
        self.bias = None if linear.bias is None else linear.bias.detach().float()
        self.weight = linear.weight.detach().float().contiguous()
        if ONEDNN:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight, ROWS)

    def forward(self, x_NC: Tensor) -> Tensor:
        if ONEDNN:
            kind, algorithm = ("gelu", "tanh") if self.gelu else ("none", "")
            return _linear_pointwise(x_NC, self.weight, self.bias, kind, [], algorithm)
        out_NC = F.linear(x_NC, self.weight, self.bias)
        return _gelu(out_NC) if self.gelu else out_NC


class FewRowsLinear(Linear):
    """The same in MKL's layout: somewhat faster for one or two rows, slower for many."""

    def __init__(self, linear: nn.Module, gelu: bool = False) -> None:
        nn.Module.__init__(self)
        assert isinstance(linear, nn.Linear)
        self.inputs, self.gelu = linear.in_features, gelu
        self.bias = None if linear.bias is None else linear.bias.detach().float()
        weight = linear.weight.detach().float().contiguous()
        self.shape = torch.empty(1).expand(weight.shape)  # only its shape is asked for
        self.weight = torch.ops.mkl._mkl_reorder_linear_weight(weight, ROWS)

    def forward(self, x_NC: Tensor) -> Tensor:
        out_NC = _mkl_linear(x_NC, self.weight, self.shape, self.bias, len(x_NC))
        return _gelu(out_NC) if self.gelu else out_NC


def _gelu(x_NC: Tensor) -> Tensor:
    """Row by row: each has its odd ends in the same place then."""
    if len(x_NC) == 1:
        return F.gelu(x_NC, approximate="tanh")
    return torch.stack([F.gelu(row_C, approximate="tanh") for row_C in x_NC])


_linear_pointwise: Callable[..., Tensor] = torch.ops.mkldnn._linear_pointwise
_mkl_linear: Callable[..., Tensor] = torch.ops.mkl._mkl_linear


class PackedMLP(nn.Module):
    def __init__(self, mlp: nn.Module, linear: type[Linear]) -> None:
        super().__init__()
        assert isinstance(mlp, MLP)
        self.up, self.down = linear(mlp.up, gelu=True), linear(mlp.down)

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
def packed(model: CodeGen, few: bool = False) -> CodeGen:
    """The same model for inference, its linear layers packed (for `few` rows at a time, if it is
    to be fast for one or two); `model` itself stays as it is."""
    linear = FewRowsLinear if few and MKL else Linear
    shared = [*model.parameters(), *([model.tokenizer] if model.tokenizer else [])]
    runner = copy.deepcopy(model, {id(thing): thing for thing in shared})
    runner.embed, runner.head = Embedding(runner.embed), linear(runner.head)
    runner.norm = copy.deepcopy(runner.norm).float()
    for block in runner.blocks:
        assert isinstance(block, Block)
        block.norm = copy.deepcopy(block.norm).float()
        block.attention.qvk = linear(block.attention.qvk)
        block.attention.out = linear(block.attention.out)
        block.mlp = PackedMLP(block.mlp, linear)
    return runner.eval()


@torch.no_grad()
def agreeing_sizes(model: CodeGen, anchor: int, sizes: Sequence[int]) -> list[int]:
    """Those numbers of rows with which a packed model's products have, row for row, the same bits
    as with `anchor` rows at a time. Measured, once for each shape of the first layer and the head.
    """
    agreeing = sorted({anchor, *sizes})
    generator = torch.Generator().manual_seed(1)
    for layer in [*model.blocks[0].modules(), model.head]:
        if isinstance(layer, Linear):
            rows = max(agreeing) + anchor
            x_NC = torch.randn(rows, layer.inputs, generator=generator)
            expected = {n: layer(x_NC[n : n + anchor]) for n in _places(max(agreeing), anchor)}
            agreeing = [n for n in agreeing if n == anchor or _agrees(layer(x_NC[:n]), expected)]
    return agreeing


def _agrees(out_NC: Tensor, expected: dict[int, Tensor]) -> bool:
    return all(
        torch.equal(out_NC[n : n + len(rows)], rows[: len(out_NC) - n])
        for n, rows in expected.items()
        if n < len(out_NC)
    )


def _places(rows: int, anchor: int) -> list[int]:
    """Where rows are compared: all places for a large anchor, the more telling ones otherwise.

    Kernels treat the last rows of a product apart, and a product may end at any multiple of 8.
    """
    places = range(0, rows, anchor)
    if len(places) <= 16:
        return list(places)
    near = {n - n % anchor for end in range(16, rows + 1, 16) for n in (end - 1,)}
    return sorted(near | {0, anchor})
