"""Attention over the paged KV cache on a GPU, in one Triton kernel.

A program of the kernel computes one head of one row. It reads the row's pages one after the other,
as flash attention does (Dao et al., 2022), so a row's result depends only on its own pages. Pages
that rows share are in the GPU's cache after the first row. Keys and values are in the model's
dtype; scores and sums are in float32. Tests run the kernel on a CPU, in Triton's interpreter.

Letters: N rows, H heads, D dimensions of a head, P tokens of a page, J numbers of a row's inputs
(token, position, pages), M writes of a row to another page.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from models.config import CodeGenConfig
from models.engine.pages import PAGE
from models.engine.scheduler import Row


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
    """One head of one row. `inputs_NJ` has the token, position and pages of each row."""
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
        # a page may hold anything after the position, infinities too: it is masked, not weighted 0
        seen = (i * P + place <= position)[:, None] & (d < D)[None, :]
        k_PD = tl.load(keys + of_page, mask=seen, other=0.0).to(tl.float32)
        v_PD = tl.load(values + of_page, mask=seen, other=0.0).to(tl.float32)
        scores_P = tl.sum(k_PD * q_D[None, :], 1)
        scores_P = tl.where(i * P + place <= position, scores_P, -float("inf"))
        new_highest = tl.maximum(highest, tl.max(scores_P, 0))
        weights_P, decay = tl.exp(scores_P - new_highest), tl.exp(highest - new_highest)
        total = total * decay + tl.sum(weights_P, 0)
        out_D = out_D * decay + tl.sum(weights_P[:, None] * v_PD, 0)
        highest = new_highest
    tl.store(out_NHD + of_row, (out_D / total).to(out_NHD.dtype.element_ty), mask=d < D)


class CUDAPagedKVCache:
    """Keys and values of `pages` pages (2, layers, pages, H, P, D), in the model's dtype."""

    def __init__(
        self, config: CodeGenConfig, pages: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (2, config.n_layer, pages + 1, config.n_head, PAGE, config.head_dim)
        self.pages = torch.zeros(shape, dtype=dtype, device=device)

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages (from, to), all at once."""
        sources, targets = torch.tensor(pairs, device=self.pages.device).unbind(-1)
        for pages in self.pages.flatten(0, 1):  # one layer at a time: a copy takes memory
            pages[targets] = pages[sources]

    def mirror(self, rows: Sequence[Row]) -> None:
        """Copy the keys and values of rows to their mirror pages."""
        moves = [
            (row.pages[-1], page, row.position % PAGE) for row in rows for page in row.mirror_pages
        ]
        if moves:
            source_M, target_M, place_M = torch.tensor(moves, device=self.pages.device).unbind(-1)
            self.pages[:, :, target_M, :, place_M] = self.pages[:, :, source_M, :, place_M]

    def attend(
        self, inputs_NJ: Tensor, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor
    ) -> Tensor:
        """Write the rows' keys and values, then attend to their pages (N, H, D)."""
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
            enable_fp_fusion=True,  # explicit: the default depends on Triton's version
        )
        return out_NHD
