"""The sampling engine against transformers and CTranslate2, on a model of the 350M geometry.

    python -m tests.speed.bench_engine [limit] [alike] [shared] [decode] [humaneval] [mtpb] [single]

Random weights, made on the spot. Candidates take turns in one process, in rounds; a ratio is the
median of the rounds' ratios. Ours does all its work. Peers, for which that would take hours, are
timed on a batch's first tokens: what the prompt takes, what a step takes, by how much steps get
slower with length, and so what the whole batch would take. README.md explains the figures.
"""

from __future__ import annotations

import copy
import json
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import ctranslate2
import torch
from ctranslate2.converters.transformers import CodeGenLoader
from ctranslate2.specs import transformer_spec
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM, StoppingCriteria, StoppingCriteriaList

import benchmarks
from benchmarks.stopping import humaneval_stop
from models import CodeGen, CodeGenConfig, Completion, Engine, EngineOptions, Request, Sampling
from models.checkpoint import checkpoint_weights
from models.config import CodeGenConfig as Geometry
from models.engine.cpu import attention
from models.engine.scheduler import Row

SAMPLING = Sampling(temperature=0.8, top_p=0.95)
THREADS = int(os.environ.get("MTPB_THREADS", torch.get_num_threads()))
ROUNDS = int(os.environ.get("MTPB_ROUNDS", 3))
PROMPTS = int(os.environ.get("MTPB_PROMPTS", 8))
CASES = int(os.environ.get("MTPB_CASES", 10))
BATCHES = tuple(map(int, os.environ.get("MTPB_BATCHES", "10,25,100").split(",")))
LENGTHS = (
    # percentiles 0, 5, …, 100 of tokens a completion of a 16B model on HumanEval
    *(1, 7, 12, 12, 12, 15, 20, 25, 30, 35, 40),
    *(46, 52, 59, 67, 76, 88, 104, 129, 175, 300),
)


class Ids:
    """Texts are ids in decimal: prompts of an exact number of tokens."""

    def encode(self, text: str) -> list[int]:
        return [int(word) for word in text.split()]

    def token_bytes(self, token: int) -> bytes:
        return f" {token}".encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A dialogue of given lengths: (tokens of the prompt, tokens of the answer) per turn."""

    key: int
    turns: tuple[tuple[str, int], ...]
    history: str = ""
    turn: int = 0

    @property
    def request(self) -> Request | None:
        if self.turn == len(self.turns):
            return None
        prompt, length = self.turns[self.turn]
        return Request(self.history + prompt, self.key * 100 + self.turn, length)

    def receive(self, completion: Completion) -> Asked:
        said = self.history + self.turns[self.turn][0] + completion.text
        return replace(self, history=said, turn=self.turn + 1)


@dataclass(frozen=True, slots=True)
class Once:
    """A dialogue of one request."""

    request: Request | None

    def receive(self, completion: Completion) -> Once:
        return Once(None)


def words(count: int, seed: int) -> str:
    chooser = random.Random(seed)
    return " " + " ".join(str(chooser.randrange(50_000)) for _ in range(count))


def lengths(count: int, seed: int = 0) -> list[int]:
    """Row lengths as those of a real model; from the data's percentiles if they are at hand."""
    path = Path(os.environ.get("MTPB_DATA", "../shared/data")) / "completion-lengths.json"
    table = json.loads(path.read_text())["percentiles"] if path.is_file() else LENGTHS
    chooser = random.Random(seed)
    drawn = [chooser.random() * (len(table) - 1) for _ in range(count)]
    return [round(table[int(x)] + (x % 1) * (table[int(x) + 1] - table[int(x)])) for x in drawn]


@dataclass(frozen=True, slots=True)
class Timing:
    """A peer's batch: seconds until the first token of every row, and a step after that."""

    first: float
    step: float

    def seconds(self, tokens: float, growth: float = 0.0) -> float:
        """Until every row has `tokens` tokens, if steps get slower by `growth` with each."""
        return self.first + (tokens - 1) * (self.step + growth * tokens / 2)

    def towards(self, other: Timing, share: float) -> Timing:
        """On the line from this one to the other."""
        return Timing(
            self.first + share * (other.first - self.first),
            self.step + share * (other.step - self.step),
        )

    @staticmethod
    def of(moments: list[float]) -> Timing:
        """From the start and the moments at which the batch had its first, second, … token."""
        steps = [later - earlier for earlier, later in pairwise(moments[1:])]
        return Timing(moments[1] - moments[0], statistics.median(steps))


Peer = Callable[[list[list[int]]], Timing]
STEPS = 9  # tokens a row that peers are timed on


class Peers:
    """The same weights in the engine's model, in transformers and in CTranslate2."""

    def __init__(self) -> None:
        config = Geometry(eos_token_id=50256)
        record = config.to_json()
        for name in ("architectures", "torch_dtype", "bos_token_id", "eos_token_id"):
            del record[name]
        record |= {"bos_token_id": None, "eos_token_id": None}
        with torch.device("meta"):
            self.ours, theirs = CodeGen(config), CodeGenForCausalLM(TheirConfig(**record))
        self.ours = self.ours.to_empty(device="cpu").eval()
        draw(self.ours)
        theirs = theirs.to_empty(device="cpu").eval()
        tensors, state = theirs.state_dict(), self.ours.state_dict()
        for name, weight in checkpoint_weights(config).items():
            tensors[name].copy_(weight.save(state[weight.parameter]))
        rebuild_positions(theirs)
        self.kinds: dict[str, Peer] = {"transformers float32": partial(transformers_run, theirs)}
        with tempfile.TemporaryDirectory() as folder:
            specification(theirs).save(folder)
            for kind in ("float32", "int8"):
                generator = ctranslate2.Generator(
                    folder, compute_type=kind, inter_threads=1, intra_threads=THREADS
                )
                self.kinds[f"CTranslate2 {kind}"] = partial(ctranslate2_run, generator)
        theirs = copy.deepcopy(theirs).bfloat16()
        rebuild_positions(theirs)
        self.kinds["transformers bfloat16"] = partial(transformers_run, theirs)


@torch.no_grad()
def draw(model: CodeGen) -> None:
    """Quickly drawn weights: uniform, about as large as trained ones."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        else:
            parameter.uniform_(-0.04, 0.04)


def rebuild_positions(theirs: CodeGenForCausalLM) -> None:
    """Their table of sines is no weight: it must be made anew after the meta device."""
    from transformers.models.codegen.modeling_codegen import create_sinusoidal_positions

    for block in theirs.transformer.h:
        attn = block.attn
        table = create_sinusoidal_positions(attn.max_positions, attn.pos_embd_dim)
        attn.embed_positions = table


class Clock(StoppingCriteria):  # type: ignore[misc]
    """Notes when each step of `generate` ends; stops nothing."""

    def __init__(self) -> None:
        self.moments = [time.perf_counter()]

    def __call__(self, ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        self.moments.append(time.perf_counter())
        return torch.zeros(len(ids), dtype=torch.bool)


def generate(model: CodeGenForCausalLM, ids: torch.Tensor, tokens: int, **more: object) -> None:
    """`tokens` tokens for each row of `ids`, by transformers' own loop."""
    model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=True,
        temperature=SAMPLING.temperature,
        top_p=SAMPLING.top_p,
        top_k=0,
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        pad_token_id=0,
        **more,
    )


def transformers_run(model: CodeGenForCausalLM, prompts: list[list[int]]) -> Timing:
    clock = Clock()
    generate(model, torch.tensor(prompts), STEPS, stopping_criteria=StoppingCriteriaList([clock]))
    return Timing.of(clock.moments)


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


def ours_run(engine: Engine, asked: Sequence[Asked] | Sequence[Once]) -> int:
    before = engine.stats.tokens
    for _ in engine.run(asked):
        pass
    return engine.stats.tokens - before


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


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
    """n = 100 samples of `PROMPTS` prompts: 85 tokens, one of them 200; a real model's row lengths.

    Peers have no stop rule: a batch runs to its longest row. Ours pays for its end too, when the
    last long rows are alone; a whole suite of 164 prompts would show less of that.
    """
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=128), SAMPLING)
    prompts = [words(200 if n == 3 else 85, n) for n in range(PROMPTS)]
    drawn = lengths(100 * len(prompts))
    asked = [Asked(key, ((prompts[key // 100], drawn[key]),)) for key in range(len(drawn))]
    useful = float(sum(drawn))

    def theirs(kind: str, batch: int) -> float:
        short, long = (
            peers.kinds[kind]([Ids().encode(words(tokens, 1))] * batch) for tokens in (85, 285)
        )
        growth = max((long.step - short.step) / 200, 0.0)
        taken = 0.0
        for n in range(len(prompts)):
            timing = short.towards(long, (200 - 85) / 200) if n == 3 else short
            rows = drawn[100 * n : 100 * n + 100]
            longest = [max(rows[i : i + batch]) for i in range(0, 100, batch)]
            taken += sum(timing.seconds(tokens, growth) for tokens in longest)
        return useful / taken

    compare(
        "HumanEval-shaped, useful tokens",
        {"ours": lambda: useful / seconds(lambda: ours_run(engine, asked))}
        | {
            f"{kind}, batch {batch}": partial(theirs, kind, batch)
            for kind in peers.kinds
            for batch in BATCHES
        },
    )


def mtpb(peers: Peers) -> None:
    """Conversations of 5 turns, 40 samples of `CASES` cases, against the official sampler's loop.

    The loop generates for the 40 samples of one case at a time, from their whole histories, to the
    longest row of each turn.
    """
    turns, samples = 5, 40
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=128), SAMPLING)
    drawn = lengths(CASES * samples * turns, seed=3)
    asked = []
    for key in range(CASES * samples):
        mine = drawn[key * turns : key * turns + turns]
        asks = [words(25 if turn else 40, 1000 * (key // samples) + turn) for turn in range(turns)]
        asked.append(Asked(key, tuple(zip(asks, mine, strict=True))))
    useful = float(sum(drawn))
    histories = [40 + turn * (25 + round(useful / len(drawn))) for turn in range(turns)]

    def theirs(kind: str) -> float:
        timings = [
            peers.kinds[kind]([Ids().encode(words(history, n)) for n in range(samples)])
            for history in histories
        ]
        growth = max((timings[-1].step - timings[0].step) / (histories[-1] - histories[0]), 0.0)
        taken = 0.0
        for turn, timing in enumerate(timings):
            for case in range(CASES):
                first = case * samples * turns + turn
                rows = drawn[first : first + samples * turns : turns]
                taken += timing.seconds(max(rows), growth)
        return useful / taken

    compare(
        "MTPB-shaped, useful tokens; peers in the official sampler's loop",
        {"ours": lambda: useful / seconds(lambda: ours_run(engine, asked))}
        | {kind: partial(theirs, kind) for kind in peers.kinds if "transformers" in kind},
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
