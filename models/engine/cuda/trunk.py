"""What is special about a GPU: paged attention in one kernel, and steps captured as CUDA graphs.

A program of the kernel computes one head of one row: it goes through the row's pages one after the
other, as flash attention does (Dao et al., 2022), and so a row's result depends on nothing but its
own pages. Pages that rows share come from the GPU's cache after the first row. Keys and values are
kept in the model's dtype; scores and sums are float32.

A step's inputs are one small array of numbers, copied to where the graph reads them. The kernel is
tested in Triton's interpreter on a CPU. It needs Triton, which comes with PyTorch for CUDA.

Letters: N rows, H heads, D dimensions of a head, P tokens of a page, I pages of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from models.config import CodeGenConfig
from models.engine.pages import NOWHERE, PAGE
from models.engine.scheduler import Row
from models.transformer import CodeGen, rotary_table


@triton.jit
def attention_kernel(
    q_NHD: tl.tensor,
    keys: tl.tensor,
    values: tl.tensor,
    out_NHD: tl.tensor,
    inputs_NJ: tl.tensor,
    J: int,
    H: int,
    scale: float,
    D: tl.constexpr,
    D_PADDED: tl.constexpr,
    P: tl.constexpr,
) -> None:
    """One head of one row; `inputs_NJ` holds each row's token, position and pages."""
    n, h = tl.program_id(0), tl.program_id(1)
    d, place = tl.arange(0, D_PADDED), tl.arange(0, P)
    of_row = (n * H + h) * D + d
    q_D = tl.load(q_NHD + of_row, mask=d < D, other=0.0).to(tl.float32) * scale
    position = tl.load(inputs_NJ + n * J + 1)
    highest, total = -float("inf"), 0.0
    out_D = tl.zeros([D_PADDED], tl.float32)
    for i in range(0, position // P + 1):
        page = tl.load(inputs_NJ + n * J + 2 + i)
        of_page = (((page * H + h) * P + place) * D)[:, None] + d[None, :]
        # what others left behind the position is not even multiplied by 0: it may be infinite
        seen = (i * P + place <= position)[:, None] & (d < D)[None, :]
        k_PD = tl.load(keys + of_page, mask=seen, other=0.0).to(tl.float32)
        v_PD = tl.load(values + of_page, mask=seen, other=0.0).to(tl.float32)
        scores_P = tl.sum(k_PD * q_D[None, :], 1)
        scores_P = tl.where(i * P + place <= position, scores_P, -float("inf"))
        new_highest = tl.maximum(highest, tl.max(scores_P, 0))
        weights_P, faded = tl.exp(scores_P - new_highest), tl.exp(highest - new_highest)
        total = total * faded + tl.sum(weights_P, 0)
        out_D = out_D * faded + tl.sum(weights_P[:, None] * v_PD, 0)
        highest = new_highest
    tl.store(out_NHD + of_row, (out_D / total).to(out_NHD.dtype.element_ty), mask=d < D)


class PagedCache:
    """Keys and values of `pages` pages (2, layers, pages, H, P, D), in the model's dtype."""

    def __init__(
        self, config: CodeGenConfig, pages: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (2, config.n_layer, pages + 1, config.n_head, PAGE, config.head_dim)
        self.pages = torch.zeros(shape, dtype=dtype, device=device)

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages: (from, to)."""
        sources, targets = torch.tensor(pairs, device=self.pages.device).unbind(-1)
        for pages in self.pages.flatten(0, 1):  # one layer's at a time: a copy needs room
            pages[targets] = pages[sources]

    def spread(self, rows: Sequence[Row]) -> None:
        """Keep what was computed for rows in the pages of their copies too."""
        moves = [(row.pages[-1], copy, row.position % PAGE) for row in rows for copy in row.copies]
        if moves:
            source_M, target_M, place_M = torch.tensor(moves, device=self.pages.device).unbind(-1)
            for pages in self.pages.flatten(0, 1):
                pages[target_M, :, place_M] = pages[source_M, :, place_M]

    def attend(
        self, inputs_NJ: Tensor, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor
    ) -> Tensor:
        """Keep the rows' keys and values, and attend to their pages (N, H, D)."""
        keys, values = self.pages[:, layer]
        position_N = inputs_NJ[:, 1]
        page_N = inputs_NJ.gather(1, 2 + position_N[:, None] // PAGE)[:, 0]
        keys[page_N, :, position_N % PAGE] = k_NHD
        values[page_N, :, position_N % PAGE] = v_NHD
        q_NHD = q_NHD.contiguous()
        out_NHD, (N, H, D) = torch.empty_like(q_NHD), q_NHD.shape
        attention_kernel[(N, H)](
            q_NHD,
            keys,
            values,
            out_NHD,
            inputs_NJ,
            inputs_NJ.stride(0),
            H,
            D**-0.5,
            D=D,
            D_PADDED=triton.next_power_of_2(D),
            P=PAGE,
            enable_fp_fusion=True,  # said, since the default depends on Triton's version
        )
        return out_NHD


class Trunk:
    """The model up to its head, and its cache of `pages` pages; a graph for each number of rows."""

    def __init__(self, model: CodeGen, pages: int) -> None:
        weight = next(model.parameters())
        self.model, self.device = model, weight.device
        self.cache = PagedCache(model.config, pages, weight.dtype, weight.device)
        # graphs read memory by its address: what they read must not be freed, or moved elsewhere
        self.read = [p.detach() for p in model.parameters()]
        self.read.append(rotary_table(model.config, self.device))
        self.width = -(-model.config.n_positions // PAGE)  # of the table of pages
        self.captured: dict[int, tuple[Tensor, Callable[[], Tensor]]] = {}
        if self.device.type == "cuda":  # graphs are replayed one at a time, and may share memory
            self.aside = torch.cuda.Stream(self.device)
            self.pool = torch.cuda.graph_pool_handle()

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """What the head reads (N, C); keys and values of the rows are kept."""
        inputs = [
            (row.token, row.position, *row.pages, *[NOWHERE] * (self.width - len(row.pages)))
            for row in rows
        ]
        inputs_NJ, compute = self.captured.get(len(rows)) or self._capture(len(rows))
        inputs_NJ.copy_(torch.tensor(inputs))
        hidden_NC = compute().clone()  # a graph writes to the same place each time
        self.cache.spread(rows)
        return hidden_NC

    def _capture(self, rows: int) -> tuple[Tensor, Callable[[], Tensor]]:
        """Where the numbers of `rows` rows are put, and what computes them then."""
        # all of them padding: what is tried out before the capture must not touch anybody's pages
        inputs_NJ = torch.zeros(rows, 2 + self.width, dtype=torch.int64, device=self.device)
        inputs_NJ[:, 2:] = NOWHERE

        def compute() -> Tensor:
            def attend(layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
                return self.cache.attend(inputs_NJ, layer, q_NHD, k_NHD, v_NHD)

            return self.model.trunk(inputs_NJ[:, 0], inputs_NJ[:, 1], attend)

        entry = inputs_NJ, compute if self.device.type == "cpu" else self._graph(compute)
        self.captured[rows] = entry
        return entry

    def _graph(self, compute: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Captures `compute` as a CUDA graph; what is returned replays it."""
        with torch.cuda.device(self.device):
            self.aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.aside):  # kernels are compiled and chosen before
                compute()
            torch.cuda.current_stream().wait_stream(self.aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool, stream=self.aside):
                out = compute()

        def replay() -> Tensor:
            graph.replay()
            return out

        return replay
