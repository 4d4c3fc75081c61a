"""Which dtype a model computes in. Needs no torch: a run is identified before one is loaded."""

from __future__ import annotations

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
