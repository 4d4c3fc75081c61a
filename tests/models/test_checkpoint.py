"""Checkpoints of every format load to the same model; broken ones give one clear error."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CodeGenConfig as TheirConfig
from transformers import CodeGenForCausalLM

from models import checkpoint
from models.config import CodeGenConfig, ModelError
from models.dtype import choose_dtype, device_kind, product_dtype
from models.layout import CheckpointError, read_config
from models.transformer import Transformer

REPOSITORY = Path(__file__).resolve().parents[2]
WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"


@pytest.fixture(scope="module")
def reference() -> CodeGenForCausalLM:
    """A CodeGen of transformers with random weights, biases and norms included."""
    torch.manual_seed(0)
    config = TheirConfig(
        vocab_size=301, n_positions=32, n_embd=32, n_head=4, n_layer=3, rotary_dim=4
    )
    model = CodeGenForCausalLM(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model


def save_reference(model: CodeGenForCausalLM, directory: Path, form: str) -> None:
    """Save as transformers does (safetensors), or as its older versions did (bin)."""
    shards = form.startswith("sharded")
    if form.endswith("safetensors"):
        model.save_pretrained(directory, max_shard_size="40KB" if shards else "1GB")
        return
    model.config.save_pretrained(directory)
    if not shards:
        torch.save(model.state_dict(), directory / PICKLE)
        return
    names = list(model.state_dict())
    files = {name: f"pytorch_model-0000{1 + n % 3}-of-00003.bin" for n, name in enumerate(names)}
    for file in set(files.values()):
        part = {n: t.clone() for n, t in model.state_dict().items() if files[n] == file}
        torch.save(part, directory / file)
    (directory / f"{PICKLE}.index.json").write_text(json.dumps({"weight_map": files}))


@pytest.mark.parametrize("form", ["safetensors", "sharded safetensors", "bin", "sharded bin"])
@torch.no_grad()
def test_every_format_gives_transformers_logits(
    form: str, reference: CodeGenForCausalLM, tmp_path: Path
) -> None:
    save_reference(reference, tmp_path, form)
    assert form.startswith("sharded") == any("-of-" in path.name for path in tmp_path.iterdir())
    ids = torch.randint(0, 301, (2, 32))
    ours = checkpoint.load(tmp_path)(ids)
    assert torch.allclose(ours, reference(ids).logits, rtol=0, atol=1e-4)


@torch.no_grad()
def test_transformers_loads_what_was_saved(reference: CodeGenForCausalLM, tmp_path: Path) -> None:
    save_reference(reference, tmp_path / "theirs", "safetensors")
    checkpoint.save(checkpoint.load(tmp_path / "theirs"), tmp_path / "ours")
    loaded = CodeGenForCausalLM.from_pretrained(tmp_path / "ours").state_dict()
    for name, tensor in reference.state_dict().items():
        assert torch.equal(loaded[name], tensor)


def test_saved_dtype_is_the_models(tiny_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint.save(checkpoint.load(tiny_checkpoint, "bfloat16"), tmp_path / "half")
    assert read_config(tmp_path / "half").dtype == "bfloat16"
    assert load_file(tmp_path / "half" / WEIGHTS)["lm_head.bias"].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("said", "device", "asked", "expected"),
    [
        ("float16", "cpu", None, "float32"),
        ("float16", "cuda:0", None, "float16"),
        ("float16", "cpu", "float16", "float16"),
        ("bfloat16", "cpu", None, "bfloat16"),
        ("float16", "cpu", "torch.bfloat16", "bfloat16"),
        (None, "cuda", None, "float32"),
    ],
)
def test_dtype_is_the_checkpoints_unless_chosen_but_no_float16_on_a_cpu(
    said: str | None, device: str, asked: str | None, expected: str
) -> None:
    assert choose_dtype(CodeGenConfig(dtype=said), device, asked) == expected


@pytest.mark.parametrize("amx", [False, True])
def test_amx_computes_products_of_bfloat16_and_is_a_device_of_its_own(
    amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.dtype.has_amx", lambda: amx)
    assert product_dtype("bfloat16") == ("bfloat16" if amx else "float32")
    assert product_dtype("float16") == product_dtype("float32") == "float32"
    assert product_dtype("float16", "cuda:1") == "float16"
    assert device_kind("bfloat16", "cpu") == ("cpu with AMX" if amx else "cpu")
    assert device_kind("float32", "cpu") == "cpu"
    assert device_kind("bfloat16", "cuda:1") == "cuda"


@pytest.mark.parametrize("key", ["torch_dtype", "dtype"])
def test_loaded_model_has_the_dtype_of_either_key(key: str, tiny_checkpoint: Path) -> None:
    edit_config(tiny_checkpoint, torch_dtype=None)
    edit_config(tiny_checkpoint, **{key: "bfloat16"})
    model = checkpoint.load(tiny_checkpoint)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_masks_of_old_checkpoints_are_ignored(tiny_checkpoint: Path) -> None:
    mask = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    edit_weights(tiny_checkpoint, **{
        "transformer.h.0.attn.causal_mask": mask,
        "transformer.h.1.attn.bias": mask.clone(),
        "transformer.h.0.attn.masked_bias": torch.tensor(-1e9),
    })  # fmt: skip
    checkpoint.load(tiny_checkpoint)


def test_safetensors_are_preferred_to_pickles(tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / PICKLE).write_bytes(b"not even read")
    checkpoint.load(tiny_checkpoint)


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_loading_takes_little_more_memory_than_the_weights(form: str, tmp_path: Path) -> None:
    config = CodeGenConfig(vocab_size=8192, n_embd=512, n_layer=6, n_head=8, dtype="float16")
    checkpoint.save(Transformer(config).half(), tmp_path)
    if form == "bin":
        to_pickle(tmp_path)
    command = [sys.executable, "-m", "tests.models.peak_memory", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    memory = json.loads(done.stdout)
    assert memory["weights"] == 4 * config.parameters  # float32: over 100 MB
    assert memory["peak"] - memory["torch"] < 1.15 * memory["weights"]


# What is wrong, and what the one error says about it.


def edit_config(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in record.items() if value is not None}))


def edit_weights(directory: Path, **changes: Tensor | None) -> None:
    tensors = load_file(directory / WEIGHTS) | changes
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, directory / WEIGHTS, metadata={"format": "pt"})


def to_pickle(directory: Path) -> None:
    torch.save(load_file(directory / WEIGHTS), directory / PICKLE)
    (directory / WEIGHTS).unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def missing_tensor(directory: Path) -> None:
    edit_weights(directory, **{"transformer.h.1.ln_1.bias": None, "lm_head.bias": None})


def unknown_tensor(directory: Path) -> None:
    edit_weights(directory, **{"transformer.h.0.attn.rotary": torch.zeros(3)})


def wrong_shape(directory: Path) -> None:
    edit_weights(directory, **{"transformer.ln_f.bias": torch.zeros(33)})


def quantised(directory: Path) -> None:
    edit_weights(directory, **{"lm_head.bias": torch.zeros(512, dtype=torch.int8)})


def other_geometry(directory: Path) -> None:
    edit_config(directory, n_layer=1)


def other_model(directory: Path) -> None:
    edit_config(directory, model_type="gptj", architectures=["GPTJForCausalLM"])


def lacking_key(directory: Path) -> None:
    edit_config(directory, rotary_dim=None)


def wrong_type(directory: Path) -> None:
    edit_config(directory, n_embd="32")


def impossible(directory: Path) -> None:
    edit_config(directory, n_head=7)


def odd_dtype(directory: Path) -> None:
    edit_config(directory, torch_dtype="int4")


def broken_json(directory: Path) -> None:
    (directory / "config.json").write_text('{"model_type": "codegen",')


def list_json(directory: Path) -> None:
    (directory / "config.json").write_text("[]")


def no_config(directory: Path) -> None:
    (directory / "config.json").unlink()


def no_weights(directory: Path) -> None:
    (directory / WEIGHTS).unlink()


def truncated_safetensors(directory: Path) -> None:
    truncate(directory / WEIGHTS)


def truncated_pickle(directory: Path) -> None:
    to_pickle(directory)
    truncate(directory / PICKLE)


def damaged_pickle(directory: Path) -> None:
    to_pickle(directory)
    content = (directory / PICKLE).read_bytes()
    (directory / PICKLE).write_bytes(content.replace(b"version", b"versiom"))


def page_instead_of_weights(directory: Path) -> None:
    (directory / WEIGHTS).write_text("<html>Please log in</html>")


def no_state_dict(directory: Path) -> None:
    to_pickle(directory)
    torch.save([torch.zeros(3)], directory / PICKLE)


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return Path.touch, (Path("bomb-went-off"),)  # type: ignore[return-value]


def pickle_bomb(directory: Path) -> None:
    to_pickle(directory)
    torch.save({"lm_head.bias": Bomb()}, directory / PICKLE)


def missing_shard(directory: Path) -> None:
    (directory / WEIGHTS).unlink()
    weight_map = {"lm_head.bias": "model-2.safetensors", "lm_head.weight": "model-1.safetensors"}
    (directory / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": weight_map}))


def empty_index(directory: Path) -> None:
    (directory / WEIGHTS).unlink()
    (directory / f"{WEIGHTS}.index.json").write_text("{}")


def shard_elsewhere(directory: Path) -> None:
    (directory / WEIGHTS).unlink()
    weight_map = {"lm_head.bias": "../other.safetensors"}
    (directory / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": weight_map}))


FAULTS: dict[Callable[[Path], None], str] = {
    missing_tensor: r"tensor 'lm_head\.bias' and 1 more missing; is this a checkpoint of",
    unknown_tensor: r"'transformer\.h\.0\.attn\.rotary' unknown to CodeGen; is config\.json that",
    wrong_shape: r"transformer\.ln_f\.bias has shape \(33,\), expected \(32,\); is config\.json",
    quantised: r"lm_head\.bias holds torch\.int8; quantised checkpoints are not supported",
    other_geometry: r"tensor 'transformer\.h\.1\..* and 7 more unknown to CodeGen",
    other_model: r"config\.json: model_type='gptj': expected 'codegen'; other models",
    lacking_key: r"config\.json: rotary_dim=None: expected an integer",
    wrong_type: r"config\.json: n_embd='32': expected an integer",
    impossible: r"config\.json: n_head=7",
    odd_dtype: r"dtype='int4': expected one of float32, float16, bfloat16",
    broken_json: r"config\.json: not valid JSON .*; fetch the file again",
    list_json: r"config\.json: expected a JSON object, found list",
    no_config: r"config\.json: no such file; is .* a checkpoint in Hugging Face layout\?",
    no_weights: r"no weights; expected model\.safetensors or pytorch_model\.bin, whole or in shard",
    truncated_safetensors: r"model\.safetensors: truncated or not a safetensors .*; fetch it again",
    page_instead_of_weights: r"model\.safetensors: truncated or not a safetensors file",
    truncated_pickle: r"pytorch_model\.bin: truncated, or not written by torch\.save",
    damaged_pickle: r"pytorch_model\.bin: damaged \(.*\); fetch it again",
    no_state_dict: r"pytorch_model\.bin: expected a state dict",
    pickle_bomb: r"pytorch_model\.bin: refused, since it holds Python objects .*; use a checkpoint",
    missing_shard: r"2 of 2 shards missing, first model-1\.safetensors; fetch the checkpoint again",
    empty_index: r"model\.safetensors\.index\.json: no 'weight_map'; fetch the file again",
    shard_elsewhere: r"shard '\.\./other\.safetensors' is not a plain file name; refused",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_gives_one_clear_error(
    fault: Callable[[Path], None], tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_checkpoint)
    fault(tiny_checkpoint)
    with pytest.raises(ModelError, match=FAULTS[fault]) as caught:
        checkpoint.load(tiny_checkpoint)
    assert isinstance(caught.value, CheckpointError) or fault is odd_dtype
    assert not (tiny_checkpoint / "bomb-went-off").exists()


def test_unknown_device_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="device='gpu'"):
        checkpoint.load(tiny_checkpoint, device="gpu")
