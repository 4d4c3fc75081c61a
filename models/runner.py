"""One step of the model for rows of any conversations: from tokens to logits, in agreeing sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from models import cpu
from models.agreement import agreeing_sizes
from models.cache import PagedCache, Row
from models.codegen import CodeGen
from models.gathered import GatheredCache
from models.scheduler import NOWHERE

SIZES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256)  # rows of a product
PADDING = Row(0, 0, (NOWHERE,))


class Runner:
    """The packed model and its cache of `pages` pages.

    Rows are padded to numbers of rows whose products agree, bit for bit, with those of `anchor`
    rows; to `anchor` itself where no other does.
    """

    def __init__(self, model: CodeGen, pages: int, anchor: int) -> None:
        self.config, weight = model.config, next(model.parameters())
        self.device = weight.device
        self.cache: PagedCache | GatheredCache
        if self.device.type == "cpu":
            self.model = cpu.packed(model)
            self.cache = PagedCache(model.config, pages, max(anchor, *SIZES))
        else:
            self.model = model
            self.cache = GatheredCache(model.config, pages, weight.dtype, self.device)
        self.sizes = agreeing_sizes(self.model, anchor, SIZES)

    @torch.inference_mode()
    def logits(self, rows: Sequence[Row], wanted: Sequence[int]) -> Tensor:
        """Logits (len(wanted), V) in float32 behind the rows at the indices `wanted`.

        A row must come after those that it attends to, if they are computed in the same step.
        """
        hidden_NC = self._trunk(rows)[list(wanted)]
        pieces = []
        for start, count, size in self._pieces(len(wanted)):
            piece_NC = hidden_NC.new_zeros(size, hidden_NC.shape[1])
            piece_NC[:count] = hidden_NC[start : start + count]
            pieces.append(self.model.logits(piece_NC)[:count])
        if len(pieces) == 1:  # no copy of what is large
            return pieces[0]
        return torch.cat([torch.empty(0, self.config.vocab_size, device=self.device), *pieces])

    def copy(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy the cache's pages: (from, to)."""
        with torch.inference_mode():
            self.cache.copy(pairs)

    def _trunk(self, rows: Sequence[Row]) -> Tensor:
        hidden = []
        for start, count, size in self._pieces(len(rows)):
            padded = [*rows[start : start + count], *[PADDING] * (size - count)]
            step = self.cache.step(padded)
            inputs = [(padded[n].token, padded[n].position) for n in step.order]
            ids_N, positions_N = torch.tensor(inputs, device=self.device).unbind(-1)
            ordered_NC = self.model.trunk(ids_N, positions_N, step.attend)
            place = {n: at for at, n in enumerate(step.order)}
            hidden.append(ordered_NC[[place[n] for n in range(count)]])
        return torch.cat(hidden)

    def _pieces(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """Start, rows, and rows with padding of the products that compute `rows` rows."""
        start = 0
        while start < rows:
            size = next((n for n in self.sizes if n >= rows - start), self.sizes[-1])
            count = min(size, rows - start)
            yield start, count, size
            start += count
