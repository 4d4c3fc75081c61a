"""Prints what loading a checkpoint takes: `python -m tests.models.peak_memory DIRECTORY [DTYPE]`.

Bytes, as JSON: `torch`, anonymous memory after importing torch; `peak`, the most that there was
while importing `models` and loading; `weights`, the parameters' own size.
"""

import json
import sys
import threading
from pathlib import Path

import torch  # noqa: F401


def anonymous_memory() -> int:
    """Resident anonymous memory of this process in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def main(directory: str, dtype: str | None = None) -> None:
    torch_alone = anonymous_memory()
    samples, done = [torch_alone], threading.Event()

    def sample() -> None:
        while not done.wait(0.001):
            samples.append(anonymous_memory())

    sampler = threading.Thread(target=sample)
    sampler.start()
    from models.checkpoint import load

    model = load(directory, dtype)
    done.set()
    sampler.join()
    samples.append(anonymous_memory())
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    print(json.dumps({"torch": torch_alone, "peak": max(samples), "weights": weights}))


if __name__ == "__main__":
    main(*sys.argv[1:])
