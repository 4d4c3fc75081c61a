"""Train the embedded family: nl from scratch, multi from nl, mono from multi, for each size.

    python -m models.starter.train                     # all of it
    python -m models.starter.train --scale 0.01        # a look at every step, in a minute
    python -m models.starter.train --sizes 4M --stages mono

Interrupted, the same command goes on from the last checkpoint, to the same bits on the same
machine and number of threads. Corpora are made first, once; a batch holds documents of about one
length, each in a row of its own.
"""

import argparse
import json
import platform
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from models.checkpoint import load, save
from models.codegen import CodeGen, causal
from models.config import CodeGenConfig, ModelError
from models.starter import WEIGHTS
from models.starter.bpe import train_tokenizer
from models.starter.corpus import Stage, documents, prompt_spans
from models.tokenizer import CodeGenTokenizer

PORTION = 1000
STAGES = (Stage.nl, Stage.multi, Stage.mono)


@dataclass(frozen=True, slots=True)
class Size:
    """A model's geometry, and how it is trained."""

    n_layer: int
    n_embd: int
    n_head: int
    rotary_dim: int
    peak_rate: float
    tokens: dict[str, int]
    """How many tokens each stage sees."""


SIZES = {
    "1M": Size(4, 128, 4, 16, 2.5e-3, {"nl": 160_000, "multi": 400_000, "mono": 6_000_000}),
    "3M": Size(5, 192, 8, 16, 1.5e-3, {"nl": 160_000, "multi": 400_000, "mono": 6_000_000}),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the weights depend on, besides the machine's rounding."""

    seed: int = 1
    vocabulary: int = 1536
    context: int = 1024
    batch_tokens: int = 2048
    warmup_steps: int = 50
    decay_share: float = 0.3
    """The last part of a stage's steps, in which the learning rate falls to zero."""
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.97)
    gradient_norm: float = 1.0
    prompt_weight: float = 0.2
    """What a prompt's tokens count in the mono stage; the code's count 1."""
    validation_tokens: int = 12_000
    save_every: int = 100
    scale: float = 1.0
    sizes: dict[str, Size] = field(default_factory=lambda: dict(SIZES))


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens of all documents one after the other; document i is `starts[i]:starts[i + 1]`."""

    tokens: np.ndarray
    weights: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)


def encode(
    document: str, tokenizer: CodeGenTokenizer, prompt_weight: float
) -> tuple[list[int], list[float]]:
    """A document's tokens and the end of text, and what each counts in the loss."""
    assert tokenizer.eos_id is not None
    ids = tokenizer.encode(document)
    is_prompt = np.zeros(len(document.encode()) + 1, dtype=bool)
    for start, end in prompt_spans(document) if prompt_weight != 1 else ():
        is_prompt[start:end] = True
    position, weights = 0, []
    for token in ids:
        weights.append(prompt_weight if is_prompt[position] else 1.0)
        position += len(tokenizer.token_bytes(token))
    return [*ids, tokenizer.eos_id], [*weights, 1.0]


def make_corpus(
    stage: Stage, seed: int, tokens: int, tokenizer: CodeGenTokenizer, settings: Settings
) -> Corpus:
    """Documents of a stage until there are enough tokens."""
    weight = settings.prompt_weight if stage is Stage.mono else 1.0
    ids: list[int] = []
    weights: list[float] = []
    starts = [0]
    with tqdm(
        total=tokens, desc=f"{stage.value} corpus", unit="tok", unit_scale=True, mininterval=2
    ) as bar:
        for document in documents(stage, seed):
            more, counts = encode(document, tokenizer, weight)
            if len(more) > settings.context // 2:
                continue
            ids += more
            weights += counts
            starts.append(len(ids))
            bar.update(len(more))
            if len(ids) >= tokens:
                break
    return Corpus(
        np.array(ids, np.int16), np.array(weights, np.float16), np.array(starts, np.int64)
    )


def corpus_file(
    stage: Stage,
    seed: int,
    tokens: int,
    tokenizer: CodeGenTokenizer,
    settings: Settings,
    work: Path,
) -> Corpus:
    """The corpus from the work folder, made where it is not there yet."""
    path = work / f"{stage.value}-{seed}-{tokens}.npz"
    if not path.exists():
        corpus = make_corpus(stage, seed, tokens, tokenizer, settings)
        part = path.with_suffix(".part.npz")
        np.savez(part, tokens=corpus.tokens, weights=corpus.weights, starts=corpus.starts)
        part.replace(path)
    with np.load(path) as stored:
        return Corpus(stored["tokens"], stored["weights"], stored["starts"])


def plan(lengths: np.ndarray, batch_tokens: int, seed: int) -> list[list[int]]:
    """Which documents make up each step: every one once, in rows of about one length.

    Documents are taken in portions, shuffled within: the plan for more documents begins with the
    plan for fewer, so that a stage can be made longer after it has begun. What does not fill a
    portion is left out.
    """
    batches: list[list[int]] = []
    portion = min(PORTION, len(lengths))
    for first in range(0, len(lengths) - portion + 1, portion):
        order = first + np.argsort(lengths[first : first + portion], kind="stable")
        portion_batches: list[list[int]] = [[]]
        for i in order:
            if (len(portion_batches[-1]) + 1) * lengths[i] > batch_tokens and portion_batches[-1]:
                portion_batches.append([])
            portion_batches[-1].append(int(i))
        rng = np.random.default_rng((seed, first))
        batches += [portion_batches[i] for i in rng.permutation(len(portion_batches))]
    return batches


def rows(corpus: Corpus, batch: list[int]) -> tuple[Tensor, Tensor]:
    """Tokens and weights (B, T) of some documents, shorter ones filled up with weight 0."""
    longest = int(max(corpus.lengths[i] for i in batch))
    ids_BT = torch.zeros(len(batch), longest, dtype=torch.int64)
    weights_BT = torch.zeros(len(batch), longest)
    for row, i in enumerate(batch):
        start, end = corpus.starts[i], corpus.starts[i + 1]
        ids_BT[row, : end - start] = torch.from_numpy(corpus.tokens[start:end].astype(np.int64))
        weights_BT[row, : end - start] = torch.from_numpy(
            corpus.weights[start:end].astype(np.float32)
        )
    return ids_BT, weights_BT


def loss_of(model: CodeGen, ids_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """Weighted mean cross-entropy; the head is applied only where a token counts."""
    where = model.embed.weight.device
    ids_BT, weights_BT = ids_BT.to(where), weights_BT.to(where)
    positions_T = torch.arange(ids_BT.shape[1] - 1, device=where)
    hidden_BTC = model.trunk(ids_BT[:, :-1], positions_T, causal)
    counts = weights_BT[:, 1:] > 0
    losses = F.cross_entropy(
        model.logits(hidden_BTC[counts]), ids_BT[:, 1:][counts], reduction="none"
    )
    weights = weights_BT[:, 1:][counts]
    return (losses * weights).sum() / weights.sum()


def rate(step: int, steps: int, peak: float, settings: Settings) -> float:
    """Linear warm-up, a plateau, and a linear way down to zero over the last part of the steps."""
    warming = (step + 1) / settings.warmup_steps
    falling = (steps - step) / (steps * settings.decay_share)
    return peak * min(1.0, warming, falling)


@torch.no_grad()
def validation_loss(model: CodeGen, corpus: Corpus, settings: Settings) -> float:
    """Mean over documents that training never sees."""
    batches = plan(corpus.lengths, settings.batch_tokens, 0)
    losses = [float(loss_of(model, *rows(corpus, batch))) * len(batch) for batch in batches]
    return sum(losses) / len(corpus.lengths)


@dataclass(slots=True)
class Run:
    """One stage of one model under way: what a checkpoint holds."""

    model: CodeGen
    optimizer: torch.optim.AdamW
    step: int
    seconds: float
    curve: list[dict[str, float]]

    @staticmethod
    def start(model: CodeGen, size: Size, settings: Settings) -> "Run":
        decayed = [p for p in model.parameters() if p.dim() > 1]
        others = [p for p in model.parameters() if p.dim() <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=size.peak_rate,
            betas=settings.betas,
            fused=True,
        )
        return Run(model, optimizer, 0, 0.0, [])

    def save(self, path: Path) -> None:
        record = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        part = path.with_suffix(".part")
        torch.save(
            {**record, "step": self.step, "seconds": self.seconds, "curve": self.curve}, part
        )
        part.replace(path)

    def restore(self, path: Path) -> None:
        record = torch.load(path, weights_only=True)
        self.model.load_state_dict(record["model"])
        self.optimizer.load_state_dict(record["optimizer"])
        self.step, self.seconds, self.curve = record["step"], record["seconds"], record["curve"]


def train_stage(
    run: Run, corpus: Corpus, held_out: Corpus, settings: Settings, peak: float, path: Path
) -> None:
    """All steps of one stage, from where the checkpoint at `path` stands."""
    if path.exists():
        run.restore(path)
    steps = plan(corpus.lengths, settings.batch_tokens, settings.seed)
    with tqdm(
        total=len(steps), initial=run.step, desc=path.stem, unit="step", mininterval=2
    ) as bar:
        for batch in steps[run.step :]:
            began = time.perf_counter()
            loss = _step(
                run, rows(corpus, batch), rate(run.step, len(steps), peak, settings), settings
            )
            run.step += 1
            run.seconds += time.perf_counter() - began
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            _record(run, loss, len(steps), held_out, settings)
            if run.step % settings.save_every == 0 or run.step == len(steps):
                run.save(path)


def _step(
    run: Run, batch: tuple[Tensor, Tensor], learning_rate: float, settings: Settings
) -> float:
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate
    run.model.train()
    loss = loss_of(run.model, *batch)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), settings.gradient_norm)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _record(run: Run, loss: float, steps: int, held_out: Corpus, settings: Settings) -> None:
    """A point of the loss curve every 20 steps; the validation loss with every checkpoint."""
    if run.step % 20 and run.step != steps:
        return
    point: dict[str, float] = {"step": run.step, "loss": round(loss, 4)}
    if run.step % settings.save_every == 0 or run.step == steps:
        point["validation"] = round(validation_loss(run.model, held_out, settings), 4)
    run.curve.append(point)


def train_size(
    name: str, stages: list[Stage], settings: Settings, folders: "Folders", device: str
) -> None:
    """The stages of one size in order, each from the one before; finished ones are taken over."""
    size = settings.sizes[name]
    tokenizer = folders.tokenizer(settings)
    previous: Path | None = None
    for stage in STAGES:
        target = folders.output / f"codegen-{name}-{stage.value}"
        if stage not in stages:
            previous = target
            continue
        tokens = int(size.tokens[stage.value] * settings.scale)
        corpus = corpus_file(stage, settings.seed, tokens, tokenizer, settings, folders.work)
        held_out = corpus_file(
            stage, -settings.seed, settings.validation_tokens, tokenizer, settings, folders.work
        )
        model = _beginning(size, settings, tokenizer, previous).to(device)
        run = Run.start(model, size, settings)
        train_stage(
            run,
            corpus,
            held_out,
            settings,
            size.peak_rate,
            folders.work / f"{name}-{stage.value}.pt",
        )
        finish(run, tokenizer, target, _facts(stage, corpus, device, run))
        previous = target


def _beginning(
    size: Size, settings: Settings, tokenizer: CodeGenTokenizer, previous: Path | None
) -> CodeGen:
    """Fresh weights, or those of the stage before, in float32."""
    if previous is not None:
        if not previous.exists():
            raise ModelError(f"{previous}: not there; train the stages before first")
        return load(previous, torch.float32)
    assert tokenizer.eos_id is not None
    config = CodeGenConfig(
        vocab_size=settings.vocabulary,
        n_positions=settings.context,
        n_layer=size.n_layer,
        n_embd=size.n_embd,
        n_head=size.n_head,
        rotary_dim=size.rotary_dim,
        bos_token_id=tokenizer.eos_id,
        eos_token_id=tokenizer.eos_id,
    )
    return CodeGen(config).initialize(settings.seed)


def _facts(stage: Stage, corpus: Corpus, device: str, run: Run) -> dict[str, object]:
    return {
        "stage": stage.value,
        "documents": len(corpus.lengths),
        "tokens": len(corpus.tokens),
        "steps": run.step,
        "seconds": round(run.seconds, 1),
        "threads": torch.get_num_threads(),
        "device": device,
        "machine": platform.machine(),
        "torch": torch.__version__,
        "curve": run.curve,
    }


def finish(run: Run, tokenizer: CodeGenTokenizer, target: Path, facts: dict[str, object]) -> None:
    """The checkpoint in Hugging Face layout, with `training.json` beside it."""
    tokenizer.save(target)
    (target / "training.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    half = CodeGen(run.model.config)
    half.load_state_dict(run.model.state_dict())
    save(half.to(torch.bfloat16), target)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where checkpoints go, and where corpora and unfinished training are kept."""

    output: Path
    work: Path

    def tokenizer(self, settings: Settings) -> CodeGenTokenizer:
        """The family's tokenizer, learned where it is not there yet."""
        folder = self.work / "tokenizer"
        if (folder / "tokenizer.json").exists():
            return CodeGenTokenizer.from_pretrained(folder)
        return train_tokenizer(settings.vocabulary, settings.seed, folder)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.starter.train", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=WEIGHTS,
        help="where the checkpoints go (default: the package)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("results/training"),
        help="corpora and unfinished training",
    )
    parser.add_argument("--sizes", nargs="+", choices=sorted(SIZES), default=sorted(SIZES))
    parser.add_argument(
        "--stages", nargs="+", choices=[s.value for s in STAGES], default=[s.value for s in STAGES]
    )
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the training tokens, for trials"
    )
    parser.add_argument(
        "--device", default="cpu", help="where to train, such as cuda (default: cpu)"
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="threads on a CPU (default: torch's choice)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Train what was asked for; 2 where it cannot be done."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = replace(Settings(), seed=options.seed, scale=options.scale)
    folders = Folders(options.output, options.work)
    folders.work.mkdir(parents=True, exist_ok=True)
    try:
        for name in options.sizes:
            train_size(name, [Stage(s) for s in options.stages], settings, folders, options.device)
    except (ModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
