"""The embedded checkpoints: complete, small, named by their size, and able to copy."""

import json
import re
from pathlib import Path

import pytest

from models import CodeGen, ModelError
from models.embedded import WEIGHTS, embedded, names
from models.layout import read_config
from models.training.corpora.conversations import PREAMBLE
from models.training.corpora.corpus import Stage, lineage

LIMIT = 32 * 2**20
FILES = ("config.json", "model.safetensors", "tokenizer.json", "vocab.json", "merges.txt")


def test_family_is_three_sizes_of_three_variants() -> None:
    sizes = {name.split("-")[1] for name in names()}
    assert len(sizes) == 3
    assert {name.split("-")[2] for name in names()} == {"nl", "multi", "mono"}
    assert len(names()) == 9


def test_weights_fit_the_repository() -> None:
    total = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    assert total <= LIMIT


@pytest.mark.parametrize("name", names())
def test_directories_have_the_files_of_a_released_checkpoint(name: str) -> None:
    found = {path.name for path in embedded(name).iterdir()}
    assert found >= {*FILES, "added_tokens.json", "training.json"}


@pytest.mark.parametrize("name", names())
def test_name_tells_the_number_of_parameters(name: str) -> None:
    parameters = read_config(embedded(name)).parameters
    thousands = f"{round(parameters, -5) // 1000}K"
    assert name.split("-")[1] in (f"{round(parameters / 1e6)}M", thousands)


@pytest.mark.parametrize("name", names())
def test_history_has_every_stage_up_to_the_name(name: str) -> None:
    history = json.loads((embedded(name) / "training.json").read_text())
    stages = [stage.value for stage in lineage(Stage(name.split("-")[2]))]
    assert [stage["stage"] for stage in history] == stages
    losses = [stage["curve"][-1]["validation"] for stage in history]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("data", ["nl", "multi", "mono"])
def test_all_sizes_have_read_the_same_text(data: str) -> None:
    read = {
        tuple((stage["stage"], stage["documents"], stage["tokens"]) for stage in history)
        for name in names()
        if name.endswith(f"-{data}")
        for history in [json.loads((embedded(name) / "training.json").read_text())]
    }
    assert len(read) == 1


@pytest.mark.parametrize("size", sorted({name.split("-")[1] for name in names()}))
def test_mono_copies_names_and_values(size: str) -> None:
    model = CodeGen.from_pretrained(f"codegen-{size}-mono")
    prompt = f"{PREAMBLE}# Assign the list [7, 30, 4] to a variable named prices.\n"
    text = model.generate(prompt, max_new_tokens=24, temperature=0.0)
    assert re.match(r"prices = \[7, 30, 4\]\n", text)


def test_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no embedded model 'codegen-9M-mono'; there are"):
        embedded("codegen-9M-mono")
