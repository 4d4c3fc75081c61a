"""Which dtype a model computes in. Needs no torch: a run is identified before one is loaded."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from models.config import CodeGenConfig, ModelError

DTYPES = ("float32", "float16", "bfloat16")


def choose_dtype(config: CodeGenConfig, device: str = "cpu", dtype: str | None = None) -> str:
    """`dtype` if it is given; otherwise the checkpoint's, or float32 where it names none.

    A checkpoint's float16 becomes float32 on a CPU: exactly the same numbers, in the one dtype
    that every CPU computes well. Ask for bfloat16 to halve the memory. `torch.float16` is
    understood as `float16`. Raises ModelError.
    """
    chosen = str(dtype or config.dtype or "float32").removeprefix("torch.")
    if chosen not in DTYPES:
        raise ModelError(f"dtype={chosen!r}: expected one of {', '.join(DTYPES)}")
    if dtype is None and chosen == "float16" and device.partition(":")[0] == "cpu":
        return "float32"
    return chosen


def product_dtype(dtype: str, device: str = "cpu") -> str:
    """What products of matrices are computed in, for weights of `dtype`.

    On a CPU float32, into which every dtype's numbers fit; but bfloat16 for bfloat16 weights on a
    processor with AMX, which does 16 times as many operations a cycle then, with half the memory.
    """
    if device.partition(":")[0] != "cpu" or (dtype == "bfloat16" and has_amx()):
        return dtype
    return "float32"


def device_kind(dtype: str, device: str) -> str:
    """`cpu` or `cuda`, or what a CPU is for weights whose products AMX computes.

    Samples are the same on devices of one kind, as far as their arithmetic is.
    """
    kind = device.partition(":")[0]
    return "cpu with AMX" if kind == "cpu" and product_dtype(dtype) == "bfloat16" else kind


@cache
def has_amx() -> bool:
    """Whether the processor has matrix instructions for bfloat16, as Linux says, and oneDNN is not
    kept from them by its own variable."""
    highest = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    if highest not in ("ALL", "DEFAULT") and "AMX" not in highest:
        return False
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
