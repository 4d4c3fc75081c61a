"""Training the embedded family: it resumes to the same bits, and writes checkpoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import CodeGen
from models.config import ModelError
from models.training.__main__ import main
from models.training.batches import encode, plan
from models.training.corpora.corpus import Stage
from models.training.family import FamilyTraining
from models.training.settings import Settings, Size
from models.training.train import StageTraining, rate, train_stage

TINY = Settings(
    vocabulary=900,
    context=512,
    batch_tokens=1024,
    warmup_steps=2,
    validation_tokens=500,
    save_every=4,
    scale=0.01,
    sizes={"1M": Size(1, 16, 4, 4, 1e-2, {"nl": 600_000, "multi": 800_000, "mono": 600_000})},
)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> FamilyTraining:
    """A family of which the nl stage of a tiny size has been trained."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("starter")
    made = FamilyTraining(folder / "output", folder / "work", TINY)
    made.work.mkdir()
    made.train("1M", [Stage.nl])
    return made


def weights(run: StageTraining) -> list[torch.Tensor]:
    return list(run.model.state_dict().values())


def test_training_resumes_bit_identically(family: FamilyTraining, tmp_path: Path) -> None:
    corpus = family.corpus(Stage.multi, "1M")
    lesson = family.lesson(Stage.multi, "1M", corpus)
    runs = []
    for name, stops in (("whole", [None]), ("interrupted", [6, None])):
        for stop in stops:  # each goes on from the checkpoint of the one before, at step 4
            run = StageTraining.start(family.beginning("1M", Stage.multi), TINY)
            train_stage(run, replace(lesson, checkpoint=tmp_path / f"{name}.pt"), TINY, stop)
        runs.append(run)
    assert runs[0].step == runs[1].step > 6
    assert all(map(torch.equal, weights(runs[0]), weights(runs[1])))
    assert [p["loss"] for p in runs[0].curve] == [p["loss"] for p in runs[1].curve]


def test_training_lowers_the_loss(family: FamilyTraining) -> None:
    lesson = family.lesson(Stage.nl, "1M", family.corpus(Stage.nl, "1M"))
    run = StageTraining.start(family.beginning("1M", Stage.nl), TINY)
    run.restore(lesson.checkpoint)
    assert run.curve[-1]["validation"] < 0.95 * np.log(TINY.vocabulary)


def test_stages_are_checkpoints_that_generate(family: FamilyTraining) -> None:
    model = CodeGen.from_pretrained(family.target("1M", Stage.nl))
    assert model.generate("The", max_new_tokens=4, seed=0) is not None
    assert (family.target("1M", Stage.nl) / "training.json").exists()


def test_a_stage_needs_the_one_before(family: FamilyTraining) -> None:
    with pytest.raises(ModelError, match="train the stages before"):
        family.beginning("1M", Stage.mono)


def test_plan_takes_every_document_once() -> None:
    lengths = np.random.default_rng(0).integers(10, 90, 3000)
    batches = plan(lengths, 512, seed=1)
    assert sorted(i for batch in batches for i in batch) == list(range(3000))
    assert all(len(batch) * lengths[batch].max() <= 512 for batch in batches)


def test_plan_for_more_documents_begins_with_that_for_fewer() -> None:
    lengths = np.random.default_rng(0).integers(10, 90, 3000)
    fewer = plan(lengths[:2000], 512, seed=1)
    assert plan(lengths, 512, seed=1)[: len(fewer)] == fewer


def test_rate_rises_stays_and_falls() -> None:
    rates = [rate(step, 100, 1.0, TINY) for step in range(100)]
    assert rates[0] == 0.5
    assert rates[2:70] == [1.0] * 68
    assert rates[70:] == sorted(rates[70:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_answers_weigh_more_than_prompts(family: FamilyTraining) -> None:
    tokenizer = family.tokenizer()
    ids, counts = encode("# Set x to 1.\nx = 1\n\n", tokenizer, 0.25)
    text = [tokenizer.decode([i]) for i, count in zip(ids, counts, strict=True) if count == 1]
    assert "".join(text) == "x = 1\n\n<|endoftext|>"


def test_vocabulary_keeps_digits_and_names_in_the_same_pieces(family: FamilyTraining) -> None:
    tokenizer = family.tokenizer()
    assert len(tokenizer) <= TINY.vocabulary
    pieces = [tokenizer.decode([i]) for i in tokenizer.encode("1234 5678")]
    assert pieces == ["1", "2", "3", "4", " 5", "6", "7", "8"]
    for name in ("zulandi", "total_words", "sorted"):
        bare = [tokenizer.decode([i]) for i in tokenizer.encode(name)]
        spaced = [tokenizer.decode([i]) for i in tokenizer.encode(f" {name}")]
        assert [p for p in spaced if p != " "][1:] == bare[1:]


def test_output_that_is_a_file_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "work").write_text("")
    assert main(["--work", str(tmp_path / "work"), "--scale", "0.0001"]) == 2
    assert "error:" in capsys.readouterr().err


def test_an_unknown_device_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--work", str(tmp_path / "work"), "--device", "abacus"])
    assert end.value.code == 2
    assert "--device: abacus" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(("error", "status"), [(KeyError("x"), 3), (KeyboardInterrupt(), 130)])
def test_a_crash_is_never_status_1(
    error: BaseException,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(FamilyTraining, "train", fail)
    assert main(["--work", str(tmp_path / "work")]) == status
    assert "the same command goes on" in capsys.readouterr().err
