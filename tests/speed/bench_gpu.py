"""The engine on a GPU: a decode step against what the device can do, and transformers.generate.

    python -m tests.speed.bench_gpu [350M] [2B] [6B] [16B]

Random weights in bfloat16, made on the device. A step of 1, 32 and 128 rows is compared with the
longer of two times: that in which memory gives its weights and the rows' keys and values, and that
in which products of this size are computed; both rates are measured first. `MTPB_DEVICE` (cuda)
may name another device, such as cpu, to try the bench itself.
"""

from __future__ import annotations

import os
import statistics
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace

import torch
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM

from models import CodeGen, CodeGenConfig, Engine, EngineOptions
from tests.speed import bench_engine
from tests.speed.bench_engine import SAMPLING, Asked, Ids, generate, ours_run, seconds, words

DEVICE = os.environ.get("MTPB_DEVICE", "cuda")
ROUNDS = int(os.environ.get("MTPB_ROUNDS", 3))
ROWS = (1, 32, 128)
PROMPT, SHORT, LONG = 85, 4, 64  # tokens of the prompt, and of two runs whose difference is timed
BASE = CodeGenConfig(eos_token_id=50256)
GEOMETRIES = {
    "350M": BASE,
    "2B": replace(BASE, n_layer=32, n_embd=2560, n_head=32, rotary_dim=64),
    "6B": replace(BASE, n_layer=33, n_embd=4096, n_head=16, rotary_dim=64),
    "16B": replace(BASE, n_layer=34, n_embd=6144, n_head=24, rotary_dim=64),
}


def timed(work: Callable[[], object]) -> float:
    """Seconds until the device is done."""

    def all_of_it() -> None:
        work()
        if DEVICE.startswith("cuda"):
            torch.cuda.synchronize(DEVICE)

    return seconds(all_of_it)


def rates() -> tuple[float, float]:
    """Bytes a second that memory gives, FLOPs a second of a large product in bfloat16."""
    table = torch.ones(256 * 2**20, dtype=torch.bfloat16, device=DEVICE)
    square = torch.randn(4096, 4096, device=DEVICE).bfloat16()
    reading = min(timed(table.max) for _ in range(7))
    product = min(timed(lambda: square @ square) for _ in range(7))
    return 2 * table.numel() / reading, 2 * 4096**3 / product


def limit(config: CodeGenConfig, rows: int, bandwidth: float, flops: float) -> float:
    """Seconds that a step of `rows` rows takes at the least, in the middle of what is timed."""
    weights = config.parameters - config.vocab_size * config.n_embd
    tokens = PROMPT + (SHORT + LONG) // 2
    cached = 2 * config.n_layer * config.n_embd * (PROMPT + rows * (tokens - PROMPT))
    return max(2 * (weights + cached) / bandwidth, 2 * weights * rows / flops)


def ours(config: CodeGenConfig, rows: int) -> list[float]:
    """Seconds a step, round by round."""
    with torch.device("meta"):
        model = CodeGen(config).bfloat16()
    model = model.to_empty(device=DEVICE).eval()
    bench_engine.draw(model)
    engine = Engine(model, Ids(), EngineOptions(slots=rows), SAMPLING)
    keys = iter(range(10**9))

    def run(tokens: int) -> float:
        prompt = words(PROMPT, 1)
        asked = [Asked(next(keys), ((prompt, tokens),)) for _ in range(rows)]
        return timed(lambda: ours_run(engine, asked))

    run(SHORT)  # kernels are compiled, graphs captured
    return [(run(LONG) - run(SHORT)) / (LONG - SHORT) for _ in range(ROUNDS)]


def theirs(config: CodeGenConfig, rows: int) -> list[float]:
    record = config.to_json()
    for name in ("architectures", "torch_dtype", "bos_token_id", "eos_token_id"):
        record.pop(name, None)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(DEVICE):
        model = CodeGenForCausalLM(TheirConfig(**record, bos_token_id=None, eos_token_id=None))
    torch.set_default_dtype(torch.float32)
    model = model.eval()
    ids = torch.tensor([Ids().encode(words(PROMPT, 1))] * rows, device=DEVICE)

    def run(tokens: int) -> float:
        return timed(lambda: generate(model, ids, tokens))

    run(SHORT)
    return [(run(LONG) - run(SHORT)) / (LONG - SHORT) for _ in range(ROUNDS)]


@torch.no_grad()
def main() -> None:
    warnings.simplefilter("ignore")
    name = torch.cuda.get_device_name(DEVICE) if DEVICE.startswith("cuda") else DEVICE
    bandwidth, flops = rates()
    print(
        f"{name}, torch {torch.__version__}: {bandwidth / 1e9:.0f} GB/s, {flops / 1e12:.1f} TFLOP/s"
    )
    for size in sys.argv[1:] or GEOMETRIES:
        for rows in ROWS:
            step = statistics.median(ours(GEOMETRIES[size], rows))
            share = limit(GEOMETRIES[size], rows, bandwidth, flops) / step
            other = statistics.median(theirs(GEOMETRIES[size], rows))
            print(
                f"{size:>5s} {rows:4d} rows: {1e3 * step:8.2f} ms a step, "
                f"{rows / step:8.0f} tokens/s, {share:4.0%} of the limit; "
                f"transformers {1e3 * other:8.2f} ms, ours {other / step:5.2f} ×",
                flush=True,
            )


if __name__ == "__main__":
    main()
