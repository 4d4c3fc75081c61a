"""Train the embedded family: nl from scratch, multi from nl, mono from multi, for each size.

    python -m models.training                     # all of it
    python -m models.training --scale 0.01        # a look at every step, in a minute
    python -m models.training --sizes 3M --stages mono

Interrupted, the same command goes on from the last checkpoint, to the same bits on the same
machine and number of threads. Corpora are made first, once; a batch holds documents of about one
length, each in a row of its own.
"""

import argparse
import json
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from models.checkpoint import load, save
from models.config import ModelError
from models.embedded import WEIGHTS
from models.tokenizer import CodeGenTokenizer
from models.training.batches import Corpus, plan, rows, stored_corpus
from models.training.bpe import train_tokenizer
from models.training.card import HISTORY, write_card
from models.training.corpora.corpus import KEPT, Stage, lineage
from models.training.settings import SIZES, Settings
from models.transformer import Transformer, causal

_RESUMES = "the same command goes on from the last checkpoint"


def loss_of(model: Transformer, ids_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """Weighted mean cross-entropy; the head is applied only where a token counts."""
    where = next(model.parameters()).device
    ids_BT, weights_BT = ids_BT.to(where), weights_BT.to(where)
    positions_T = torch.arange(ids_BT.shape[1] - 1, device=where)
    hidden_BTC = model.hidden_states(ids_BT[:, :-1], positions_T, causal)
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
def validation_loss(model: Transformer, corpus: Corpus, settings: Settings) -> float:
    """Mean over documents that training never sees."""
    batches = plan(corpus.lengths, settings.batch_tokens, 0)
    losses = [float(loss_of(model, *rows(corpus, batch))) * len(batch) for batch in batches]
    return sum(losses) / len(corpus.lengths)


@dataclass(slots=True)
class Run:
    """One stage of one model under way: what a checkpoint holds."""

    model: Transformer
    optimizer: torch.optim.AdamW
    step: int
    seconds: float
    curve: list[dict[str, float]]

    @staticmethod
    def start(model: Transformer, settings: Settings) -> "Run":
        decayed = [p for p in model.parameters() if p.dim() > 1]
        others = [p for p in model.parameters() if p.dim() <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one stage of one model is trained on, and where its unfinished training is kept."""

    corpus: Corpus
    held_out: Corpus
    peak_rate: float
    checkpoint: Path


def train_stage(run: Run, lesson: Lesson, settings: Settings, until: int | None = None) -> None:
    """The steps of one stage, from where its checkpoint stands, to the end or `until` a step."""
    if lesson.checkpoint.exists():
        run.restore(lesson.checkpoint)
    steps = plan(lesson.corpus.lengths, settings.batch_tokens, settings.seed)
    name = lesson.checkpoint.stem
    with tqdm(total=len(steps), initial=run.step, desc=name, unit="step", mininterval=2) as bar:
        for batch in steps[run.step : until]:
            began = time.process_time()
            learning_rate = rate(run.step, len(steps), lesson.peak_rate, settings)
            loss = _step(run, rows(lesson.corpus, batch), learning_rate, settings)
            run.step += 1
            run.seconds += time.process_time() - began
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            _record(run, loss, len(steps), lesson.held_out, settings)
            if run.step % settings.save_every == 0 or run.step == len(steps):
                run.save(lesson.checkpoint)


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


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where checkpoints go, where corpora and unfinished training are kept, and how to train."""

    output: Path
    work: Path
    settings: Settings
    device: str = "cpu"

    def train(self, size: str, stages: list[Stage]) -> None:
        """Stages of one size in order; steps that were done before are kept."""
        for stage in stages:
            began = time.perf_counter()
            corpus = self.corpus(stage, size)
            run = Run.start(self.beginning(size, stage).to(self.device), self.settings)
            train_stage(run, self.lesson(stage, size, corpus), self.settings)
            self.finish(run, size, stage, corpus)
            waited = time.perf_counter() - began
            print(f"{self.target(size, stage)}: {run.curve[-1]} after {waited:.0f} s")

    def target(self, size: str, stage: Stage) -> Path:
        folder = self.output if stage in KEPT else self.work
        return folder / f"codegen-{size}-{stage.value}"

    def tokenizer(self) -> CodeGenTokenizer:
        """The family's tokenizer, learned where it is not there yet."""
        folder = self.work / "tokenizer"
        if (folder / "tokenizer.json").exists():
            return CodeGenTokenizer.from_pretrained(folder)
        chosen = self.settings
        return train_tokenizer(chosen.vocabulary, chosen.seed, folder, min(1.0, chosen.scale))

    def corpus(self, stage: Stage, size: str) -> Corpus:
        tokens = int(self.settings.sizes[size].tokens[stage.value] * self.settings.scale)
        path = self.work / f"{stage.value}-{self.settings.seed}-{tokens}.npz"
        return stored_corpus(path, stage, tokens, self.tokenizer(), self.settings)

    def lesson(self, stage: Stage, size: str, corpus: Corpus) -> Lesson:
        """The stage's corpus, a validation corpus of another seed, the rate, the checkpoint."""
        other = replace(self.settings, seed=-self.settings.seed)
        path = self.work / f"{stage.value}-validation-{self.settings.seed}.npz"
        held_out = stored_corpus(path, stage, other.validation_tokens, self.tokenizer(), other)
        checkpoint = self.work / f"{size}-{stage.value}.pt"
        return Lesson(corpus, held_out, self.settings.sizes[size].peak_rate, checkpoint)

    def beginning(self, size: str, stage: Stage) -> Transformer:
        """Fresh weights for the first stage, those of the stage before for the others; float32."""
        before = lineage(stage)[:-1]
        if not before:
            eos = self.tokenizer().eos_id
            assert eos is not None
            config = self.settings.config(size, eos)
            return Transformer(config).initialize(self.settings.seed)
        previous = self.target(size, before[-1])
        if not previous.exists():
            raise ModelError(f"{previous}: not there; train the stages before first")
        return load(previous, torch.float32)

    def history(self, size: str, stage: Stage) -> list[dict[str, object]]:
        """How the stages before this one went."""
        before = lineage(stage)[:-1]
        if not before:
            return []
        text = (self.target(size, before[-1]) / HISTORY).read_text("utf-8")
        found: list[dict[str, object]] = json.loads(text)
        return found

    def finish(self, run: Run, size: str, stage: Stage, corpus: Corpus) -> None:
        """The checkpoint in Hugging Face layout, and beside it how it was trained."""
        target = self.target(size, stage)
        tokens, documents = len(corpus.tokens), len(corpus.lengths)
        self.tokenizer().save(target)
        facts = {
            "stage": stage.value,
            "tokens": tokens,
            "documents": documents,
            "steps": run.step,
            "processor_seconds": round(run.seconds),
            "device": self.device,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "curve": run.curve,
        }
        history = [*self.history(size, stage), facts]
        (target / HISTORY).write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        stored = Transformer(run.model.config)
        stored.load_state_dict(run.model.state_dict())
        save(stored.to(torch.float16), target)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.training", description=__doc__.split("\n")[0]
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
        "--stages", nargs="+", choices=[s.value for s in Stage], default=[s.value for s in Stage]
    )
    parser.add_argument("--seed", type=int, default=Settings().seed)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the training tokens, for trials"
    )
    parser.add_argument(
        "--device", type=device, default="cpu", help="where to train, such as cuda (default: cpu)"
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="threads on a CPU (default: torch's choice)"
    )
    return parser.parse_args(arguments)


def device(name: str) -> str:
    """The name of a device that torch can use here."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # the latter from a torch without CUDA
        raise argparse.ArgumentTypeError(f"{name}: {str(error).splitlines()[0]}") from error
    return name


def main(arguments: list[str] | None = None) -> int:
    """Train what was asked for; 2 where it cannot be done, 3 after an internal error, 130 after
    Ctrl-C. The same command goes on from the last checkpoint."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    settings = replace(Settings(), seed=options.seed, scale=options.scale)
    workshop = Workshop(options.output, options.work, settings, options.device)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        for size in options.sizes:
            workshop.train(size, [stage for stage in Stage if stage.value in options.stages])
        write_card(options.output, settings)
    except (ModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {_RESUMES}", file=sys.stderr)
        return 130
    except Exception as error:  # noqa: BLE001  Python's own status is 1, that of a failed check
        traceback.print_exc()
        print(f"internal error: {type(error).__name__}: {error}; {_RESUMES}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
