"""Exported checkpoints compute the same tokens in transformers, and are whole or not there."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTJForCausalLM

from models import checkpoint
from models import export as exporting
from models.config import CodeGenConfig, ModelError
from models.embedded import embedded
from models.engine.dialogue import Request
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.pretrained import CodeGen
from models.transformer import Transformer
from tests.models.conftest import TINY
from tests.models.engine.talk import Question

PROMPT = "def add(a, b):\n    return"
GEOMETRIES = [
    TINY,
    replace(TINY, n_head=8, n_embd=64, rotary_dim=6, n_inner=100, layer_norm_epsilon=1e-3),
    replace(TINY, n_layer=3, dtype="bfloat16"),
]


def our_tokens(directory: Path, ids: list[int]) -> list[int]:
    """24 greedy tokens of the engine."""
    model = CodeGen.from_pretrained(directory, dtype="float32")
    assert model.tokenizer is not None
    engine = Engine(model, model.tokenizer, EngineOptions(slots=1), Sampling(0.0))
    (done,) = engine.run([Question(Request(tuple(ids), 0, 24))])
    assert done.completion is not None
    return list(done.completion.token_ids)


def their_tokens(directory: Path, ids: list[int]) -> list[int]:
    """24 greedy tokens of transformers' GPT-J."""
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    assert isinstance(model, GPTJForCausalLM)
    prompt = torch.tensor([ids])
    out = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=24,
        pad_token_id=0,
    )  # fmt: skip
    tokens: list[int] = out[0, len(ids) :].tolist()
    return tokens


def test_the_embedded_model_says_the_same_as_a_gptj(tmp_path: Path) -> None:
    source, output = embedded("codegen-1M-mono"), tmp_path / "gptj"
    exporting.export(source, output)
    tokenizer = AutoTokenizer.from_pretrained(output)
    ids = CodeGen.from_pretrained(source).tokenizer.encode(PROMPT)  # type: ignore[union-attr]
    assert tokenizer.encode(PROMPT) == ids
    tokens = our_tokens(source, ids)
    assert their_tokens(output, ids) == tokens
    assert len(set(tokens)) > 3


@pytest.mark.parametrize("config", GEOMETRIES, ids=["tiny", "odd", "bfloat16"])
@pytest.mark.parametrize("tied", [False, True], ids=["own head", "tied head"])
def test_random_geometries_say_the_same_as_a_gptj(
    config: CodeGenConfig, tied: bool, write_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    source, output = write_checkpoint(config), tmp_path / "gptj"
    model = Transformer(config).initialize(seed=1)
    for parameter in model.parameters():
        parameter.data.mul_(4 if parameter.dim() > 1 else 1)
    if tied:
        model.head.weight.data.copy_(model.embed.weight.data)
    checkpoint.save(model.to(getattr(torch, config.dtype or "float32")), source)
    exporting.export(source, output)
    ids = [5, 80, 200, 311, 7]
    assert their_tokens(output, ids) == our_tokens(source, ids)


def test_large_weights_are_in_several_files(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SHARD_BYTES", 70_000)
    output = tmp_path / "gptj"
    exporting.export(tiny_checkpoint, output)
    assert len(list(output.glob("model-*-of-*.safetensors"))) > 2
    assert their_tokens(output, [1, 2, 3]) == our_tokens(tiny_checkpoint, [1, 2, 3])


@pytest.mark.parametrize("content", ["file", "folder"])
def test_what_is_there_is_not_overwritten(
    tiny_checkpoint: Path, tmp_path: Path, content: str
) -> None:
    output = tmp_path / "there"
    if content == "folder":
        output.mkdir()
    (output / "notes" if content == "folder" else output).write_text("mine")
    with pytest.raises(ModelError, match="there and not an empty directory"):
        exporting.export(tiny_checkpoint, output)
    assert not list(tmp_path.glob(".there*"))


def test_an_empty_directory_is_filled(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    exporting.export(tiny_checkpoint, tmp_path / "empty")
    assert (tmp_path / "empty" / "config.json").is_file()


def command(*arguments: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [sys.executable, "-m", "models.export", *arguments],
        capture_output=True, text=True, preexec_fn=limit, check=False,
    )  # fmt: skip


def test_the_command_prints_the_directory(tmp_path: Path) -> None:
    done = command("model=codegen-1M-mono", f"output={tmp_path / 'x'}")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'x'}\n", "")


@pytest.mark.parametrize("largest", [1000, 1_000_000], ids=["tokenizer", "weights"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, largest: int) -> None:
    """A file size limit stands in for a full disk: the kernel refuses the write halfway."""
    done = command("model=codegen-1M-mono", f"output={tmp_path / 'x'}", largest=largest)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["model=codegen-1M-mono"],
        ["model=codegen-1M-mono", "output=/proc/self/nothing"],
        ["model=codegen-9M-mono", "output=x"],
        ["model=codegen-1M-mono", "output=x", "to=llama"],
    ],
    ids=["no output", "read-only", "no such model", "no such layout"],
)
def test_bad_usage_is_one_line(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_killed_export_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    """Killed where the weights are written, and there is no configuration yet."""
    code = (
        "import os, signal, safetensors.torch as s\n"
        "s.save_file = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from models.export import main\n"
        f"main(['model=codegen-1M-mono', 'output={tmp_path / 'x'}'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "x").exists()
    assert not list(tmp_path.rglob("config.json"))
    assert os.listdir(tmp_path)
