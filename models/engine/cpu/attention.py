"""The paged KV cache on a CPU, and attention over it.

Each row of a step attends to the pages of its sequence, which other sequences may share. Pages are
read where they are, without a copy. A row's result does not depend on the other rows, nor on which
pages it has.

Attention is two weighted sums of table rows, which torch's `embedding_bag` computes at the speed of
memory. Scores are sums over the dimensions of a head: keys are stored transposed, so that a table
row is one dimension of the keys of a page's tokens. Outputs are sums over tokens: a table row is
the value of one token. Rows with similar numbers of pages are computed together, padded with
`PADDING_PAGE`.

Pages that many rows begin with are attended to once for all of these rows, by products of matrices
(Juravsky et al., Hydragen, 2024). Both ways add up the same numbers in the same order, so that they
give the same bits; `products_agree` verifies it for each shape before it is used. Long products are
added up in parts, so outputs are sums over segments of `SEGMENT` pages, and the segments' sums are
added in order, in both ways.

Letters: N rows, H heads, D dimensions of a head, P tokens of a page, I pages of a row, S tokens,
K terms of a sum, M writes of a row to a page.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

import numpy as np
import torch
from torch import Tensor

from models.config import CodeGenConfig
from models.engine.pages import PADDING_PAGE, PAGE
from models.engine.scheduler import Row

SEGMENT = 12  # pages whose outputs are summed before those of other segments are added
SHARING_ROWS, SHARED_PAGES = 16, 4  # a product is not faster with fewer rows, or fewer pages
FREE_PADDING = 1 << 18  # numbers of keys that are read in the time that a group of rows takes more


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where the keys and values of rows are written: those of row `rows[m]` to place `places[m]`
    of page `pages[m]`. `rows` is a slice of all rows where each is written once."""

    rows: Tensor | slice
    pages: Tensor
    places: Tensor

    @staticmethod
    def of(rows: Sequence[Row]) -> Destinations:
        pages = [page for row in rows for page in (row.pages[-1], *row.mirror_pages)]
        places = [row.position % PAGE for row in rows for _ in (row, *row.mirror_pages)]
        numbers = [n for n, row in enumerate(rows) for _ in (row, *row.mirror_pages)]
        page_M, place_M, row_M = torch.tensor([pages, places, numbers])
        return Destinations(row_M if len(numbers) > len(rows) else slice(None), page_M, place_M)


class CPUPagedKVCache:
    """Keys and values of `pages` pages in float32, for steps of at most `rows` rows."""

    def __init__(self, config: CodeGenConfig, pages: int, rows: int) -> None:
        self.heads, self.dim = config.n_head, config.head_dim
        self.pages = pages + 1
        # the system provides memory when a page is first written to. After the pages of values
        # there is a table row for each row and head: see `PrefixGroup.first_segments`
        blocks = self.pages * self.heads
        self.keys = [torch.zeros(blocks * self.dim, PAGE) for _ in range(config.n_layer)]
        self.values = [
            torch.zeros(blocks * PAGE + rows * self.heads, self.dim) for _ in range(config.n_layer)
        ]

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages (from, to), all at once."""
        sources, targets = (torch.tensor(side) for side in zip(*pairs, strict=True))
        for layer in range(len(self.keys)):
            for pages in (self.key_pages(layer), self.value_pages(layer)):
                pages[targets] = pages[sources]

    def key_pages(self, layer: int) -> Tensor:
        """(pages, H, D, P)"""
        return self.keys[layer].view(self.pages, self.heads, self.dim, PAGE)

    def value_pages(self, layer: int) -> Tensor:
        """(pages, H, P, D)"""
        return self._values(layer)[0].view(self.pages, self.heads, PAGE, self.dim)

    def partial_sums(self, layer: int) -> Tensor:
        """(rows, H, D): the table rows after the pages of values."""
        return self._values(layer)[1].view(-1, self.heads, self.dim)

    def partial_sums_index(self, row: int) -> int:
        """The index of the first table row of `partial_sums` that belongs to a row."""
        return (self.pages * PAGE + row) * self.heads

    def _values(self, layer: int) -> tuple[Tensor, Tensor]:
        values, end = self.values[layer], self.pages * self.heads * PAGE
        return values[:end], values[end:]


class AttentionPlan:
    """The indices of one step's attention, the same for all layers.

    `order` is a permutation of the rows that puts those together which are computed together. The
    queries, keys and values of `attend`, and its result, are in that order.
    """

    def __init__(self, cache: CPUPagedKVCache, rows: Sequence[Row]) -> None:
        self.cache = cache
        shared = _shared_pages(rows, cache)
        kinds = [
            (pages, len(row.pages) - len(pages)) for row, pages in zip(rows, shared, strict=True)
        ]
        free = FREE_PADDING // (cache.heads * cache.dim * PAGE)
        self.order = sorted(range(len(rows)), key=kinds.__getitem__)
        ordered = [rows[n] for n in self.order]
        self.destinations = Destinations.of(ordered)
        self.groups: list[PrefixGroup] = []
        start = 0
        for pages, numbers in groupby(self.order, lambda n: kinds[n][0]):
            widths = padded([kinds[n][1] for n in numbers], free)
            place = slice(start, start + len(widths))
            self.groups.append(PrefixGroup(cache, ordered[place], place, pages, widths))
            start = place.stop

    def attend(self, layer: int, q_NHD: Tensor, k_NHD: Tensor, v_NHD: Tensor) -> Tensor:
        """An `Attend` of `models.transformer`."""
        to = self.destinations
        self.cache.key_pages(layer)[to.pages, :, :, to.places] = k_NHD[to.rows]
        self.cache.value_pages(layer)[to.pages, :, to.places] = v_NHD[to.rows]
        q_NHD = q_NHD * self.cache.dim**-0.5
        outs = [out for group in self.groups for out in group.attend(layer, q_NHD)]
        return torch.cat(outs) if len(outs) > 1 else outs[0]


class PrefixGroup:
    """Rows whose sequences begin with the same pages, `shared` (which may be none).

    `place` are the rows' indices in the plan's order. `widths` are, for each row, its number of
    other pages with padding; equal ones are next to each other.
    """

    def __init__(
        self,
        cache: CPUPagedKVCache,
        rows: Sequence[Row],
        place: slice,
        shared: tuple[int, ...],
        widths: list[int],
    ) -> None:
        self.cache, self.rows = cache, place
        self.segments = [
            shared[start : start + SEGMENT] for start in range(0, len(shared), SEGMENT)
        ]
        self.groups: list[WidthGroup] = []
        start = 0
        for width, same in groupby(widths):
            part = slice(start, start + len(list(same)))
            first = place.start + start
            self.groups.append(WidthGroup(cache, rows[part], part, first, len(shared), width))
            start = part.stop

    def attend(self, layer: int, q_NHD: Tensor) -> list[Tensor]:
        """The outputs of the groups; `q_NHD` are the queries of the whole step."""
        q_NHD, keys = q_NHD[self.rows], self.cache.key_pages(layer)
        shared = [keys[page] for segment in self.segments for page in segment]
        scores_NHS = _product(q_NHD, torch.cat(shared, -1)) if shared else None
        weights = [group.weights(layer, q_NHD, scores_NHS) for group in self.groups]
        sums_NHD = self.first_segments(layer, weights) if shared else None
        return [
            group.outputs(layer, p_NHS, sums_NHD)
            for group, p_NHS in zip(self.groups, weights, strict=True)
        ]

    def first_segments(self, layer: int, weights: list[Tensor]) -> Tensor | None:
        """The outputs over all complete segments of shared pages; None if there is none.

        The sums over an incomplete last segment go to `partial_sums` of the cache: each row
        completes the segment with its own pages.
        """
        values, total_NHD, start = self.cache.value_pages(layer), None, 0
        for segment in self.segments:
            span = slice(start, start + len(segment) * PAGE)
            p_NHS = torch.cat([p_NHS[..., span] for p_NHS in weights])
            sums_NHD = _product(p_NHS, torch.cat([values[page] for page in segment], -2))
            if len(segment) < SEGMENT:
                self.cache.partial_sums(layer)[self.rows] = sums_NHD
            else:
                total_NHD = sums_NHD if total_NHD is None else total_NHD + sums_NHD
            start = span.stop
        return total_NHD


class WidthGroup:
    """Rows of a prefix group with at most `width` pages after the `shared` ones.

    `place` are the rows' indices in the prefix group, `first` is the first one's in the step.
    """

    def __init__(
        self,
        cache: CPUPagedKVCache,
        rows: Sequence[Row],
        place: slice,
        first: int,
        shared: int,
        width: int,
    ) -> None:
        self.cache, self.rows, self.width = cache, place, width
        self.shared, self.begun = shared * PAGE, bool(shared % SEGMENT)
        H, D, N = cache.heads, cache.dim, len(rows)
        pages_NI = np.full((N, width), PADDING_PAGE, np.int32)
        for pages_I, row in zip(pages_NI, rows, strict=True):
            pages_I[: len(row.pages) - shared] = row.pages[shared:]
        blocks_NHI = torch.from_numpy(pages_NI)[:, None] * H
        blocks_NHI = blocks_NHI + torch.arange(H, dtype=torch.int32)[:, None]
        self.key_rows = _rows_of(blocks_NHI, D).flatten()
        self.key_bags = torch.arange(0, N * H * width * D, D, dtype=torch.int32)
        value_rows_NHS = _rows_of(blocks_NHI, PAGE)
        ends = range(SEGMENT - shared % SEGMENT, width, SEGMENT)  # pages after which segments end
        starts = [0, *(end * PAGE + self.begun for end in ends)]
        if self.begun:
            sums_NH = torch.arange(N * H, dtype=torch.int32).view(N, H, 1)
            sums_NH = sums_NH + cache.partial_sums_index(first)
            value_rows_NHS = torch.cat((sums_NH, value_rows_NHS), -1)
        self.value_rows, S = value_rows_NHS.flatten(), value_rows_NHS.shape[-1]
        bags = torch.arange(0, N * H * S, S, dtype=torch.int32)[:, None]
        self.value_bags = (bags + torch.tensor(starts, dtype=torch.int32)).flatten()
        last_N = torch.tensor([row.position for row in rows]) - self.shared
        hidden_NS = torch.arange(width * PAGE) > last_N[:, None]
        self.mask_NHS = torch.zeros(N, 1, width * PAGE).masked_fill_(hidden_NS[:, None], -torch.inf)

    def weights(self, layer: int, q_NHD: Tensor, shared_NHS: Tensor | None) -> Tensor:
        """The attention weights of all tokens (N, H, S): the softmax of the scores. Those of shared
        pages are given."""
        q_NHD = q_NHD[self.rows]
        N, H, D = q_NHD.shape
        q_NHID = q_NHD[:, :, None].expand(N, H, self.width, D).reshape(-1)
        scores = _weighted_sums(self.cache.keys[layer], self.key_rows, self.key_bags, q_NHID)
        scores_NHS = scores.view(N, H, self.width * PAGE).add_(self.mask_NHS)
        if shared_NHS is not None:
            scores_NHS = torch.cat((shared_NHS[self.rows], scores_NHS), -1)
        return torch.softmax(scores_NHS, -1)

    def outputs(self, layer: int, p_NHS: Tensor, sums_NHD: Tensor | None) -> Tensor:
        """The attention outputs (N, H, D): the sums over segments, added in order. `sums_NHD` are
        those of `PrefixGroup.first_segments`."""
        N, H, _ = p_NHS.shape
        p_NHS = p_NHS[..., self.shared :]
        if self.begun:  # the first term of the first segment is a partial sum, with weight 1
            p_NHS = torch.cat((p_NHS.new_ones(N, H, 1), p_NHS), -1)
        values = self.cache.values[layer]
        segments = _weighted_sums(values, self.value_rows, self.value_bags, p_NHS.flatten())
        parts = segments.view(N, H, -1, self.cache.dim).unbind(2)
        if sums_NHD is not None:
            parts = (sums_NHD[self.rows], *parts)
        return functools.reduce(torch.add, parts)


def _shared_pages(rows: Sequence[Row], cache: CPUPagedKVCache) -> list[tuple[int, ...]]:
    """For each row the pages, from its first on, that are attended to once for several rows."""
    users = Counter(page for row in rows for page in row.pages[:-1])
    shared = [
        tuple(takewhile(lambda page: users[page] >= SHARING_ROWS, row.pages[:-1])) for row in rows
    ]
    count = Counter(shared)
    worthwhile = {
        pages
        for pages, N in count.items()
        if N >= SHARING_ROWS
        and len(pages) >= SHARED_PAGES
        and products_agree(N, cache.heads, cache.dim, len(pages))
    }
    return [pages if pages in worthwhile else () for pages in shared]


def products_agree(rows: int, heads: int, dim: int, pages: int) -> bool:
    """Whether `_product` has the same bits as `_weighted_sums` for this many rows and shared pages.

    It has if both add up term after term. Computed once for each shape.
    """
    threads = torch.get_num_threads()
    segments = {min(pages, SEGMENT), pages % SEGMENT or SEGMENT}
    return _agree(rows, heads, dim, PAGE, pages, threads) and all(
        _agree(rows, heads, segment * PAGE, dim, 1, threads) for segment in segments
    )


@functools.cache
def _agree(rows: int, heads: int, terms: int, width: int, tables: int, threads: int) -> bool:
    """Whether a product with `tables` tables side by side has the bits of each one's sums."""
    generator = torch.Generator().manual_seed(1)
    x_NHK = torch.randn(rows, heads, terms, generator=generator)
    y_IHKS = torch.randn(tables, heads, terms, width, generator=generator)
    table_rows = torch.arange(heads * terms, dtype=torch.int32).repeat(rows)
    bags = torch.arange(0, len(table_rows), terms, dtype=torch.int32)
    sums = [_weighted_sums(y.flatten(0, 1), table_rows, bags, x_NHK.flatten()) for y in y_IHKS]
    product_NHS = _product(x_NHK, torch.cat(list(y_IHKS), -1))
    return torch.equal(product_NHS, torch.cat(sums, -1).view(rows, heads, tables * width))


def _product(x_NHK: Tensor, y_HKS: Tensor) -> Tensor:
    """The product of each head (N, H, S)."""
    return torch.bmm(x_NHK.transpose(0, 1), y_HKS).transpose(0, 1)


def padded(pages: Sequence[int], free: int) -> list[int]:
    """The numbers of `pages`, in ascending order, raised so that few different ones are left: those
    raised to the same one get at most an eighth more in all, or `free` pages."""
    widths: list[int] = []
    width, own, padding = 0, 0, 0
    for count in reversed(pages):
        more = padding + width - count
        if not widths or more > max(free, own // 8):
            width, own, more = count, 0, 0
        own, padding = own + count, more
        widths.append(width)
    return widths[::-1]


def _rows_of(blocks_NHI: Tensor, size: int) -> Tensor:
    """The indices of table rows (N, H, S) in blocks of `size` rows."""
    rows = blocks_NHI[..., None] * size + torch.arange(size, dtype=torch.int32)
    return rows.flatten(2)


def _weighted_sums(table: Tensor, rows: Tensor, bags: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of table rows, added in order; `bags` are where each sum starts in `rows`."""
    out: Tensor = torch.embedding_bag(table, rows, bags, False, 0, False, weights)[0]
    return out
