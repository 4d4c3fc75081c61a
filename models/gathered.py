"""The engine's cache on a GPU: pages are gathered, then attended to by plain products.

The same pages and the same promises as `models.cache`, in the model's own dtype, with scores in
float32. Simple on purpose, and not tuned: what rows attend to is copied in every layer, and no
graphs are captured. Its results are checked on a CPU; it has not been run on a GPU yet, so neither
its speed nor that its bits are the same in any company is known there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.cache import Destinations, Row
from models.config import CodeGenConfig
from models.scheduler import NOWHERE, PAGE


class GatheredCache:
    """Keys and values of `pages` pages on any device."""

    def __init__(
        self, config: CodeGenConfig, pages: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        shape = (2, config.n_layer, pages + 1, PAGE, config.n_head, config.head_dim)
        self.pages = torch.zeros(shape, dtype=dtype, device=device)

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages: (from, to)."""
        sources, targets = (torch.tensor(side) for side in zip(*pairs, strict=True))
        self.pages[:, :, targets] = self.pages[:, :, sources]

    def step(self, rows: Sequence[Row]) -> GatheredStep:
        """How these rows attend."""
        return GatheredStep(self, rows)


class GatheredStep:
    """The indices of one step, the same for all layers."""

    def __init__(self, cache: GatheredCache, rows: Sequence[Row]) -> None:
        self.cache, device = cache, cache.pages.device
        self.order = range(len(rows))
        width = max(len(row.pages) for row in rows)
        table = [[*row.pages, *[NOWHERE] * (width - len(row.pages))] for row in rows]
        self.table_NI = torch.tensor(table, device=device)
        self.kept = Destinations.of(rows, device)
        last_N = torch.tensor([row.position for row in rows], device=device)
        hidden_NS = torch.arange(width * PAGE, device=device) > last_N[:, None]
        self.hidden_NHS = hidden_NS[:, None]

    def attend(self, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
        keys, values = self.cache.pages[:, layer]
        kept = self.kept
        keys[kept.pages, kept.places] = k_NHD[kept.rows]
        values[kept.pages, kept.places] = v_NHD[kept.rows]
        k_NSHD = keys[self.table_NI].flatten(1, 2).float()
        scores_NHS = torch.einsum("nhd,nshd->nhs", q_NHD.float(), k_NSHD) * q_NHD.shape[-1] ** -0.5
        p_NHS = scores_NHS.masked_fill_(self.hidden_NHS, -torch.inf).softmax(-1)
        v_NSHD = values[self.table_NI].flatten(1, 2)
        return torch.einsum("nhs,nshd->nhd", p_NHS.to(v_NSHD.dtype), v_NSHD)
