"""The tables of docs/scale.md: what large studies take, by measured rates and memory's speed.

    python -m tests.speed.scale

No GPU was measured. A GPU's rate is ASSUMED times what its memory allows: in each step it reads the
weights once, and each row's keys and values. The built-in engine's own work comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BANDWIDTH = 3.35e12  # bytes a second, of an H100's memory, as its maker states it
MEMORY = 80e9  # bytes
ASSUMED = 0.5  # of the bound
GPUS = (1, 8, 64, 512)

# measured, see docs/scale.md
HOST = 40e-6  # seconds a token of the built-in engine, outside the model
CLIENT = 10_700  # tokens a second of a process that asks a server
PROGRAMS = 174  # a second and core, MTPB's, with NumPy
PER_TOKEN, PER_SAMPLE = 4.0, 1_400  # bytes on disk, verdicts included

COMPLETION = 58  # tokens, mean of a 16B mono model on HumanEval
TURNS = 514 / 115  # of an MTPB problem
CHAT = 400  # tokens of a chat's answer; assumed


@dataclass(frozen=True)
class Model:
    """`kv_bytes`: keys and values of a token; `slots`: rows of a step; `host`: seconds a token that
    the GPU waits for the engine."""

    name: str
    parameters: float
    kv_bytes: int
    slots: int
    host: float

    @property
    def gpus(self) -> int:
        """The GPUs of a copy: weights take at most 70 % of their memory."""
        needed = 2 * self.parameters / (0.7 * MEMORY)
        return next(n for n in (1, 2, 4, 8) if n >= needed)

    def tokens_a_second(self, context: float) -> float:
        """Of a copy, at ASSUMED times the bound, where rows have `context` tokens on average."""
        read = 2 * self.parameters + self.slots * context * self.kv_bytes
        step = read / (ASSUMED * self.gpus * BANDWIDTH) + self.host * self.slots
        return self.slots / step


@dataclass(frozen=True)
class Work:
    """Samples of one model: how many, tokens and mean context of each, programs of each."""

    samples: int
    tokens: float
    context: float
    programs: int


def codegen(name: str, parameters: float, layers: int, width: int) -> Model:
    return Model(name, parameters, layers * width * 4, 128, HOST)


def grouped(name: str, parameters: float, layers: int, width: int) -> Model:
    """A model whose heads share keys and values of `width` dimensions in all."""
    return Model(name, parameters, layers * width * 4, 256, 0.0)


PAPER = [
    codegen("350M", 0.36e9, 20, 1024),
    codegen("2B", 2.78e9, 32, 2560),
    codegen("6B", 7.07e9, 33, 4096),
    codegen("16B", 16.1e9, 34, 6144),
]
CURRENT = [
    *[grouped("8B", 8e9, 32, 1024)] * 4,
    *[grouped("14B", 14e9, 48, 1024)] * 2,
    *[grouped("32B", 32e9, 64, 1024)] * 2,
    *[grouped("70B", 70e9, 80, 1024)] * 2,
]
PAPER_WORK = (  # HumanEval at three temperatures; MTPB asked turn by turn, and at once
    Work(3 * 164 * 200, COMPLETION, 180, 1),
    Work(115 * 5 * 40, TURNS * COMPLETION, 250, 2),
    Work(115 * 5 * 40, TURNS * COMPLETION, 250, 2),
)
CHAT_WORK = (  # HumanEval+ and MBPP+ with 20 samples, MTPB turn by turn with 40
    Work((164 + 378) * 20, CHAT, 450, 1),
    Work(115 * 5 * 40, TURNS * CHAT, 1_200, 2),
)


def gpu_seconds(model: Model, work: Iterable[Work]) -> float:
    return sum(
        model.gpus * one.samples * one.tokens / model.tokens_a_second(one.context) for one in work
    )


def table(title: str, models: list[Model], work: tuple[Work, ...]) -> None:
    samples = len(models) * sum(one.samples for one in work)
    tokens = len(models) * sum(one.samples * one.tokens for one in work)
    programs = len(models) * sum(one.samples * one.programs for one in work)
    disk = tokens * PER_TOKEN + samples * PER_SAMPLE
    print(f"\n{title}: {len(models)} models, {samples:,} samples, {tokens / 1e6:,.0f} M tokens,")
    print(f"{programs:,} programs, {disk / 1e9:.1f} GB on disk\n")
    print("| models | GPUs a copy | tokens/s a copy | GPU hours a model | copies a client feeds |")
    for model in dict.fromkeys(models):
        count, rate = models.count(model), model.tokens_a_second(work[0].context)
        print(
            f"| {count} of {model.name} | {model.gpus} | {rate:,.0f} | "
            f"{gpu_seconds(model, work) / 3600:.1f} | {CLIENT / rate:.1f} |"
        )
    total = sum(gpu_seconds(model, work) for model in models)
    print("\n| GPUs | hours | conversations/s | tokens/s | programs/s | cores for them |")
    for gpus in GPUS:
        seconds = total / gpus
        print(
            f"| {gpus} | {seconds / 3600:.2g} | {samples / seconds:,.0f} | {tokens / seconds:,.0f} "
            f"| {programs / seconds:,.0f} | {programs / seconds / PROGRAMS:,.1f} |"
        )


if __name__ == "__main__":
    table("The paper's study", [model for model in PAPER for _ in range(3)], PAPER_WORK)
    table("Ten models of today, as chats", CURRENT, CHAT_WORK)
