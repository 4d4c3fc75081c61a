"""The dtypes of weights and of products. No torch: a run is identified before a model is loaded."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from models.config import CodeGenConfig, ModelError

DTYPES = ("float32", "float16", "bfloat16")


def choose_dtype(config: CodeGenConfig, device: str = "cpu", dtype: str | None = None) -> str:
    """The dtype of the weights: `dtype` if given, else the checkpoint's, else float32.

    A checkpoint's float16 becomes float32 on a CPU: the same numbers, in the dtype that every CPU
    computes well. bfloat16 takes half the memory. Names may begin with `torch.`. Raises ModelError
    for other dtypes.
    """
    chosen = str(dtype or config.dtype or "float32").removeprefix("torch.")
    if chosen not in DTYPES:
        raise ModelError(f"dtype={chosen!r}: expected one of {', '.join(DTYPES)}")
    if dtype is None and chosen == "float16" and device.partition(":")[0] == "cpu":
        return "float32"
    return chosen


def product_dtype(dtype: str, device: str = "cpu") -> str:
    """The dtype of products, for weights of `dtype`.

    On a CPU float32, which represents the numbers of every dtype. Except bfloat16 weights on a
    processor with AMX: bfloat16, with 16 times the operations a cycle and half the memory.
    """
    if device.partition(":")[0] != "cpu" or (dtype == "bfloat16" and has_amx()):
        return dtype
    return "float32"


def device_kind(dtype: str, device: str) -> str:
    """`cpu`, `cuda`, or `cpu with AMX` where AMX computes the products.

    Samples of one model may differ between kinds.
    """
    kind = device.partition(":")[0]
    return "cpu with AMX" if kind == "cpu" and product_dtype(dtype) == "bfloat16" else kind


@cache
def has_amx() -> bool:
    """Whether the processor has AMX instructions for bfloat16, by Linux, and ONEDNN_MAX_CPU_ISA
    allows them."""
    highest = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
    if highest not in ("ALL", "DEFAULT") and "AMX" not in highest:
        return False
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
