"""One forward pass of the engine: from rows to logits, on a CPU or a GPU."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.config import ModelError
from models.engine.agreement import SIZES, agreeing_sizes
from models.engine.cpu.attention import AttentionPlan, CPUPagedKVCache
from models.engine.cpu.products import packed
from models.engine.pages import PADDING_PAGE
from models.engine.scheduler import Row
from models.transformer import Transformer

PADDING = Row(0, 0, (PADDING_PAGE,))


class Kernels(Protocol):
    """The model on some device, and its paged KV cache."""

    @property
    def model(self) -> Transformer: ...

    def hidden_states(self, rows: Sequence[Row]) -> Tensor:
        """The input of the head (N, C); keys and values of the rows are written to their pages."""

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages (from, to), all at once."""


class CPUBackend:
    """`model` with packed weights, and a cache of `pages` pages; for at most `rows` rows."""

    def __init__(self, model: Transformer, pages: int, rows: int) -> None:
        self.model = packed(model)
        self.cache = CPUPagedKVCache(model.config, pages, rows)

    def hidden_states(self, rows: Sequence[Row]) -> Tensor:
        plan = AttentionPlan(self.cache, rows)
        inputs = [(rows[n].token, rows[n].position) for n in plan.order]
        ids_N, positions_N = torch.tensor(inputs).unbind(-1)
        ordered_NC = self.model.hidden_states(ids_N, positions_N, plan.attend)
        return ordered_NC[torch.tensor(plan.order).argsort()]

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        self.cache.copy_pages(pairs)


class Runner:
    """Computes steps of any number of rows, with a paged KV cache of `pages` pages.

    Rows are padded to numbers of rows whose products have the same bits as those of `anchor` rows;
    to `anchor` itself where no other number has. Raises ModelError where the GPU's kernel does not
    run.
    """

    def __init__(self, model: Transformer, pages: int, anchor: int) -> None:
        self.config, self.device = model.config, next(model.head.parameters()).device
        self.backend: Kernels
        if self.device.type == "cpu":
            self.backend = CPUBackend(model, pages, max(anchor, *SIZES))
        else:
            self.backend = _cuda_backend(model, pages)
        self.model = self.backend.model
        self.sizes = agreeing_sizes(self.model, anchor, SIZES)

    @torch.inference_mode()
    def logits(self, rows: Sequence[Row], wanted: Sequence[int]) -> Tensor:
        """Compute `rows`; logits (len(wanted), V) in float32 after those with the indices `wanted`.

        A row must come after those of the same step that it attends to. Raises ModelError where
        logits are not finite.
        """
        hidden_NC = self._hidden_states(rows)[list(wanted)]
        parts = []
        for start, count, size in self._parts(len(wanted)):
            part_NC = hidden_NC.new_zeros(size, hidden_NC.shape[1])
            part_NC[:count] = hidden_NC[start : start + count]
            parts.append(self.model.logits(part_NC)[:count])
        if not all(part.sum().isfinite() for part in parts):
            dtype = str(next(self.model.parameters()).dtype).removeprefix("torch.")
            other = "" if dtype == "float32" else ", or take engine.dtype=float32"
            raise ModelError(
                f"dtype={dtype}: the model's logits are not finite; check its weights{other}"
            )
        if len(parts) == 1:  # avoids a copy of a large array
            return parts[0]
        return torch.cat([torch.empty(0, self.config.vocab_size, device=self.device), *parts])

    def copy_pages(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Copy pages of the cache (from, to), all at once."""
        with torch.inference_mode():
            self.backend.copy_pages(pairs)

    def _hidden_states(self, rows: Sequence[Row]) -> Tensor:
        parts = []
        for start, count, size in self._parts(len(rows)):
            padded = [*rows[start : start + count], *[PADDING] * (size - count)]
            parts.append(self.backend.hidden_states(padded)[:count])
        return torch.cat(parts)

    def _parts(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """The products that compute `rows` rows: the first row of each, how many rows, and how
        many with padding."""
        start = 0
        while start < rows:
            size = next((n for n in self.sizes if n >= rows - start), self.sizes[-1])
            count = min(size, rows - start)
            yield start, count, size
            start += count


def _cuda_backend(model: Transformer, pages: int) -> Kernels:
    try:
        from models.engine.cuda.graphs import CUDABackend  # imports Triton

        backend = CUDABackend(model, pages)
        with torch.inference_mode():
            backend.hidden_states([PADDING])
    except torch.cuda.OutOfMemoryError:
        raise
    except (ImportError, RuntimeError, subprocess.CalledProcessError) as error:
        device = next(model.parameters()).device
        raise ModelError(
            f"device={device}: {error}; the engine needs CUDA, and Triton with a C compiler; "
            "or take engine.device=cpu"
        ) from error
    return backend
