"""The numbers of rows for which a product has the same bits, row by row.

Kernels may add up in another order for another number of rows. A completion would then depend on
how many sequences run beside it. So the engine uses only numbers of rows whose products were found
to agree, on this machine, before anything is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.engine.cpu.products import PackedLinear
from models.transformer import Transformer

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256)  # tried


@torch.no_grad()
def agreeing_sizes(model: Transformer, anchor: int, sizes: Sequence[int]) -> list[int]:
    """Those of `sizes`, and `anchor`, for which each row of a product has the same bits as in
    products of `anchor` rows; sorted. Measured for each product of the first block and the head.
    """
    agreeing = sorted({anchor, *sizes})
    generator = torch.Generator().manual_seed(1)
    for layer in [*model.blocks[0].modules(), model.head]:
        if isinstance(layer, (PackedLinear, nn.Linear)):
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
    """First rows of the products of `anchor` rows that are compared: all, or with a small anchor
    only those that contain the last row before a multiple of 16, which kernels may treat apart."""
    places = range(0, rows, anchor)
    if len(places) <= 16:
        return list(places)
    near = {n - n % anchor for end in range(16, rows + 1, 16) for n in (end - 1,)}
    return sorted(near | {0, anchor})
