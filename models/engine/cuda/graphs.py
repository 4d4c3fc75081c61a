"""The model on a GPU, or in stages on several: steps captured as CUDA graphs.

There is one graph for each number of rows and each stage. The inputs of a step are one array of
integers, which is copied to where the graph reads it, as is the output of the stage before. On a
CPU, for tests, steps are computed without graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from models.engine.cuda.attention import CUDAPagedKVCache
from models.engine.pages import PADDING_PAGE, PAGE
from models.engine.scheduler import Row
from models.transformer import Transformer, rotary_table

Compute = Callable[[], Tensor]


class CUDABackend:
    """`model`, and a cache of `pages` pages, in a stage for each of the model's devices."""

    def __init__(self, model: Transformer, pages: int) -> None:
        self.model = model
        self.stages = [Stage(model, layers, pages) for layers in model.stages]
        self.width = -(-model.config.n_positions // PAGE)  # of a row's table of pages

    def hidden_states(self, rows: Sequence[Row]) -> Tensor:
        inputs_NJ = inputs_of(rows, self.width)
        out_NC: Tensor | None = None
        for stage in self.stages:
            out_NC = stage.outputs(inputs_NJ, out_NC)
            stage.cache.mirror(rows)
        assert out_NC is not None
        return out_NC.clone()  # each replay writes to the same memory

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        for stage in self.stages:
            stage.cache.copy_pages(pairs)


def inputs_of(rows: Sequence[Row], width: int) -> Tensor:
    """Token, position and `width` pages of each row (N, 2 + width), padded with `PADDING_PAGE`."""
    inputs_NJ = np.full((len(rows), 2 + width), PADDING_PAGE, np.int64)
    for inputs_J, row in zip(inputs_NJ, rows, strict=True):
        inputs_J[:2] = row.token, row.position
        inputs_J[2 : 2 + len(row.pages)] = row.pages
    return torch.from_numpy(inputs_NJ)


class Stage:
    """Consecutive layers on one device, with their part of the cache.

    The first stage has the embedding too, the last the norm before the head. Steps of a number of
    rows are captured when they first occur.
    """

    def __init__(self, model: Transformer, layers: range, pages: int) -> None:
        weight = next(model.blocks[layers.start].parameters())
        self.model, self.layers, self.device = model, layers, weight.device
        part = replace(model.config, n_layer=len(layers))
        self.cache = CUDAPagedKVCache(part, pages, weight.dtype, weight.device)
        # graphs read memory by address: it must not be freed while they exist
        self.read_by_graphs = [p.detach() for p in model.parameters()]
        self.read_by_graphs.append(rotary_table(model.config, self.device))
        self.captured: dict[int, tuple[Tensor, Tensor, Compute]] = {}
        if self.device.type == "cuda":  # graphs run one at a time, so they share memory
            self.stream = torch.cuda.Stream(self.device)
            self.pool = torch.cuda.graph_pool_handle()

    def outputs(self, inputs_NJ: Tensor, before_NC: Tensor | None) -> Tensor:
        """The outputs of the rows (N, C), in memory that the next call overwrites. `inputs_NJ` are
        their tokens, positions and pages, `before_NC` the outputs of the stage before."""
        rows = len(inputs_NJ)
        here_NJ, here_NC, compute = self.captured.get(rows) or self._capture(*inputs_NJ.shape)
        here_NJ.copy_(inputs_NJ)
        if before_NC is not None:
            here_NC.copy_(before_NC)
        return compute()

    def _capture(self, rows: int, width: int) -> tuple[Tensor, Tensor, Compute]:
        """The arrays for the inputs of `rows` rows, and a function that computes them."""
        weight = next(self.model.blocks[self.layers.start].parameters())
        # padding: the run before the capture must not write to pages in use
        inputs_NJ = torch.zeros(rows, width, dtype=torch.int64, device=self.device)
        inputs_NJ[:, 2:] = PADDING_PAGE
        before_NC = weight.new_zeros(rows, self.model.config.n_embd)

        def attend(layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
            return self.cache.attend(inputs_NJ, layer - self.layers.start, q_NHD, k_NHD, v_NHD)

        def compute() -> Tensor:
            x_NC = before_NC if self.layers.start else self.model.embed(inputs_NJ[:, 0])
            out_NC = self.model.through(self.layers, x_NC, inputs_NJ[:, 1], attend)
            is_last = self.layers.stop == self.model.config.n_layer
            return self.model.norm(out_NC) if is_last else out_NC

        on_gpu = self.device.type == "cuda"
        entry = inputs_NJ, before_NC, self._graph(compute) if on_gpu else compute
        self.captured[rows] = entry
        return entry

    def _graph(self, compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Capture `compute` as a CUDA graph; returns a function that replays it."""
        with torch.cuda.device(self.device):
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):  # compiles and chooses kernels
                compute()
            torch.cuda.current_stream().wait_stream(self.stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
                out = compute()

        def replay() -> Tensor:
            graph.replay()
            return out

        return replay
