"""Which of a machine's devices holds which layers of a model that is too large for one of them.

Layers stay in order: each device has consecutive ones, with their part of the paged KV cache, and a
step goes from one to the next. The first also has the embedding; the last has the head, and draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from models.config import CodeGenConfig, ModelError
from models.engine import memory
from models.engine.memory import SPARE
from models.engine.options import default_cache_tokens


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes of an engine's parts."""

    layer: int
    first: int
    last: int

    @classmethod
    def of(
        cls, config: CodeGenConfig, dtype: torch.dtype, slots: int, cache_tokens: int | None = None
    ) -> Needs:
        """Those of an engine on GPUs, with weights of `dtype`. The cache has `cache_tokens` tokens,
        or what `slots` slots take by default."""
        one = replace(config, n_layer=1)
        C, V = config.n_embd, config.vocab_size
        weights = one.parameters - 2 * V * C
        tokens = cache_tokens or default_cache_tokens(config, slots)
        return cls(
            weights * dtype.itemsize + memory.cache_bytes(one, tokens, dtype.itemsize),
            V * C * dtype.itemsize,
            V * C * dtype.itemsize + memory.drawing_bytes(config, torch.device("cuda"), slots),
        )


def on_gpus(
    config: CodeGenConfig, dtype: torch.dtype, slots: int, cache_tokens: int | None = None
) -> tuple[str, ...]:
    """`placed` on this machine's GPUs."""
    names = [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    free = {name: memory.available(torch.device(name)) for name in names}
    return placed(config.n_layer, Needs.of(config, dtype, slots, cache_tokens), free)


def placed(layers: int, needs: Needs, free: Mapping[str, int]) -> tuple[str, ...]:
    """The device of each layer, given the free bytes of each device.

    The fewest devices, those with the most free memory first. Raises ModelError where all of them
    together are too small.
    """
    room = {name: size - SPARE for name, size in free.items()}
    devices = sorted(room, key=lambda name: -room[name])
    sizes = [needs.layer] * layers
    sizes[0] += needs.first
    sizes[-1] += needs.last
    chosen: list[str] = []
    for name in devices:
        left = room[name]
        while len(chosen) < layers and sizes[len(chosen)] <= left:
            left -= sizes[len(chosen)]
            chosen.append(name)
    if len(chosen) == layers:
        return tuple(chosen)
    there = ", ".join(f"{name} {memory.gib(size)}" for name, size in free.items())
    raise ModelError(
        f"the model and its cache need {memory.gib(sum(sizes))} of GPU memory, and free are "
        f"{there}, of which {memory.gib(SPARE)} each is kept for the work itself; take fewer "
        "engine.slots or engine.cache_tokens, a smaller engine.dtype, or engine.device=cpu"
    )
