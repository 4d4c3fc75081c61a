"""The memory that the engine needs, and an error where there is less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from models.config import CodeGenConfig, ModelError
from models.engine.cpu.products import dtype_of_products
from models.engine.options import default_cache_tokens
from models.engine.pages import PAGE

SPARE = 1 << 30  # bytes of a GPU that are left for kernels, graphs and a step's arrays


def available(device: torch.device) -> int:
    """Bytes that are free on a device; on a CPU, by the system and by the control group."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + kept)  # torch reuses what it has reserved
    free = [_meminfo("MemAvailable"), _control_group()]
    return min((n for n in free if n is not None), default=1 << 62)


def cache_bytes(config: CodeGenConfig, tokens: int, itemsize: int) -> int:
    """Bytes of the paged KV cache for `tokens` tokens."""
    pages = -(-tokens // PAGE) + 1
    return 2 * config.n_layer * config.n_embd * itemsize * PAGE * pages


def drawing_bytes(config: CodeGenConfig, device: torch.device, slots: int) -> int:
    """Bytes that drawing a token for each slot takes on a GPU: four arrays of the logits' shape in
    float64. 0 on a CPU, which draws for a few rows at a time.
    """
    return 0 if device.type == "cpu" else 4 * 8 * slots * config.vocab_size


def packed_bytes(config: CodeGenConfig, device: torch.device, dtype: torch.dtype) -> int:
    """Bytes of the engine's own copy of the weights: on a CPU all but the embedding, else 0."""
    if device.type != "cpu":
        return 0
    packed = config.parameters - config.vocab_size * config.n_embd
    return dtype_of_products(dtype).itemsize * packed


def check(
    config: CodeGenConfig,
    device: torch.device,
    dtype: torch.dtype,
    slots: int,
    cache_tokens: int | None = None,
    draws: bool = True,
) -> None:
    """Raise ModelError unless packed weights, cache and drawing fit into the free memory.

    `dtype` is that of the weights. The cache has `cache_tokens` tokens, or by default what `slots`
    slots take. `draws`: tokens are drawn on this device. On a GPU `SPARE` bytes stay free.
    """
    size = 4 if device.type == "cpu" else dtype.itemsize
    weights, free = packed_bytes(config, device, dtype), available(device)

    def needs(slots: int, tokens: int) -> dict[str, int]:
        return {
            "the cache": cache_bytes(config, tokens, size),
            "packed weights": weights,
            "drawing tokens": drawing_bytes(config, device, slots) if draws else 0,
            "the work itself": 0 if device.type == "cpu" else SPARE,
        }

    def fit(n: int) -> bool:
        drawing = n if cache_tokens is None else slots
        return sum(needs(drawing, default_cache_tokens(config, n)).values()) <= free

    wanted = needs(slots, cache_tokens or default_cache_tokens(config, slots))
    if sum(wanted.values()) <= free:
        return
    fitting = 0
    while fit(fitting + 1):
        fitting += 1
    if cache_tokens is None:
        asked, room = f"slots={slots}", f"{fitting} slots"
    else:
        asked, room = f"cache_tokens={cache_tokens}", f"{default_cache_tokens(config, fitting)}"
    remedy = f"there is room for {room}" if fitting else "free some, or take another device"
    parts = ", ".join(f"{name} {gib(size)}" for name, size in wanted.items() if size)
    raise ModelError(f"{asked}: memory is needed for {parts}, and {gib(free)} are free; {remedy}")


@contextmanager
def running_out(slots: int) -> Iterator[None]:
    """Raises ModelError where a GPU's memory does not suffice in spite of `check`: others use the
    GPU too."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        told = str(error).partition(". ")[0]
        raise ModelError(
            f"slots={slots}: the GPU's memory ran out ({told}); free some, or take a smaller "
            "engine.cache_tokens, with which a run can go on, or fewer engine.slots"
        ) from error


def gib(size: int) -> str:
    """Such as `1.50 GiB`."""
    return f"{size / 2**30:.2f} GiB"


def _meminfo(name: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    values = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return next((int(value) * 1024 for value in values), None)


def _control_group() -> int | None:
    """Bytes that the control group (version 2) of a container leaves; None without a limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(int(limit) - used, 0)
