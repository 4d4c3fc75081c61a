"""Which kernels a CPU computes a model's products with, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import nn

from models.config import CodeGenConfig
from models.engine.agreement import agreeing_sizes
from models.engine.cpu import products
from models.engine.runner import SIZES
from models.transformer import CodeGen


@dataclass(frozen=True, slots=True)
class Kernels:
    instructions: str  # the widest that torch found, in its words: AVX512, AVX2, DEFAULT, SVE256
    onednn: bool  # False: products are left to torch's other library, weights are not packed
    dtype: str  # of the products
    rows: int  # of a step with all slots busy
    sizes: tuple[int, ...]  # numbers of rows that give a row the same bits as `rows` do
    tried: int  # how many were tried
    step_s: float  # seconds that all products of such a step take, the best of five


def measured(config: CodeGenConfig, dtype: str, rows: int, threads: int) -> Kernels:
    """For a model of this geometry, its weights in `dtype`; one layer is computed, of random
    weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _measured(config, dtype, rows)
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def _measured(config: CodeGenConfig, dtype: str, rows: int) -> Kernels:
    one_layer = CodeGen(replace(config, n_layer=1)).initialize(seed=0)
    model = products.packed(one_layer.to(getattr(torch, dtype)))
    linear = [layer for layer in model.blocks.modules() if isinstance(layer, products.Linear)]
    head = model.head
    assert isinstance(head, products.Linear)
    return Kernels(
        instructions=torch.backends.cpu.get_cpu_capability(),
        onednn=head.onednn,
        dtype=str(head.weight.dtype).removeprefix("torch."),
        rows=rows,
        sizes=tuple(agreeing_sizes(model, rows, SIZES)),
        tried=len({rows, *SIZES}),
        step_s=config.n_layer * sum(_seconds(linear, rows)) + sum(_seconds([head], rows)),
    )


def _seconds(layers: list[products.Linear], rows: int) -> Iterator[float]:
    for layer in layers:
        x_NC = torch.randn(rows, layer.in_features)
        yield min(_timed(layer, x_NC) for _ in range(5))


def _timed(layer: nn.Module, x_NC: torch.Tensor) -> float:
    start = perf_counter()
    layer(x_NC)
    return perf_counter() - start
