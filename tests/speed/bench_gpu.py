"""The engine on a GPU, against what the GPU can do and against transformers.generate.

    python -m tests.speed.bench_gpu [part …] [size …] [dtype …]

Parts: decode, humaneval, profile, memory, prefill, mtpb, start. Sizes: 2B, 350M, 6B, 16B. Dtypes:
float16, bfloat16. Without any, all of them. Random weights, made on the device.

A line is printed as soon as it is measured, the most important first. No part begins after
MTPB_BUDGET (1800) seconds. MTPB_PROMPTS (20) and MTPB_CASES (10) set the amount of work of
`humaneval` and `mtpb`. The bench itself is tried by MTPB_DEVICE=cpu, with the size `tiny`.

Shares are of the least time in which the device gives the bytes that the work needs, or computes
its products, whichever is longer; both rates are measured first.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.profiler import ProfilerActivity, profile

from models import Engine, EngineOptions, ModelError, checkpoint
from models.embedded import embedded
from models.engine import engine as engine_module
from models.engine import memory
from models.engine.engine import Batch
from models.engine.options import default_cache_tokens, default_slots
from models.engine.runner import Runner
from models.engine.scheduler import Scheduler
from models.tokenizer import CodeGenTokenizer
from tests.models.theirs import transformers_of
from tests.speed.shapes import (
    GEOMETRIES,
    MTPB,
    SAMPLING,
    Asked,
    HumanEval,
    Ids,
    Peer,
    Shape,
    ours_run,
    random_model,
    seconds,
    transformers_run,
    words,
)

DEVICE = os.environ.get("MTPB_DEVICE", "cuda")  # or cpu
ON_GPU = DEVICE != "cpu"
BUDGET = float(os.environ.get("MTPB_BUDGET", 1800))
PROMPTS = int(os.environ.get("MTPB_PROMPTS", 20))
CASES = int(os.environ.get("MTPB_CASES", 10))
DTYPES = ("float16", "bfloat16")
SIZES = ("2B", "350M", "6B", "16B")
ROWS = (256, 128, 32, 1)
BATCHES = (100, 25)  # of transformers for 100 samples of a prompt; the better one is shown
PROMPT = 85  # tokens


def synchronize() -> None:
    if ON_GPU:
        torch.cuda.synchronize()


def timed(work: Callable[[], object]) -> float:
    """Seconds until the device is done."""

    def all_of_it() -> None:
        work()
        synchronize()

    synchronize()
    return seconds(all_of_it)


@dataclass(frozen=True)
class Least:
    """The least time of some work: to move its bytes, or to compute its products."""

    moving: float
    computing: float

    def share(self, taken: float) -> str:
        bound = "bandwidth" if self.moving > self.computing else "products"
        return f"{max(self.moving, self.computing) / taken:.0%} of the limit ({bound})"


@dataclass
class Subject:
    """A model of random weights, with what the device can do in its dtype."""

    size: str
    dtype: str
    bandwidth: float  # bytes a second
    flops: float  # of products, a second

    def __post_init__(self) -> None:
        self.config = GEOMETRIES[self.size]
        self.torch_dtype: torch.dtype = getattr(torch, self.dtype)
        self.slots = default_slots(self.config, DEVICE)

    @cached_property
    def model(self) -> Any:
        return random_model(self.config, self.torch_dtype, DEVICE)

    @cached_property
    def peer(self) -> Peer:
        """transformers' loop with the same weights; timed when it has its memory and kernels."""
        run = partial(transformers_run, transformers_of(self.model))
        return lambda prompts: (run(prompts), run(prompts))[1]

    def say(self, line: str) -> None:
        print(f"{self.size} {self.dtype} {line}", flush=True)

    def engine(self, slots: int, cache_tokens: int | None = None) -> Engine:
        free()
        return Engine(self.model, Ids(), EngineOptions(slots, cache_tokens=cache_tokens), SAMPLING)

    def least(self, drawn: float, steps: float, read: float = 0, attended: float = 0) -> Least:
        """For `drawn` tokens in `steps` steps, `read` tokens of prompts, and `attended` cached
        tokens, each counted as often as it is attended to."""
        item = self.torch_dtype.itemsize
        embedding = self.config.vocab_size * self.config.n_embd
        weights = self.config.parameters - embedding
        token = 2 * self.config.n_layer * self.config.n_embd
        moved = item * (steps * weights + attended * token)
        products = 2 * (drawn * weights + read * (weights - embedding))
        return Least(moved / self.bandwidth, products / self.flops)


def free() -> None:
    gc.collect()
    if ON_GPU:
        torch.cuda.empty_cache()


def rates(dtype: str) -> tuple[float, float]:
    """Bytes a second that are read and written, FLOPs a second of a large product."""
    large, width = (1 << 30, 8192) if ON_GPU else (1 << 27, 1024)
    source = torch.ones(large, dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    square = torch.randn(width, width, device=DEVICE).to(getattr(torch, dtype))
    product = torch.empty_like(square)
    copying = min(timed(lambda: target.copy_(source)) for _ in range(9))
    multiplying = min(timed(lambda: torch.mm(square, square, out=product)) for _ in range(9))
    return 2 * large / copying, 2 * width**3 / multiplying


def under_way(engine: Engine, rows: int, tokens: int) -> Batch[Asked]:
    """A batch of `rows` samples of one prompt that all generate, `tokens` tokens each at most;
    graphs of such steps are captured."""
    batch: Batch[Asked] = engine.batch()
    for key in range(rows):
        engine.add(batch, Asked(key, ((words(PROMPT, 1), tokens),)))
    while min(one.tokens for one in batch.generations.values()) < 6:
        engine.step(batch)
    return batch


def decode(it: Subject) -> None:
    """Steps of samples of one prompt, of 1 to 256 rows."""
    ours = {rows: our_step(it, rows) for rows in ROWS}
    theirs = {}
    for rows in ROWS:
        free()
        with survived(it, f"decode, {rows} rows, transformers"):
            step = theirs[rows] = it.peer([Ids().encode(words(PROMPT, 1))] * rows).step
            it.say(
                f"decode, {rows} rows, transformers: {1e3 * step:.2f} ms a step, "
                f"{rows / step:,.0f} tokens/s; ours is {step / ours[rows]:.1f} × as fast"
            )
    if theirs:
        best = max(rows / step for rows, step in theirs.items())
        mine = max(rows / step for rows, step in ours.items())
        it.say(f"decode, each with its best number of rows: ours is {mine / best:.1f} × as fast")


def our_step(it: Subject, rows: int, count: int = 40) -> float:
    started = time.perf_counter()
    engine = it.engine(rows)
    built = time.perf_counter() - started
    batch = under_way(engine, rows, 20 + count)
    warm = time.perf_counter() - started - built
    tokens = max(one.tokens for one in batch.generations.values())
    step = statistics.median(timed(lambda: engine.step(batch)) for _ in range(count))
    least = it.least(rows, 1, attended=PROMPT + rows * (tokens + count / 2))
    it.say(
        f"decode, {rows} rows: {1e3 * step:.2f} ms a step, {rows / step:,.0f} tokens/s, "
        f"{least.share(step)}; engine built in {built:.1f} s, first steps {warm:.1f} s; numbers of "
        f"rows that agree: {', '.join(map(str, engine._runner.sizes))}"
    )
    return step


def prefill(it: Subject) -> None:
    """Long prompts that have nothing in common, with a token each."""
    length, count = 1500, 8
    asked = [Asked(key, ((words(length, 7 + key), 1),)) for key in range(count)]
    least = it.least(count, 1, read=length * count)
    what = f"prefill, {count} prompts of {length} tokens"

    def ours() -> float:
        engine = it.engine(count, cache_tokens=2048 * count)
        ours_run(engine, [Asked(-1, ((words(2 * PROMPT, 1), 3),))])  # captures the graphs
        return timed(lambda: ours_run(engine, asked))

    taken = ours()
    it.say(f"{what}: {count * length / taken:,.0f} tokens/s, {least.share(taken)}")
    free()
    taken = it.peer([Ids().encode(one.turns[0][0]) for one in asked]).first
    it.say(f"{what}, transformers: {count * length / taken:,.0f} tokens/s, {least.share(taken)}")


def work(it: Subject, name: str, shape: Shape, batches: tuple[int, ...]) -> None:
    """All of a shape's work by the engine; by transformers, extrapolated."""
    ours = our_work(it, name, shape)
    found = {}
    for batch in batches:
        free()
        with survived(it, f"{name}, transformers, batch {batch}"):
            found[batch] = shape.seconds(it.peer, batch)
    if found:
        batch = min(found, key=lambda batch: found[batch])
        it.say(
            f"{name}, transformers, batch {batch}: {shape.useful / found[batch]:,.0f} tokens/s; "
            f"ours is {found[batch] / ours:.1f} × as fast"
        )


def our_work(it: Subject, name: str, shape: Shape) -> float:
    least = it.least(shape.useful, shape.useful / it.slots, shape.read, shape.attended)
    engine = it.engine(it.slots)
    few = [Asked(-1 - n, ((words(PROMPT, 1), 3 + n),)) for n in range(it.slots)]
    warm = timed(lambda: ours_run(engine, few))  # from all rows to one: captures the graphs
    taken = timed(lambda: ours_run(engine, shape.asked))
    it.say(
        f"{name}, {it.slots} slots: {shape.useful:,} useful tokens in {taken:.1f} s, "
        f"{shape.useful / taken:,.0f} tokens/s, {least.share(taken)}; graphs before: {warm:.1f} s"
    )
    return taken


def humaneval(it: Subject) -> None:
    work(it, "HumanEval-shaped", HumanEval(PROMPTS), BATCHES)


def mtpb(it: Subject) -> None:
    work(it, "MTPB-shaped", MTPB(CASES), (MTPB.samples,))


def peak_memory(it: Subject) -> None:
    """Of an engine with its default slots, all of which draw, against what was predicted."""
    item = it.torch_dtype.itemsize if ON_GPU else 4
    device = torch.device(DEVICE)
    predicted = (
        sum(p.numel() * p.itemsize for p in it.model.parameters())
        + memory.packed_bytes(it.config, device, it.torch_dtype)
        + memory.cache_bytes(it.config, default_cache_tokens(it.config, it.slots), item)
        + memory.drawing_bytes(it.config, device, it.slots)
    )
    engine = it.engine(it.slots)
    if ON_GPU:
        torch.cuda.reset_peak_memory_stats()
    ours_run(engine, [Asked(n, ((words(PROMPT, n), 4),)) for n in range(it.slots)])
    if ON_GPU:
        unused, total = torch.cuda.mem_get_info()
        peak = torch.cuda.max_memory_allocated()
        more = (
            f" ({memory.gib(torch.cuda.max_memory_reserved())} with what torch keeps, "
            f"{memory.gib(total - unused)} of the device in use)"
        )
    else:
        peak, more = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ""
    it.say(
        f"memory, {it.slots} slots: {memory.gib(peak)} at the most{more}; the memory check counts "
        f"{memory.gib(predicted)}, and on a GPU leaves {memory.gib(memory.SPARE)} besides"
    )


PARTS_OF_A_STEP = {
    "plan": (Scheduler, "plan"),
    "forward (waits for the GPU)": (Runner, "logits"),
    "draw (waits for the GPU)": (engine_module, "sample_each"),
    "commit": (Scheduler, "commit"),
}


@contextmanager
def clocked(spent: dict[str, float]) -> Iterator[None]:
    """Adds up the seconds that the parts of a step take."""

    def clock(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            result = function(*args, **kwargs)
            spent[name] += time.perf_counter() - started
            return result

        return instead

    with ExitStack() as stack:
        for name, (owner, attribute) in PARTS_OF_A_STEP.items():
            function = clock(name, getattr(owner, attribute))
            stack.enter_context(mock.patch.object(owner, attribute, function))
        yield


def where_time_goes(it: Subject) -> None:
    """A decode step of the default slots: host, and the GPU's kernels."""
    count, traced = 20, 5
    spent = dict.fromkeys(PARTS_OF_A_STEP, 0.0)
    engine = it.engine(it.slots)
    batch = under_way(engine, it.slots, 30 + count + traced)
    with clocked(spent):
        step = timed(lambda: [engine.step(batch) for _ in range(count)]) / count
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if ON_GPU else [])]
    with profile(activities=kinds) as trace:
        for _ in range(traced):
            engine.step(batch)
        synchronize()
    parts = {name: taken / count for name, taken in spent.items()}
    parts["the rest: tokens, texts, stop rules"] = step - sum(parts.values())
    told = ", ".join(f"{name} {1e3 * taken:.2f}" for name, taken in parts.items())
    kernels = [
        (event.self_device_time_total if ON_GPU else event.self_cpu_time_total, event)
        for event in trace.key_averages()
        if (event.device_type.name == "CUDA") == ON_GPU
    ]
    busy = sum(taken for taken, _ in kernels) / 1e6 / traced
    it.say(
        f"step of {it.slots} rows: {1e3 * step:.2f} ms, of which the "
        f"{'GPU' if ON_GPU else 'CPU'} computes for {1e3 * busy:.2f} ms"
    )
    it.say(f"step, ms by the host's clock: {told}")
    for taken, event in sorted(kernels, key=lambda pair: -pair[0])[:10]:
        each = f"{1e-3 * taken / traced:.3f} ms in {event.count / traced:.1f} calls"
        it.say(f"step, {each} of {event.key[:90]}")


FIRST_TOKEN = """
import sys, time
begun = time.perf_counter()
from models import CodeGen
imported = time.perf_counter()
model = CodeGen.from_pretrained(sys.argv[1], sys.argv[2], sys.argv[3])
loaded = time.perf_counter()
model.generate("def f", max_new_tokens=1)
drawn = time.perf_counter()
print(f"imports {imported - begun:.1f}, weights {loaded - imported:.1f}, engine and first token "
      f"{drawn - loaded:.1f}")
"""


def start(it: Subject) -> None:
    """From the command to the first token, with a checkpoint on the disk: read from it, and again
    when it is in the page cache."""
    needed = int(1.1 * it.torch_dtype.itemsize * it.config.parameters)
    with tempfile.TemporaryDirectory() as folder:
        there = shutil.disk_usage(folder).free
        if there < needed:
            it.say(f"start: needs {memory.gib(needed)} in {folder}, {memory.gib(there)} are free")
            return
        checkpoint.save(it.model, folder)
        CodeGenTokenizer.from_pretrained(embedded("codegen-3M-mono")).save(folder)
        for file in Path(folder).iterdir():
            forget(file)
        for state in ("from the disk", "from the page cache"):
            command = [sys.executable, "-c", FIRST_TOKEN, folder, it.dtype, DEVICE]
            started = time.perf_counter()
            ran = subprocess.run(command, capture_output=True, text=True)
            taken = time.perf_counter() - started
            told = ran.stdout.strip() if ran.returncode == 0 else ran.stderr.strip()[-300:]
            it.say(f"start, {state}: first token after {taken:.1f} s ({told})")


def forget(file: Path) -> None:
    """Write a file to the disk, and drop it from the page cache."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


PARTS: dict[str, Callable[[Subject], None]] = {
    "decode": decode,
    "humaneval": humaneval,
    "profile": where_time_goes,
    "memory": peak_memory,
    "prefill": prefill,
    "mtpb": mtpb,
    "start": start,
}


@contextmanager
def survived(it: Subject, what: str) -> Iterator[None]:
    """Too little memory for one figure leaves the others."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, ModelError) as error:
        it.say(f"{what}: {str(error).splitlines()[0]}")


def environment() -> str:
    """The device and the versions of what computes."""
    versions = [f"torch {torch.__version__}"]
    for package in ("triton", "transformers"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    if not ON_GPU:
        return ", ".join([DEVICE, *versions])
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    versions.append(f"CUDA {torch.version.cuda}")
    return ", ".join([card.name, memory.gib(card.total_memory), *versions])


@torch.no_grad()
def main(asked: list[str]) -> None:
    warnings.simplefilter("ignore")
    known = [*PARTS, *GEOMETRIES, *DTYPES, "float32"]
    if unknown := [name for name in asked if name not in known]:
        sys.exit(f"{unknown[0]!r}: expected some of {', '.join(known)}")
    parts = [name for name in asked if name in PARTS] or list(PARTS)
    sizes = [name for name in asked if name in GEOMETRIES] or SIZES
    dtypes = [name for name in asked if name in (*DTYPES, "float32")] or DTYPES
    begun = time.perf_counter()
    print(environment(), flush=True)
    for dtype in dtypes:
        bandwidth, flops = rates(dtype)
        print(f"{dtype}: {bandwidth / 1e9:,.0f} GB/s, {flops / 1e12:.1f} TFLOP/s", flush=True)
        for size in sizes:
            it = Subject(size, dtype, bandwidth, flops)
            for part in parts:
                if time.perf_counter() - begun > BUDGET:
                    it.say(f"{part} and all after it: left out after {BUDGET:.0f} s")
                    return
                with survived(it, part):
                    PARTS[part](it)
                free()
            del it
            free()


if __name__ == "__main__":
    main(sys.argv[1:])
