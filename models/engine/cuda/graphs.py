"""The model on a GPU: steps captured as CUDA graphs.

There is one graph for each number of rows. The inputs of a step are one array of integers, which is
copied to where the graph reads it. On a CPU, for tests, steps are computed without graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.engine.cuda.attention import CUDAPagedKVCache
from models.engine.pages import PADDING_PAGE, PAGE
from models.engine.scheduler import Row
from models.transformer import Transformer, rotary_table


class CUDABackend:
    """`model`, and a cache of `pages` pages. Steps of a number of rows are captured when they first
    occur."""

    def __init__(self, model: Transformer, pages: int) -> None:
        weight = next(model.parameters())
        self.model, self.device = model, weight.device
        self.cache = CUDAPagedKVCache(model.config, pages, weight.dtype, weight.device)
        # graphs read memory by address: it must not be freed while they exist
        self.read_by_graphs = [p.detach() for p in model.parameters()]
        self.read_by_graphs.append(rotary_table(model.config, self.device))
        self.width = -(-model.config.n_positions // PAGE)  # of a row's table of pages
        self.captured: dict[int, tuple[Tensor, Callable[[], Tensor]]] = {}
        if self.device.type == "cuda":  # graphs run one at a time, so they share memory
            self.stream = torch.cuda.Stream(self.device)
            self.pool = torch.cuda.graph_pool_handle()

    def hidden_states(self, rows: Sequence[Row]) -> Tensor:
        inputs = [
            (row.token, row.position, *row.pages, *[PADDING_PAGE] * (self.width - len(row.pages)))
            for row in rows
        ]
        inputs_NJ, compute = self.captured.get(len(rows)) or self._capture(len(rows))
        inputs_NJ.copy_(torch.tensor(inputs))
        hidden_NC = compute().clone()  # each replay writes to the same memory
        self.cache.mirror(rows)
        return hidden_NC

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        self.cache.copy_pages(pairs)

    def _capture(self, rows: int) -> tuple[Tensor, Callable[[], Tensor]]:
        """The array for the inputs of `rows` rows, and a function that computes them."""
        # padding: the run before the capture must not write to pages in use
        inputs_NJ = torch.zeros(rows, 2 + self.width, dtype=torch.int64, device=self.device)
        inputs_NJ[:, 2:] = PADDING_PAGE

        def compute() -> Tensor:
            def attend(layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
                return self.cache.attend(inputs_NJ, layer, q_NHD, k_NHD, v_NHD)

            return self.model.hidden_states(inputs_NJ[:, 0], inputs_NJ[:, 1], attend)

        entry = inputs_NJ, compute if self.device.type == "cpu" else self._graph(compute)
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
