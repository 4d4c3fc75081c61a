"""Loading a checkpoint: time against safetensors' own loading plus a copy, and peak memory.

    python -m tests.speed.bench_loading [--rounds 5] [--small]

The geometry is that of codegen-350M, stored in float16. Files are in the page cache, so this is
about work, not about the disk. Rounds of both loaders alternate in one process; memory is measured
in processes of their own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from models import checkpoint
from models.config import CodeGenConfig
from models.transformer import Transformer

SMALL = CodeGenConfig(vocab_size=8192, n_embd=512, n_layer=6, n_head=8)
FORMATS = ("safetensors", "sharded safetensors", "bin", "sharded bin")
DTYPES = ("float32", "bfloat16")


def write(directory: Path, tensors: dict[str, torch.Tensor], form: str) -> None:
    """Write the weights whole, or in three shards with an index."""
    stem, suffix = ("pytorch_model", "bin") if form.endswith("bin") else ("model", "safetensors")
    put = torch.save if suffix == "bin" else save_file
    if not form.startswith("sharded"):
        put(tensors, directory / f"{stem}.{suffix}")
        return
    names = sorted(tensors)
    files = {name: f"{stem}-{n * 3 // len(names)}.{suffix}" for n, name in enumerate(names)}
    for file in set(files.values()):
        part = {name: tensors[name] for name in names if files[name] == file}
        put(part, directory / file)
    (directory / f"{stem}.{suffix}.index.json").write_text(json.dumps({"weight_map": files}))


def load_and_copy(directory: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """What the bound is stated against."""
    stored = load_file(directory / "model.safetensors")
    return {n: torch.empty(t.shape, dtype=dtype).copy_(t) for n, t in stored.items()}


def seconds(load: Callable[[], object]) -> float:
    start = time.perf_counter()
    load()
    return time.perf_counter() - start


def compare(directory: Path, plain: Path, dtype: str, rounds: int) -> tuple[float, float]:
    """Median seconds of a load, and the median of its ratios to loading `plain` and copying."""
    target: torch.dtype = getattr(torch, dtype)
    pairs = [
        (
            seconds(lambda: checkpoint.load(directory, dtype)),
            seconds(lambda: load_and_copy(plain, target)),
        )
        for _ in range(rounds)
    ]
    ratios = [ours / theirs for ours, theirs in pairs]
    return statistics.median(ours for ours, _ in pairs), statistics.median(ratios)


def peak(directory: Path, dtype: str) -> float:
    """Peak anonymous memory beyond importing torch, over the weights' size at that dtype."""
    command = [sys.executable, "-m", "tests.models.peak_memory", str(directory), dtype]
    measured = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return float((measured["peak"] - measured["torch"]) / measured["weights"])


def checkpoints(root: Path, config: CodeGenConfig) -> Iterable[tuple[str, Path]]:
    """A directory for each format, all with the same weights."""
    model = Transformer(config).half()
    for form in FORMATS:
        directory = root / form.replace(" ", "-")
        checkpoint.save(model, directory)
        if form != "safetensors":
            tensors = load_file(directory / "model.safetensors")
            write(directory, {name: t.clone() for name, t in tensors.items()}, form)
            (directory / "model.safetensors").unlink()
        yield form, directory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="27 million parameters, not 350")
    options = parser.parse_args()
    config = SMALL if options.small else CodeGenConfig()
    print(f"{config.parameters / 1e6:.0f} M parameters, float16 files, {options.rounds} rounds")
    print(f"{'format':<20} {'dtype':<9} {'seconds':>8} {'x copy':>7} {'x memory':>9}")
    with tempfile.TemporaryDirectory() as root:
        for form, directory in checkpoints(Path(root), config):
            for dtype in DTYPES:
                plain = Path(root) / "safetensors"
                took, ratio = compare(directory, plain, dtype, options.rounds)
                memory = peak(directory, dtype)
                print(f"{form:<20} {dtype:<9} {took:8.2f} {ratio:7.2f} {memory:9.3f}", flush=True)


if __name__ == "__main__":
    main()
