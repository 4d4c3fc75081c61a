"""Which kernels compute a model's products on this CPU, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import nn

from models.config import CodeGenConfig
from models.engine.agreement import SIZES, agreeing_sizes
from models.engine.cpu.products import PackedLinear, packed
from models.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Kernels:
    """The result of `measure_kernels`."""

    instructions: str  # the widest set that torch uses, by its name: AVX512, AVX2, DEFAULT, SVE256
    onednn: bool  # whether oneDNN computes the products, with packed weights
    dtype: str  # of the products
    rows: int  # of a step in which all slots are in use
    sizes: tuple[int, ...]  # numbers of rows that give a row the same bits as `rows` do
    tried: int  # how many numbers of rows were tried
    step_s: float  # seconds that all products of such a step take, the best of five


def measure_kernels(config: CodeGenConfig, dtype: str, rows: int, threads: int) -> Kernels:
    """Measure one layer and the head, with random weights in `dtype`, for steps of `rows` rows."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _measured(config, dtype, rows)
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def _measured(config: CodeGenConfig, dtype: str, rows: int) -> Kernels:
    one_layer = Transformer(replace(config, n_layer=1)).initialize(seed=0)
    model = packed(one_layer.to(getattr(torch, dtype)))
    layers = [layer for layer in model.blocks.modules() if isinstance(layer, PackedLinear)]
    head = model.head
    assert isinstance(head, PackedLinear)
    return Kernels(
        instructions=torch.backends.cpu.get_cpu_capability(),
        onednn=head.onednn,
        dtype=str(head.weight.dtype).removeprefix("torch."),
        rows=rows,
        sizes=tuple(agreeing_sizes(model, rows, SIZES)),
        tried=len({rows, *SIZES}),
        step_s=config.n_layer * sum(_seconds(layers, rows)) + sum(_seconds([head], rows)),
    )


def _seconds(layers: list[PackedLinear], rows: int) -> Iterator[float]:
    for layer in layers:
        x_NC = torch.randn(rows, layer.in_features)
        yield min(_timed(layer, x_NC) for _ in range(5))


def _timed(layer: nn.Module, x_NC: torch.Tensor) -> float:
    start = perf_counter()
    layer(x_NC)
    return perf_counter() - start
