"""The sampling engine against transformers and CTranslate2, on a model of the 350M geometry.

    python -m tests.speed.bench_engine [limit] [alike] [shared] [decode] [humaneval] [mtpb] [single]

Random weights, made on the spot. Candidates take turns in one process, in rounds; a ratio is the
median of the rounds' ratios. Ours does all its work. Peers, for which that would take hours, are
timed on a batch's first tokens: what the prompt takes, what a step takes, by how much steps get
slower with length, and so what the whole batch would take. README.md explains the figures.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import ctranslate2
import torch
from ctranslate2.converters.transformers import CodeGenLoader
from ctranslate2.specs import transformer_spec
from transformers import CodeGenForCausalLM

import benchmarks
from benchmarks.stopping import humaneval_stop
from models import CodeGen, CodeGenConfig, Completion, Engine, EngineOptions, Request, Sampling
from models.engine.cpu import attention
from models.engine.scheduler import Row
from tests.models.theirs import transformers_of
from tests.speed.shapes import (
    BASE,
    MTPB,
    SAMPLING,
    STEPS,
    Asked,
    HumanEval,
    Ids,
    Peer,
    Shape,
    Timing,
    ours_run,
    random_model,
    seconds,
    transformers_run,
    words,
)

THREADS = int(os.environ.get("MTPB_THREADS", torch.get_num_threads()))
ROUNDS = int(os.environ.get("MTPB_ROUNDS", 3))
PROMPTS = int(os.environ.get("MTPB_PROMPTS", 8))
CASES = int(os.environ.get("MTPB_CASES", 10))
BATCHES = tuple(map(int, os.environ.get("MTPB_BATCHES", "10,25,100").split(",")))


@dataclass(frozen=True, slots=True)
class Once:
    """A dialogue of one request."""

    request: Request | None

    def receive(self, completion: Completion) -> Once:
        return Once(None)


class Peers:
    """The same weights in the engine's model, in transformers and in CTranslate2."""

    def __init__(self) -> None:
        self.ours = random_model(BASE)
        theirs = transformers_of(self.ours)
        self.kinds: dict[str, Peer] = {"transformers float32": partial(transformers_run, theirs)}
        with tempfile.TemporaryDirectory() as folder:
            specification(theirs).save(folder)
            for kind in ("float32", "int8"):
                generator = ctranslate2.Generator(
                    folder, compute_type=kind, inter_threads=1, intra_threads=THREADS
                )
                self.kinds[f"CTranslate2 {kind}"] = partial(ctranslate2_run, generator)
        theirs = transformers_of(copy.deepcopy(self.ours).bfloat16())
        self.kinds["transformers bfloat16"] = partial(transformers_run, theirs)


def ctranslate2_run(generator: ctranslate2.Generator, prompts: list[list[int]]) -> Timing:
    moments = [time.perf_counter()]

    def heard(result: ctranslate2.GenerationStepResult) -> bool:
        if result.batch_id == 0:
            moments.append(time.perf_counter())
        return False

    generator.generate_batch(
        [[str(token) for token in prompt] for prompt in prompts],
        max_batch_size=len(prompts),
        max_length=STEPS,
        min_length=STEPS,
        sampling_topk=0,
        sampling_topp=SAMPLING.top_p,
        sampling_temperature=SAMPLING.temperature,
        include_prompt_in_result=False,
        callback=heard,
    )
    return Timing.of(moments)


def specification(theirs: CodeGenForCausalLM) -> transformer_spec.TransformerDecoderModelSpec:
    """As CTranslate2's own converter builds it, which wants a model on the disk."""
    spec = CodeGenLoader().get_model_spec(theirs)
    config = spec.config
    config.bos_token = config.eos_token = config.unk_token = "<|endoftext|>"
    spec.register_vocabulary([*[str(n) for n in range(51199)], "<|endoftext|>"])
    spec.validate()
    spec.optimize(quantization=None)
    return spec


Work = Callable[[], float]
"""Does a candidate's work once, or as much as tells how long all of it takes; tokens a second."""


def compare(title: str, candidates: dict[str, Work]) -> None:
    """All candidates take turns, in rounds; prints rates and the ratios of ours, as medians."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, work in candidates.items():
            found[name].append(work())
    print(f"\n{title}")
    for name, rates in found.items():
        ratios = sorted(ours / theirs for ours, theirs in zip(found["ours"], rates, strict=True))
        ratio = f"  ours: {statistics.median(ratios):6.2f} × ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(
            f"  {name:36s} {statistics.median(rates):8.1f} tokens/s"
            f"{'' if name == 'ours' else ratio}",
            flush=True,
        )


def decode(peers: Peers) -> None:
    """Equal lengths: 128 rows of one prompt of 85 tokens, 60 tokens each; prompts' time included.

    And without: rows that are under way, the prompts read.
    """
    prompt, slots, count = words(85, 1), 128, 60
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=slots), SAMPLING)
    ids = Ids().encode(prompt)

    def ours(tokens: int) -> float:
        asked = [Asked(key, ((prompt, tokens),)) for key in range(slots)]
        return seconds(lambda: ours_run(engine, asked))

    runs: dict[tuple[str, int], Timing] = {}

    def whole(kind: str, batch: int) -> float:
        runs[kind, batch] = peers.kinds[kind]([ids] * batch)
        return batch * count / runs[kind, batch].seconds(count)

    table = [(kind, batch) for kind in peers.kinds for batch in BATCHES]
    compare(
        "Decode of equal lengths with the prompts",
        {"ours": lambda: slots * count / ours(count)}
        | {f"{k}, batch {b}": partial(whole, k, b) for k, b in table},
    )
    compare(
        "Decode of equal lengths without the prompts",
        {"ours": lambda: slots * (count - 4) / (ours(count) - ours(4))}
        | {
            f"{k}, batch {b}": lambda k=k, b=b: b / peers.kinds[k]([ids] * b).step for k, b in table
        },
    )


def humaneval(peers: Peers) -> None:
    """Ours pays for its end too, when the last long rows are alone; a whole suite of 164 prompts
    would show less of that."""
    shape = HumanEval(PROMPTS)
    peer_batches = [(kind, batch) for kind in peers.kinds for batch in BATCHES]
    compare_shape("HumanEval-shaped, useful tokens", peers, shape, peer_batches)


def mtpb(peers: Peers) -> None:
    """Against the official sampler's loop."""
    shape = MTPB(CASES)
    loops = [(kind, shape.samples) for kind in peers.kinds if "transformers" in kind]
    title = "MTPB-shaped, useful tokens; peers in the official sampler's loop"
    compare_shape(title, peers, shape, loops)


def compare_shape(
    title: str, peers: Peers, shape: Shape, peer_batches: list[tuple[str, int]]
) -> None:
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=128), SAMPLING)

    def theirs(kind: str, batch: int) -> float:
        return shape.useful / shape.seconds(peers.kinds[kind], batch)

    compare(
        title,
        {"ours": lambda: shape.useful / seconds(lambda: ours_run(engine, shape.asked))}
        | {f"{k}, batch {b}": partial(theirs, k, b) for k, b in peer_batches},
    )


def single(peers: Peers) -> None:
    """One conversation: a prompt of 85 tokens, 60 more, another prompt each time."""
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=1), SAMPLING)
    keys: Iterator[int] = iter(range(1_000_000))
    count = 60

    def ours() -> float:
        key = next(keys)
        asked = [Asked(key, ((words(85, key), count),))]
        return count / seconds(lambda: ours_run(engine, asked))

    compare(
        "Single stream",
        {"ours": ours}
        | {
            kind: lambda run=run: count / run([Ids().encode(words(85, 1))]).seconds(count)
            for kind, run in peers.kinds.items()
        },
    )


def alike(peers: Peers) -> None:
    """Rows computed where samples say the same: an embedded model, n = 100, 12 problems."""
    del peers
    model = CodeGen.from_pretrained("codegen-3M-mono")
    assert model.tokenizer is not None
    prompts = [problem.turns[0] for problem in benchmarks.load("starter-function").problems[:12]]
    for temperature in (0.2, 0.8):
        engine = Engine(model, model.tokenizer, EngineOptions(), Sampling(temperature, 0.95))
        rows = counted_rows(engine)
        asked = [
            Once(Request(prompt, n, 128, humaneval_stop)) for prompt in prompts for n in range(100)
        ]
        taken = seconds(partial(ours_run, engine, asked))
        tokens = engine.stats.tokens
        print(
            f"\nT = {temperature}: {tokens} tokens, {sum(rows)} rows computed, prompts included, "
            f"{tokens / taken:.0f} tokens/s"
        )


def shared(peers: Peers) -> None:
    """A step of 128 rows of one prompt: its pages attended to together, and row by row."""
    together, slots = attention.SHARING_ROWS, 128
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=slots), SAMPLING)
    keys: Iterator[int] = iter(range(1_000_000))

    def step(prompt: str, rows_together: int) -> float:
        attention.SHARING_ROWS = rows_together
        taken = []
        for tokens in (4, 12):
            asked = [Asked(next(keys), ((prompt, tokens),)) for _ in range(slots)]
            taken.append(seconds(partial(ours_run, engine, asked)))
        return (taken[1] - taken[0]) / 8

    for length in (85, 200, 512, 1280):
        prompt = words(length, length)
        ours_run(engine, [Asked(next(keys), ((prompt, 1),))])
        found = [(step(prompt, together), step(prompt, slots + 1)) for _ in range(ROUNDS)]
        ratios = sorted(apart / ours for ours, apart in found)
        print(
            f"\nprompt of {length} tokens: {1e3 * statistics.median(t for t, _ in found):.0f} ms a "
            f"step, {statistics.median(ratios):.2f} × as fast as row by row "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )
    attention.SHARING_ROWS = together


def counted_rows(engine: Engine) -> list[int]:
    """How many rows each step of `engine` will have computed."""
    counts: list[int] = []
    compute = engine._runner.logits

    def logits(rows: Sequence[Row], wanted: Sequence[int]) -> torch.Tensor:
        counts.append(len(rows))
        return compute(rows, wanted)

    engine._runner.logits = logits  # type: ignore[method-assign]
    return counts


def limit(peers: Peers) -> None:
    """What the processor can do: memory's speed, and the product's at the shape of a step."""
    del peers
    config = CodeGenConfig()
    table = torch.ones(64 * 2**20)
    speed = 4 * table.numel() / min(seconds(table.sum) for _ in range(7))
    flops = 2 * (config.parameters - config.vocab_size * config.n_embd)
    print(f"\nmemory is read at {speed / 1e9:.1f} GB/s; a token takes {flops / 1e9:.2f} GFLOP")
    for rows in (2, 16, 64, 128, 256):
        packed = torch.ops.mkldnn._reorder_linear_weight(torch.randn(4096, 1024), 64)
        x = torch.randn(rows, 1024)

        def product(x: torch.Tensor = x, packed: torch.Tensor = packed) -> None:
            for _ in range(8):
                torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")

        rate = 8 * 2 * rows * 4096 * 1024 / min(seconds(product) for _ in range(7))
        bound = min(rate / flops, rows * speed / (2 * flops))
        print(f"  {rows:4d} rows: products at {rate / 1e9:6.1f} GFLOP/s, {bound:6.1f} tokens/s")


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    chosen = sys.argv[1:] or ["limit", "alike", "shared", "decode", "humaneval", "mtpb", "single"]
    benches = {f.__name__: f for f in (alike, shared, decode, humaneval, mtpb, single, limit)}
    peers = Peers()
    print(f"torch {torch.__version__}, ctranslate2 {ctranslate2.__version__}, {THREADS} threads")
    for name in chosen:
        benches[name](peers)


if __name__ == "__main__":
    main()
