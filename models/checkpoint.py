"""CodeGen's weights in Hugging Face layout: the table of tensor names, reading and writing.

Files are mapped into memory, not read. The model is built on the meta device, and one tensor after
the other is copied from the file into a parameter of the wanted dtype. So a load takes the memory
of the parameters and of one tensor. Pickles (`.bin`) are read with `weights_only=True`: a file that
holds anything but tensors is refused.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.config import SHARDS, CodeGenConfig, ModelError
from models.dtype import choose_dtype
from models.layout import CONFIG, WEIGHTS, CheckpointError, read_config, weight_files
from models.transformer import T, Transformer, without_weights

Device: TypeAlias = torch.device | str | Sequence[str]
"""A device, or one for each layer."""

# masks that older versions of transformers saved along with the weights
IGNORED = re.compile(r"transformer\.h\.\d+\.attn\.(causal_mask|masked_bias|bias)")


@dataclass(frozen=True, slots=True)
class CheckpointWeight:
    """A tensor of a checkpoint: the parameter that it is, and whether its layout differs.

    `parameter` is its name in `Transformer.state_dict()`, `shape` its shape in both. With `shards`
    its rows are grouped by model-parallel shard (query, value, key of the first, then of the
    second, …); those of the parameter by query, value, key.
    """

    parameter: str
    shape: tuple[int, ...]
    shards: int | None = None

    @property
    def layer(self) -> int:
        """The layer beside which it is: its own, else the first one (embedding) or the last, -1."""
        part, _, rest = self.parameter.partition(".")
        return int(rest.partition(".")[0]) if part == "blocks" else 0 if part == "embed" else -1

    def load(self, tensor: Tensor) -> Tensor:
        """From the checkpoint's layout to the model's; the tensor itself where they agree."""
        return self._swap(tensor, self.shards, 3) if self.shards else tensor

    def save(self, tensor: Tensor) -> Tensor:
        """From the model's layout to the checkpoint's; the tensor itself where they agree."""
        return self._swap(tensor, 3, self.shards) if self.shards else tensor

    @staticmethod
    def _swap(tensor: Tensor, outer: int, inner: int) -> Tensor:
        rows, columns = tensor.shape
        grouped = tensor.view(outer, inner, -1, columns)
        return grouped.transpose(0, 1).reshape(rows, columns)


def checkpoint_weights(config: CodeGenConfig) -> dict[str, CheckpointWeight]:
    """All tensors of a CodeGen checkpoint, by their names there."""
    C, I, V = config.n_embd, config.inner_dim, config.vocab_size  # noqa: E741
    table = {
        "transformer.wte.weight": CheckpointWeight("embed.weight", (V, C)),
        "transformer.ln_f.weight": CheckpointWeight("norm.weight", (C,)),
        "transformer.ln_f.bias": CheckpointWeight("norm.bias", (C,)),
        "lm_head.weight": CheckpointWeight("head.weight", (V, C)),
        "lm_head.bias": CheckpointWeight("head.bias", (V,)),
    }
    for n in range(config.n_layer):
        theirs, ours = f"transformer.h.{n}", f"blocks.{n}"
        table |= {
            f"{theirs}.ln_1.weight": CheckpointWeight(f"{ours}.norm.weight", (C,)),
            f"{theirs}.ln_1.bias": CheckpointWeight(f"{ours}.norm.bias", (C,)),
            f"{theirs}.attn.qkv_proj.weight": CheckpointWeight(
                f"{ours}.attention.qvk.weight", (3 * C, C), config.shards
            ),
            f"{theirs}.attn.out_proj.weight": CheckpointWeight(
                f"{ours}.attention.out.weight", (C, C)
            ),
            f"{theirs}.mlp.fc_in.weight": CheckpointWeight(f"{ours}.mlp.up.weight", (I, C)),
            f"{theirs}.mlp.fc_in.bias": CheckpointWeight(f"{ours}.mlp.up.bias", (I,)),
            f"{theirs}.mlp.fc_out.weight": CheckpointWeight(f"{ours}.mlp.down.weight", (C, I)),
            f"{theirs}.mlp.fc_out.bias": CheckpointWeight(f"{ours}.mlp.down.bias", (C,)),
        }
    return table


def load(
    directory: str | Path,
    dtype: torch.dtype | str | None = None,
    device: Device = "cpu",
) -> Transformer:
    """The model in `directory`, in evaluation mode. Raises as `load_into` does."""
    with without_weights():
        model = Transformer(read_config(Path(directory)))
    return load_into(model, Path(directory), dtype, device)


@torch.no_grad()
def load_into(
    model: T,
    directory: Path,
    dtype: torch.dtype | str | None = None,
    device: Device = "cpu",
) -> T:
    """Replace the parameters of `model`, which may be on the meta device, by the weights in
    `directory`. Returns the model, in evaluation mode.

    With a device for each layer the embedding is where the first layer is, and norm and head are
    where the last one is. Without a dtype, `models.dtype.choose_dtype` chooses. All names and
    shapes are checked before the first byte is copied. Raises CheckpointError where files are
    missing or damaged, or are not those of a CodeGen of this geometry; ModelError for a dtype or a
    device that does not exist.
    """
    if isinstance(device, str | torch.device):
        device = [str(device)] * model.config.n_layer
    devices = list(device)
    dtype_name = choose_dtype(model.config, devices[0], None if dtype is None else str(dtype))
    chosen: torch.dtype = getattr(torch, dtype_name)
    for each in set(devices):
        _check_device(each)
    weights = checkpoint_weights(model.config)
    stored = stored_tensors(directory, weights)
    for name, weight in weights.items():
        target = torch.empty(weight.shape, dtype=chosen, device=devices[weight.layer])
        target.copy_(weight.load(stored.pop(name)))
        module, _, attribute = weight.parameter.rpartition(".")
        setattr(model.get_submodule(module), attribute, nn.Parameter(target))
    return model.eval()


def stored_tensors(directory: Path, weights: Mapping[str, CheckpointWeight]) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names there, mapped into memory.

    Raises CheckpointError where files are missing or damaged, or names or shapes are not those of
    `weights`.
    """
    stored: dict[str, Tensor] = {}
    for file in weight_files(directory):
        stored |= _mapped(file)
    _check(weights, stored, directory)
    return stored


def _check_device(device: torch.device | str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(f"device={str(device)!r}: {_first_line(error)}") from error


def _mapped(file: Path) -> dict[str, Tensor]:
    """The tensors of a file, whose bytes are read when they are used."""
    return _mapped_safetensors(file) if file.suffix == ".safetensors" else _mapped_pickle(file)


def _mapped_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            names: list[str] = opened.keys()
            return {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{file}: truncated or not a safetensors file ({error}); fetch it again"
        ) from error


def _mapped_pickle(file: Path) -> dict[str, Tensor]:
    if not zipfile.is_zipfile(file):  # before PyTorch 1.6; those cannot be mapped
        raise CheckpointError(
            f"{file}: truncated, or not written by torch.save of PyTorch 1.6 or newer; fetch it "
            "again"
        )
    try:
        content = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{file}: refused, since it holds Python objects other than tensors, which could run "
            "any code; use a checkpoint in safetensors format"
        ) from error
    except (RuntimeError, OSError, EOFError, KeyError, ValueError) as error:
        raise CheckpointError(f"{file}: damaged ({_first_line(error)}); fetch it again") from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    ):
        raise CheckpointError(f"{file}: expected a state dict, tensors by name; is it a CodeGen's?")
    return dict(content)


def _check(
    weights: Mapping[str, CheckpointWeight], stored: Mapping[str, Tensor], directory: Path
) -> None:
    if missing := [name for name in weights if name not in stored]:
        raise CheckpointError(
            f"{directory}: {_some(missing)} missing; is this a checkpoint of CodeGenForCausalLM "
            f"with the layers that its {CONFIG} says?"
        )
    extra = [name for name in stored if name not in weights and not IGNORED.fullmatch(name)]
    if extra:
        raise CheckpointError(
            f"{directory}: {_some(extra)} unknown to CodeGen; is {CONFIG} that of these weights?"
        )
    for name, weight in weights.items():
        tensor = stored[name]
        if tuple(tensor.shape) != weight.shape:
            raise CheckpointError(
                f"{directory}: {name} has shape {tuple(tensor.shape)}, expected {weight.shape}; "
                f"is {CONFIG} that of these weights?"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{directory}: {name} holds {tensor.dtype}; quantised checkpoints are not supported"
            )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"tensor {names[0]!r}{more}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def save(model: Transformer, directory: str | Path) -> None:
    """Write `model.safetensors` and `config.json`, which transformers reads too."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {
        name: weight.save(state[weight.parameter]).contiguous().cpu()
        for name, weight in checkpoint_weights(replace(model.config, shards=SHARDS)).items()
    }
    part = directory / f"{WEIGHTS[0]}.part"
    save_file(tensors, part, metadata={"format": "pt"})  # transformers asks for the format
    part.replace(directory / WEIGHTS[0])
    dtype = str(model.head.weight.dtype).removeprefix("torch.")
    record = replace(model.config, dtype=dtype).to_json()
    # written last: its existence means that the checkpoint is complete
    (directory / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
