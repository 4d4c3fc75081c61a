"""The sampling engine against transformers and CTranslate2, on a model of the 350M geometry.

    python -m tests.speed.bench_engine [decode] [humaneval] [mtpb] [single] [limit]

Random weights, made on the spot. Candidates take turns in one process, several rounds; ratios are
of the medians. A candidate's whole run may be long, so that peers are timed on a part of it and the
rest is extrapolated in their favour (attention costs more later). README.md explains the figures.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import ctranslate2
import torch
from ctranslate2.converters.transformers import CodeGenLoader
from ctranslate2.specs import transformer_spec
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM

from models import CodeGen, CodeGenConfig, Completion, Engine, EngineOptions, Request, Sampling
from models.codegen import checkpoint_weights
from models.config import CodeGenConfig as Geometry

SAMPLING = Sampling(temperature=0.8, top_p=0.95)
THREADS = int(os.environ.get("MTPB_THREADS", torch.get_num_threads()))
ROUNDS = int(os.environ.get("MTPB_ROUNDS", 3))
BATCHES = int(os.environ.get("MTPB_BATCHES", 3))
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


class Peers:
    """The same weights in transformers and, once asked for, in CTranslate2."""

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
        self.theirs = theirs.to_empty(device="cpu").eval()
        tensors, state = self.theirs.state_dict(), self.ours.state_dict()
        for name, weight in checkpoint_weights(config).items():
            tensors[name].copy_(weight.save(state[weight.parameter]))
        rebuild_positions(self.theirs)

    def generate(self, prompts: list[list[int]], count: int) -> None:
        """`count` new tokens in every row."""
        ids = torch.tensor(prompts)
        self.theirs.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=0.8,
            top_p=0.95,
            top_k=0,
            max_new_tokens=count,
            min_new_tokens=count,
            pad_token_id=0,
        )


@torch.no_grad()
def draw(model: CodeGen) -> None:
    """Quickly drawn weights: a hash of the place, uniform, about as large as trained ones."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)
        else:
            parameter.uniform_(-0.04, 0.04)


def rebuild_positions(theirs: CodeGenForCausalLM) -> None:
    """Their table of sines is no weight: it must be made anew after the meta device."""
    from transformers.models.codegen.modeling_codegen import create_sinusoidal_positions

    for block in theirs.transformer.h:
        attention = block.attn
        table = create_sinusoidal_positions(attention.max_positions, attention.pos_embd_dim)
        attention.embed_positions = table


def converted(peers: Peers, kind: str) -> ctranslate2.Generator:
    """CTranslate2's generator of the same weights; `kind` is its compute type."""
    folder = Path(tempfile.gettempdir()) / f"bench-ct2-{os.getpid()}"
    if not folder.exists():
        folder.mkdir()
        specification(peers).save(str(folder))
    return ctranslate2.Generator(
        str(folder), compute_type=kind, inter_threads=1, intra_threads=THREADS
    )


def specification(peers: Peers) -> transformer_spec.TransformerDecoderModelSpec:
    """As CTranslate2's own converter builds it, which wants a model on the disk."""
    spec = CodeGenLoader().get_model_spec(peers.theirs)
    config = spec.config
    config.bos_token = config.eos_token = config.unk_token = "<|endoftext|>"
    spec.register_vocabulary([*[str(n) for n in range(51199)], "<|endoftext|>"])
    spec.validate()
    spec.optimize(quantization=None)
    return spec


def ct2_generate(generator: ctranslate2.Generator, prompts: list[list[int]], count: int) -> None:
    generator.generate_batch(
        [[str(token) for token in prompt] for prompt in prompts],
        max_batch_size=len(prompts),
        max_length=count,
        min_length=count,
        sampling_topk=0,
        sampling_topp=0.95,
        sampling_temperature=0.8,
        include_prompt_in_result=False,
    )


def ours_generate(engine: Engine, asked: list[Asked]) -> int:
    before = engine.stats.tokens
    for _ in engine.run(asked):
        pass
    return engine.stats.tokens - before


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rates(candidates: dict[str, tuple[Callable[[], object], float]]) -> dict[str, float]:
    """Tokens a second by candidate, (work, tokens): medians of rounds in which all take turns."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, (work, _) in candidates.items():
            times[name].append(seconds(work))
    return {name: candidates[name][1] / statistics.median(t) for name, t in times.items()}


def report(title: str, found: dict[str, float], ours: str = "ours") -> None:
    print(f"\n{title}")
    for name, rate in found.items():
        ratio = "" if name == ours else f"   ours is {found[ours] / rate:6.2f} times as fast"
        print(f"  {name:42s} {rate:8.1f} tokens/s{ratio}", flush=True)


def decode(peers: Peers) -> None:
    """Equal lengths: 128 rows of one prompt of 85 tokens, 40 tokens each."""
    prompt, slots = words(85, 1), 128
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=slots), SAMPLING)
    asked = [Asked(key, ((prompt, 40),)) for key in range(slots)]
    ids = Ids().encode(prompt)
    work: dict[str, tuple[Callable[[], object], float]] = {
        "ours": (lambda: ours_generate(engine, asked), slots * 40)
    }
    for batch in (32, 100)[:BATCHES]:
        rows, count = [ids] * batch, 12
        work[f"transformers, batch {batch}"] = (
            lambda rows=rows: peers.generate(rows, 12),
            batch * count,
        )
        for kind in ("float32", "int8"):
            generator = converted(peers, kind)
            work[f"CTranslate2 {kind}, batch {batch}"] = (
                lambda rows=rows, generator=generator: ct2_generate(generator, rows, 12),
                batch * count,
            )
    report("Raw decode, equal lengths", rates(work))


def humaneval(peers: Peers) -> None:
    """n = 100 samples of prompts of 85 and 200 tokens, lengths of a real model's rows.

    Peers have no stop rule: a batch runs to its longest row. They are timed on 16 tokens a row, and
    a batch of that length is taken to go on at this speed.
    """
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=128), SAMPLING)
    drawn = lengths(200)
    prompts = [words(85, 1), words(200, 2)]
    asked = [Asked(key, ((prompts[key // 100], drawn[key]),)) for key in range(200)]
    useful = float(sum(drawn))
    work: dict[str, tuple[Callable[[], object], float]] = {
        "ours": (lambda: ours_generate(engine, asked), useful)
    }
    for batch in (8, 25, 100)[:BATCHES]:
        rows = [Ids().encode(prompts[0])] * batch
        longest = statistics.mean(max(drawn[n : n + batch]) for n in range(0, 200, batch))
        worth = useful / 200 * batch * 12 / longest  # useful tokens of a batch's first 12 steps
        work[f"transformers, batch {batch}"] = (lambda rows=rows: peers.generate(rows, 12), worth)
        for kind in ("float32", "int8"):
            generator = converted(peers, kind)
            work[f"CTranslate2 {kind}, batch {batch}"] = (
                lambda rows=rows, generator=generator: ct2_generate(generator, rows, 12),
                worth,
            )
    report("HumanEval-shaped, useful tokens", rates(work))


def mtpb(peers: Peers) -> None:
    """Conversations of 5 turns, 40 samples of 2 cases, against the official sampler's loop.

    The loop generates for the 40 samples of one case at a time, from their whole histories, to the
    longest row of each turn. It is timed on the first tokens of the first and of the last turn.
    """
    turns, samples = 5, 40
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=80), SAMPLING)
    drawn = lengths(2 * samples * turns, seed=3)
    asked = []
    for key in range(2 * samples):
        mine = drawn[key * turns : key * turns + turns]
        asks = [words(25 if turn else 40, 1000 * (key // samples) + turn) for turn in range(turns)]
        asked.append(Asked(key, tuple(zip(asks, mine, strict=True))))
    useful = float(sum(drawn))

    def loop(history: int) -> None:
        rows = [Ids().encode(words(history, n)) for n in range(samples)]
        peers.generate(rows, 4)

    histories = [40 + turn * (25 + round(useful / len(drawn))) for turn in range(turns)]
    longest = statistics.mean(
        max(drawn[n * turns + turn] for n in range(samples)) for turn in range(turns)
    )
    ours, first, steps = [], [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: ours_generate(engine, asked)))
        middle = histories[turns // 2]
        first.append(seconds(lambda middle=middle: loop(middle)))
        rows = [Ids().encode(words(middle, n)) for n in range(samples)]
        steps.append(seconds(lambda rows=rows: peers.generate(rows, 12)))
    a_step = (statistics.median(steps) - statistics.median(first)) / 8
    a_turn = statistics.median(first) + a_step * (longest - 4)
    found = {
        "ours": useful / statistics.median(ours),
        "official loop on transformers, 40 at a time": useful / (2 * turns * a_turn),
    }
    report("MTPB-shaped, useful tokens", found)


def single(peers: Peers) -> None:
    """One conversation, float32: prompt of 85 tokens, 24 more."""
    engine = Engine(peers.ours, Ids(), EngineOptions(slots=1), SAMPLING)
    ids = Ids().encode(words(85, 1))
    generator = converted(peers, "float32")

    def asked(key: int) -> Asked:
        return Asked(key, ((words(85, key), 24),))  # another prompt each time: none is known

    keys: Iterator[int] = iter(range(1_000_000))
    work: dict[str, tuple[Callable[[], object], float]] = {
        "ours": (lambda: ours_generate(engine, [asked(next(keys))]), 24),
        "CTranslate2 float32": (lambda: ct2_generate(generator, [ids], 24), 24),
        "transformers float32": (lambda: peers.generate([ids], 24), 24),
    }
    report("Single stream", rates(work))


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
    chosen = sys.argv[1:] or ["limit", "decode", "humaneval", "mtpb", "single"]
    benches = {f.__name__: f for f in (decode, humaneval, mtpb, single, limit)}
    peers = Peers()
    print(f"torch {torch.__version__}, ctranslate2 {ctranslate2.__version__}, {THREADS} threads")
    for name in chosen:
        benches[name](peers)


if __name__ == "__main__":
    main()
