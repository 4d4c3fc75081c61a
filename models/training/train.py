"""Training one stage of one model, resumable from a checkpoint to the same bits on the same machine
and number of threads."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from models.training.batches import Corpus, plan, rows
from models.training.settings import Settings
from models.transformer import Transformer, causal


def loss_of(model: Transformer, ids_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """The weighted mean cross-entropy in nats; the head is computed only for weights above 0."""
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
    """The learning rate: linear warm-up, a plateau, linear decay to zero over the last steps."""
    warming = (step + 1) / settings.warmup_steps
    falling = (steps - step) / (steps * settings.decay_share)
    return peak * min(1.0, warming, falling)


@torch.no_grad()
def validation_loss(model: Transformer, corpus: Corpus, settings: Settings) -> float:
    """The mean loss over documents that are not trained on, in nats a token."""
    batches = plan(corpus.lengths, settings.batch_tokens, 0)
    losses = [float(loss_of(model, *rows(corpus, batch))) * len(batch) for batch in batches]
    return sum(losses) / len(corpus.lengths)


@dataclass(slots=True)
class StageTraining:
    """The state of a stage's training, which a checkpoint holds."""

    model: Transformer
    optimizer: torch.optim.AdamW
    step: int
    seconds: float
    curve: list[dict[str, float]]

    @staticmethod
    def start(model: Transformer, settings: Settings) -> "StageTraining":
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
        return StageTraining(model, optimizer, 0, 0.0, [])

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
    """What a stage is trained on, and the path of its checkpoint."""

    corpus: Corpus
    held_out: Corpus
    peak_rate: float
    checkpoint: Path


def train_stage(
    training: StageTraining, lesson: Lesson, settings: Settings, until: int | None = None
) -> None:
    """Train a stage from its checkpoint, or from the start, to the end or `until` a step."""
    if lesson.checkpoint.exists():
        training.restore(lesson.checkpoint)
    steps = plan(lesson.corpus.lengths, settings.batch_tokens, settings.seed)
    name = lesson.checkpoint.stem
    with tqdm(
        total=len(steps),
        initial=training.step,
        desc=name,
        unit="step",
        mininterval=2,
        disable=None,  # shown in a terminal only
    ) as bar:
        for batch in steps[training.step : until]:
            began = time.process_time()
            learning_rate = rate(training.step, len(steps), lesson.peak_rate, settings)
            loss = _step(training, rows(lesson.corpus, batch), learning_rate, settings)
            training.step += 1
            training.seconds += time.process_time() - began
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            _record(training, loss, len(steps), lesson.held_out, settings)
            if training.step % settings.save_every == 0 or training.step == len(steps):
                training.save(lesson.checkpoint)


def _step(
    training: StageTraining, batch: tuple[Tensor, Tensor], learning_rate: float, settings: Settings
) -> float:
    for group in training.optimizer.param_groups:
        group["lr"] = learning_rate
    training.model.train()
    loss = loss_of(training.model, *batch)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(training.model.parameters(), settings.gradient_norm)
    training.optimizer.step()
    training.optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _record(
    training: StageTraining, loss: float, steps: int, held_out: Corpus, settings: Settings
) -> None:
    """Add a point to the loss curve every 20 steps, with the validation loss at checkpoints."""
    if training.step % 20 and training.step != steps:
        return
    point: dict[str, float] = {"step": training.step, "loss": round(loss, 4)}
    if training.step % settings.save_every == 0 or training.step == steps:
        point["validation"] = round(validation_loss(training.model, held_out, settings), 4)
    training.curve.append(point)
