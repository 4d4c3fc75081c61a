"""Training the embedded family: nl from scratch, multi from nl, mono from multi, for each size."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from models.checkpoint import load, save
from models.config import ModelError
from models.tokenizer import CodeGenTokenizer
from models.training.batches import Corpus, stored_corpus
from models.training.bpe import train_tokenizer
from models.training.card import HISTORY
from models.training.corpora.corpus import KEPT, Stage, lineage
from models.training.settings import Settings
from models.training.train import Lesson, StageTraining, train_stage
from models.transformer import Transformer


@dataclass(frozen=True, slots=True)
class FamilyTraining:
    """Trains the family: checkpoints go to `output`, corpora and unfinished training to `work`."""

    output: Path
    work: Path
    settings: Settings
    device: str = "cpu"

    def train(self, size: str, stages: list[Stage]) -> None:
        """Train stages of one size in order, each from its checkpoint if there is one."""
        for stage in stages:
            began = time.perf_counter()
            corpus = self.corpus(stage, size)
            training = StageTraining.start(
                self.beginning(size, stage).to(self.device), self.settings
            )
            train_stage(training, self.lesson(stage, size, corpus), self.settings)
            self.finish(training, size, stage, corpus)
            seconds = time.perf_counter() - began
            print(f"{self.target(size, stage)}: {training.curve[-1]} after {seconds:.0f} s")

    def target(self, size: str, stage: Stage) -> Path:
        folder = self.output if stage in KEPT else self.work
        return folder / f"codegen-{size}-{stage.value}"

    def tokenizer(self) -> CodeGenTokenizer:
        """The family's tokenizer; the first call trains it."""
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
        """The stage's corpus, a validation corpus from another seed, the rate, the checkpoint."""
        other = replace(self.settings, seed=-self.settings.seed)
        path = self.work / f"{stage.value}-validation-{self.settings.seed}.npz"
        held_out = stored_corpus(path, stage, other.validation_tokens, self.tokenizer(), other)
        checkpoint = self.work / f"{size}-{stage.value}.pt"
        return Lesson(corpus, held_out, self.settings.sizes[size].peak_rate, checkpoint)

    def beginning(self, size: str, stage: Stage) -> Transformer:
        """The model before a stage, in float32: a new one, or that of the stage before.

        Raises ModelError where the stage before is not trained.
        """
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
        """The records of the stages before this one."""
        before = lineage(stage)[:-1]
        if not before:
            return []
        text = (self.target(size, before[-1]) / HISTORY).read_text("utf-8")
        found: list[dict[str, object]] = json.loads(text)
        return found

    def finish(self, training: StageTraining, size: str, stage: Stage, corpus: Corpus) -> None:
        """Write the model in Hugging Face layout, and how it was trained."""
        target = self.target(size, stage)
        tokens, documents = len(corpus.tokens), len(corpus.lengths)
        self.tokenizer().save(target)
        facts = {
            "stage": stage.value,
            "tokens": tokens,
            "documents": documents,
            "steps": training.step,
            "processor_seconds": round(training.seconds),
            "device": self.device,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "curve": training.curve,
        }
        history = [*self.history(size, stage), facts]
        (target / HISTORY).write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        stored = Transformer(training.model.config)
        stored.load_state_dict(training.model.state_dict())
        save(stored.to(torch.float16), target)
