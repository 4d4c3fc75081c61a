"""Reading and writing CodeGen's weights in Hugging Face layout.

Weights are mapped, never read whole: a model on the meta device takes no memory, and then tensor
after tensor is copied from the mapped file into a parameter of the wanted dtype. What a load needs
beyond the parameters is one tensor. Pickles (`.bin`) are read with `weights_only=True`: a file
that holds anything but tensors is refused, not run.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from models.config import ModelError
from models.dtype import choose_dtype
from models.layout import CONFIG, WEIGHTS, CheckpointError, read_config, weight_files
from models.transformer import CheckpointWeight, CodeGen, checkpoint_weights

__all__ = ["CheckpointError", "load", "load_into", "read_config", "save"]

# what older versions of transformers saved along with the weights: masks, the same for every model
IGNORED = re.compile(r"transformer\.h\.\d+\.attn\.(causal_mask|masked_bias|bias)")


def load(
    directory: str | Path,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
) -> CodeGen:
    """The model in `directory`, in evaluation mode and without a tokenizer.

    `models.dtype.choose_dtype` says which dtype it has if none is given. Raises CheckpointError
    where files are missing or broken, or are not CodeGen's; ModelError for a dtype or a device
    that there is not.
    """
    directory = Path(directory)
    config = read_config(directory)
    chosen = getattr(
        torch, choose_dtype(config, str(device), None if dtype is None else str(dtype))
    )
    _check_device(device)
    with torch.device("meta"), _Undrawn():
        model = CodeGen(config)
    load_into(model, directory, chosen, device)
    return model.eval()


class _Undrawn(TorchFunctionMode):
    """Modules built under this mode draw no random weights.

    On the meta device that would have no effect but to import half of PyTorch's compiler: 67 MB
    and a second or more.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if getattr(func, "__module__", None) == nn.init.__name__:
            return None
        return func(*args, **(kwargs or {}))


def _check_device(device: torch.device | str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(f"device={str(device)!r}: {_first_line(error)}") from error


@torch.no_grad()
def load_into(
    model: CodeGen,
    directory: Path,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> None:
    """Give every parameter of `model` (which may be on the meta device) its weights.

    All names and shapes are checked before the first byte is copied. Raises CheckpointError.
    """
    weights = checkpoint_weights(model.config)
    stored: dict[str, Tensor] = {}
    for file in weight_files(directory):
        stored |= _mapped(file)
    _check(weights, stored, directory)
    for name, weight in weights.items():
        target = torch.empty(weight.shape, dtype=dtype, device=device)
        target.copy_(weight.load(stored.pop(name)))
        module, _, attribute = weight.parameter.rpartition(".")
        setattr(model.get_submodule(module), attribute, nn.Parameter(target))


def _mapped(file: Path) -> dict[str, Tensor]:
    """The tensors of a file, on pages that are read when they are used."""
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


def save(model: CodeGen, directory: str | Path) -> None:
    """Write `model.safetensors` and `config.json`, for us and for transformers' CodeGen."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    tensors = {
        name: weight.save(state[weight.parameter]).contiguous().cpu()
        for name, weight in checkpoint_weights(model.config).items()
    }
    part = directory / f"{WEIGHTS[0]}.part"
    save_file(tensors, part, metadata={"format": "pt"})  # transformers asks for the format
    part.replace(directory / WEIGHTS[0])
    dtype = str(model.head.weight.dtype).removeprefix("torch.")
    record = replace(model.config, dtype=dtype).to_json()
    # written last: its existence means that the checkpoint is complete
    (directory / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
