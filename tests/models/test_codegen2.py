"""CodeGen2: told from CodeGen by its configuration, and computed as CTranslate2 computes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ctranslate2
import pytest
import torch
from ctranslate2.converters import TransformersConverter
from safetensors.torch import load_file, save_file

from models import checkpoint
from models.config import CodeGenConfig, ModelError
from models.export import export
from models.layout import CheckpointError, read_config
from models.pretrained import CodeGen
from models.transformer import Transformer
from tests.models.conftest import TINY
from tests.models.test_export import our_tokens
from tests.models.test_export import their_tokens as gptj_tokens

ONE_B = replace(TINY, n_layer=1, n_embd=1024, n_head=8, rotary_dim=64)  # heads of 128 dimensions
SEVEN_B = replace(ONE_B, n_head=4)  # heads of 256 dimensions, which are not stated
IDS = [5, 80, 200, 311, 7, 96]


def write_codegen2(directory: Path, config: CodeGenConfig, **entries: object) -> Path:
    """Random weights as a CodeGen2 has them: no meaning is tied to the order of the rows."""
    model = Transformer(config).initialize(seed=3)
    for parameter in model.parameters():
        parameter.data.mul_(3 if parameter.dim() > 1 else 1)
    checkpoint.save(model, directory)
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return directory


def their_tokens(directory: Path, folder: Path) -> list[int]:
    """24 greedy tokens of CTranslate2."""
    TransformersConverter(str(directory)).convert(str(folder), force=True)
    generator = ctranslate2.Generator(str(folder), compute_type="float32")
    tokens = json.loads((folder / "vocabulary.json").read_text())
    (result,) = generator.generate_batch(
        [[tokens[i] for i in IDS]],
        max_length=24,
        min_length=24,
        include_prompt_in_result=False,
        sampling_topk=1,
    )
    ids: list[int] = result.sequences_ids[0]
    return ids


@pytest.mark.parametrize(
    ("config", "head_dim", "shards"),
    [(ONE_B, 128, 8), (ONE_B, None, 4), (SEVEN_B, None, 4)],
    ids=["1B", "CodeGen of its geometry", "7B"],
)
@pytest.mark.filterwarnings("ignore")  # the converter's
def test_greedy_tokens_are_those_of_ctranslate2(
    config: CodeGenConfig,
    head_dim: int | None,
    shards: int,
    write_checkpoint: Callable[..., Path],
    tmp_path: Path,
) -> None:
    entries = {} if head_dim is None else {"head_dim": head_dim}
    directory = write_codegen2(write_checkpoint(config), config, **entries)
    assert read_config(directory).shards == shards
    assert our_tokens(directory, IDS) == their_tokens(directory, tmp_path / "converted")


def test_the_packing_changes_the_tokens(write_checkpoint: Callable[..., Path]) -> None:
    """So that the test above can tell one from the other."""
    directory = write_codegen2(write_checkpoint(ONE_B), ONE_B)
    as_codegen = our_tokens(directory, IDS)
    write_codegen2(directory, ONE_B, head_dim=128)
    assert our_tokens(directory, IDS) != as_codegen


def test_saved_again_it_is_packed_as_a_codegen(
    write_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    directory = write_codegen2(write_checkpoint(ONE_B), ONE_B, head_dim=128)
    CodeGen.from_pretrained(directory).save_pretrained(tmp_path / "again")
    assert read_config(tmp_path / "again").shards == 4
    assert our_tokens(tmp_path / "again", IDS) == our_tokens(directory, IDS)


def test_exported_it_says_the_same_as_a_gptj(
    write_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    directory = write_codegen2(write_checkpoint(ONE_B), ONE_B, head_dim=128)
    export(directory, tmp_path / "gptj")
    assert gptj_tokens(tmp_path / "gptj", IDS) == our_tokens(directory, IDS)


def test_eight_shards_are_those_of_the_file(tmp_path: Path) -> None:
    """A row of the file goes to the head and part that CodeGen2's order says."""
    checkpoint.save(Transformer(ONE_B).initialize(seed=0), tmp_path)
    name = "transformer.h.0.attn.qkv_proj.weight"
    tensors = load_file(tmp_path / "model.safetensors")
    rows = torch.arange(3 * 1024).float()
    tensors[name] = rows[:, None].expand(-1, 1024).contiguous()
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(record | {"head_dim": 128}))
    loaded = checkpoint.load(tmp_path).blocks[0].attention.qvk.weight[:, 0]
    shards = rows.view(8, 3, 128)  # shard, part, dimension of its one head
    assert torch.equal(loaded, shards.transpose(0, 1).reshape(-1))


@pytest.mark.parametrize("head_dim", [64, 256, "128", 128.5])
def test_a_head_size_that_tells_nothing_is_refused(head_dim: object) -> None:
    record = replace(ONE_B).to_json() | {"head_dim": head_dim}
    with pytest.raises(ModelError, match="how the attention projection is packed"):
        CodeGenConfig.from_json(record)


def test_the_number_of_heads_must_suit_eight_shards() -> None:
    record = replace(ONE_B, n_head=4, n_embd=512, rotary_dim=64).to_json() | {"head_dim": 128}
    with pytest.raises(ModelError, match="multiple of 8"):
        CodeGenConfig.from_json(record)


def test_end_of_text_is_that_of_the_vocabulary() -> None:
    """CodeGen2 states 2, which is `#` in its vocabulary: every comment would end a completion."""
    record = CodeGenConfig().to_json() | {"eos_token_id": 2, "bos_token_id": 1}
    assert CodeGenConfig.from_json(record).eos_token_id == 50256
    small = TINY.to_json() | {"eos_token_id": 2}
    assert CodeGenConfig.from_json(small).eos_token_id == 2


def test_mask_tokens_are_one_token_each(write_checkpoint: Callable[..., Path]) -> None:
    directory = write_codegen2(write_checkpoint(ONE_B), ONE_B, head_dim=128)
    path = directory / "added_tokens.json"
    added = json.loads(path.read_text())
    first = max(added.values()) + 1
    marks = {"<mask_1>": first, "<sep>": first + 1, "<eom>": first + 2}
    path.write_text(json.dumps(added | marks))
    (directory / "tokenizer.json").unlink()
    tokenizer = CodeGen.from_pretrained(directory).tokenizer
    assert tokenizer is not None
    text = "def f():\n    <mask_1>\n<|endoftext|><sep><mask_1>"
    ids = tokenizer.encode(text)
    assert [ids.count(token) for token in marks.values()] == [2, 1, 0]
    assert tokenizer.decode(ids) == text


def test_a_llama_is_refused_with_the_way_to_run_it(tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(CheckpointError, match=r"CodeGen2\.5.*model=transformers model\.path="):
        CodeGen.from_pretrained(tiny_checkpoint)
