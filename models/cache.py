"""Keys and values in pages, and attention over them, for the engine.

Every row of a step (a token of some conversation) attends by itself to the pages of its
conversation, which may be those of others too: nothing is copied, and a row's result does not
depend on which other rows there are, nor on where its pages lie.

On a CPU attention is two weighted sums of table rows, which torch's `embedding_bag` computes at the
speed of memory, without gathering the pages first: scores are sums over a head's dimensions of
rows of keys that hold one dimension of a page's tokens each (keys are stored transposed), and
outputs are sums over tokens of rows of values. Rows are taken in groups of similar length, padded
with a page that nobody reads.

Letters: N rows, H heads, D dimensions of a head, P tokens of a page, I pages of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.config import CodeGenConfig
from models.scheduler import NOWHERE, PAGE


@dataclass(frozen=True, slots=True)
class Row:
    """A token to compute: its id, its position, and the pages up to its own.

    Conversations that said the same so far need the same row: `copies` are the pages of the others
    that keep its key and value too.
    """

    token: int
    position: int
    pages: Sequence[int]
    copies: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where keys and values of rows are kept: those of row `rows[m]` at `places[m]` of `pages[m]`.

    `rows` is a slice of all where each row has one page.
    """

    rows: Tensor | slice
    pages: Tensor
    places: Tensor

    @staticmethod
    def of(rows: Sequence[Row], device: torch.device) -> Destinations:
        pages = [page for row in rows for page in (row.pages[-1], *row.copies)]
        places = [row.position % PAGE for row in rows for _ in (row, *row.copies)]
        numbers = [n for n, row in enumerate(rows) for _ in (row, *row.copies)]
        page_M, place_M, row_M = torch.tensor([pages, places, numbers], device=device)
        return Destinations(row_M if len(numbers) > len(rows) else slice(None), page_M, place_M)


class PagedCache:
    """Keys and values of `pages` pages, in float32, on the CPU."""

    def __init__(self, config: CodeGenConfig, pages: int) -> None:
        self.heads, self.dim = config.n_head, config.head_dim
        rows = (pages + 1) * self.heads
        # memory is only taken when a page is first written to
        self.keys = [torch.zeros(rows * self.dim, PAGE) for _ in range(config.n_layer)]
        self.values = [torch.zeros(rows * PAGE, self.dim) for _ in range(config.n_layer)]

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages: (from, to)."""
        sources, targets = (torch.tensor(side) for side in zip(*pairs, strict=True))
        for table in (*self.keys, *self.values):
            pages = table.view(-1, self.heads * self.dim * PAGE)
            pages[targets] = pages[sources]

    def step(self, rows: Sequence[Row]) -> Step:
        """How these rows attend; they must be ordered by how many pages they have."""
        return Step(self, rows)


class Step:
    """The indices of one step, the same for all layers; `attend` is what the model calls."""

    def __init__(self, cache: PagedCache, rows: Sequence[Row]) -> None:
        self.cache = cache
        self.kept = Destinations.of(rows, torch.device("cpu"))
        self.groups: list[Group] = []
        start = 0
        while start < len(rows):
            width = _rounded(len(rows[start].pages))
            end = start
            while end < len(rows) and _rounded(len(rows[end].pages)) == width:
                end += 1
            self.groups.append(Group(cache, rows[start:end], slice(start, end), width))
            start = end

    def attend(self, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
        cache = self.cache
        keys = cache.keys[layer].view(-1, cache.heads, cache.dim, PAGE)
        values = cache.values[layer].view(-1, cache.heads, PAGE, cache.dim)
        kept = self.kept
        keys[kept.pages, :, :, kept.places] = k_NHD[kept.rows]
        values[kept.pages, :, kept.places] = v_NHD[kept.rows]
        q_NHD = q_NHD * cache.dim**-0.5
        outs = [group.attend(layer, q_NHD[group.rows]) for group in self.groups]
        return torch.cat(outs) if len(outs) > 1 else outs[0]


class Group:
    """Rows with about the same number of pages."""

    def __init__(self, cache: PagedCache, rows: Sequence[Row], place: slice, width: int) -> None:
        self.cache, self.rows, self.width = cache, place, width
        H, D, N = cache.heads, cache.dim, len(rows)
        table = [[*row.pages, *[NOWHERE] * (width - len(row.pages))] for row in rows]
        blocks_NHI = torch.tensor(table, dtype=torch.int32)[:, None] * H
        blocks_NHI = blocks_NHI + torch.arange(H, dtype=torch.int32)[:, None]
        self.key_rows = _rows_of(blocks_NHI, D)
        self.value_rows = _rows_of(blocks_NHI, PAGE)
        self.key_bags = torch.arange(0, N * H * width * D, D, dtype=torch.int32)
        self.value_bags = torch.arange(0, N * H * width * PAGE, width * PAGE, dtype=torch.int32)
        last_N = torch.tensor([row.position for row in rows])
        hidden_NS = torch.arange(width * PAGE) > last_N[:, None]
        self.mask_NHS = torch.zeros(N, 1, width * PAGE).masked_fill_(hidden_NS[:, None], -torch.inf)

    def attend(self, layer: int, q_NHD: Tensor) -> Tensor:
        N, H, D = q_NHD.shape
        q_NHID = q_NHD[:, :, None].expand(N, H, self.width, D).reshape(-1)
        scores = _weighted_sums(self.cache.keys[layer], self.key_rows, self.key_bags, q_NHID)
        scores_NHS = scores.view(N, H, self.width * PAGE).add_(self.mask_NHS)
        p_NHS = torch.softmax(scores_NHS, -1).view(-1)
        out = _weighted_sums(self.cache.values[layer], self.value_rows, self.value_bags, p_NHS)
        return out.view(N, H, D)


def _rounded(pages: int) -> int:
    """Up by an eighth at most, so that there are few groups."""
    unit = 1 << max(pages.bit_length() - 4, 0)
    return -(-pages // unit) * unit


def _rows_of(blocks_NHI: Tensor, size: int) -> Tensor:
    """The rows of a table that blocks of `size` rows are."""
    rows = blocks_NHI[..., None] * size + torch.arange(size, dtype=torch.int32)
    return rows.flatten()


def _weighted_sums(table: Tensor, rows: Tensor, bags: Tensor, weights: Tensor) -> Tensor:
    """Sums of a table's rows, one for each bag (where it starts in `rows`), in the rows' order."""
    out: Tensor = torch.embedding_bag(table, rows, bags, False, 0, False, weights)[0]
    return out
