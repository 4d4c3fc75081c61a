"""The check of the kernels: which ones compute the model's products here, and how fast."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtpb.checking.preflight import About, Check, State
from mtpb.config import EngineConfig
from mtpb.samplers.builtin.choice import Checkpoint, choose_engine
from mtpb.samplers.facts import device_name

if TYPE_CHECKING:
    from models.engine.measurement import Kernels


def kernels(checkpoint: Checkpoint) -> Check:
    """Measures the kernels for the model with the default settings of the engine."""
    engine = choose_engine(EngineConfig(), checkpoint.geometry)
    if engine.device != "cpu":
        found = f"{device_name(engine.device)}, products in {engine.dtype}, attention in Triton"
        return Check("kernels", About.environment, State.good, found)
    from models.engine.measurement import measure_kernels
    from mtpb.samplers.builtin.sampler import default_threads

    threads = default_threads(checkpoint.geometry)
    found_here = measure_kernels(checkpoint.geometry, engine.dtype, engine.slots, threads)
    return of_a_cpu(found_here, engine.dtype)


def of_a_cpu(kernels: Kernels, weights: str) -> Check:
    """What was measured, in words; a warning if only large numbers of rows give equal results.

    `weights` is the dtype of the model's weights.
    """
    library = "oneDNN" if kernels.onednn else "torch without oneDNN"
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    limited = f" (oneDNN kept to {limit} by ONEDNN_MAX_CPU_ISA)" if limit else ""
    widened = "" if weights == kernels.dtype else f", into which {weights} weights are widened"
    found = (
        f"{library} on {kernels.instructions}{limited}, products in {kernels.dtype}{widened}: "
        f"{kernels.rows / kernels.step_s:,.0f} tokens a second if nothing else took time; "
        f"{len(kernels.sizes)} of {kernels.tried} numbers of rows agree, "
    )
    least = kernels.sizes[0]
    if least <= kernels.rows // 4:
        found += "so that steps are padded little"
        return Check("kernels", About.environment, State.good, found)
    found += f"so that fewer than {least} conversations take as long as {least}"
    remedy = "engine.deterministic=true pads to 16 rows, if more rows agree with those"
    return Check("kernels", About.environment, State.warning, found, remedy)
