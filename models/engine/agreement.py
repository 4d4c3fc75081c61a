"""For which numbers of rows do a model's products have the same bits, row for row?

Kernels may add up in another order for another number of rows; then a completion would depend on
how many conversations happen to be under way. So the numbers of rows in use are those that are
found to agree, on the machine, before anything is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.engine.cpu.products import Linear
from models.transformer import CodeGen


@torch.no_grad()
def agreeing_sizes(model: CodeGen, anchor: int, sizes: Sequence[int]) -> list[int]:
    """Those numbers of rows with which the model's products have, row for row, the same bits
    as with `anchor` rows at a time. Measured, once for each shape of the first layer and the head.
    """
    agreeing = sorted({anchor, *sizes})
    generator = torch.Generator().manual_seed(1)
    for layer in [*model.blocks[0].modules(), model.head]:
        if isinstance(layer, (Linear, nn.Linear)):
            rows = max(agreeing) + anchor
            x_NC = torch.randn(rows, layer.in_features, generator=generator)
            x_NC = x_NC.to(layer.weight.device, layer.weight.dtype)
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
