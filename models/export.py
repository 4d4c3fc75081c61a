"""`python -m models.export model=NAME output=DIR`: a CodeGen checkpoint in the layout of GPT-J.

GPT-J has CodeGen's blocks, and its attention projection in three tensors instead of one packed by
shards. So implementations of GPT-J (transformers, vLLM, CTranslate2) compute what CodeGen computes.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from models.command import option, run
from models.config import CodeGenConfig, ModelError
from models.hub import resolve
from models.layout import CONFIG, WEIGHTS, index_of, read_config
from models.tokenizer import CodeGenTokenizer

EXAMPLES = ("model=codegen-2B-mono output=codegen-2B-gptj", "model=models/mine output=mine-gptj")
SHARD_BYTES = 4 << 30  # of a file of weights


class Target(Enum):
    """A layout to write."""

    gptj = "gptj"


@dataclass(frozen=True, slots=True)
class Options:
    """Writes a CodeGen checkpoint in the layout of another architecture, in its own dtype: GPT-J's,
    which transformers and vLLM load."""

    model: str = option("a name such as codegen-2B-mono, a hub id, or a checkpoint's directory")
    output: Path = option("the directory to write, which must be empty or not exist")
    to: Target = option("the layout", Target.gptj)
    revision: str | None = option("branch, tag or commit of a model on the hub", None)


def main(arguments: list[str] | None = None) -> int:
    return run("python -m models.export", Options, _export, arguments, EXAMPLES)


def _export(options: Options) -> int:
    export(resolve(options.model, options.revision), options.output)
    print(options.output)
    return 0


def export(source: Path, output: Path) -> None:
    """Write the checkpoint in `source` to `output` in GPT-J's layout: all of it or nothing.

    Raises ModelError where `source` is no CodeGen checkpoint, or `output` is there and not empty or
    cannot be written.
    """
    config, tokenizer = read_config(source), CodeGenTokenizer.from_pretrained(source)
    with _new_directory(output) as folder:
        tokenizer.save(folder)
        dtype = _write_weights(source, config, folder)
        record = gptj_config(replace(config, dtype=dtype))
        (folder / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def gptj_config(config: CodeGenConfig) -> dict[str, object]:
    """The `config.json` of a GPT-J of this geometry."""
    return config.to_json() | {"architectures": ["GPTJForCausalLM"], "model_type": "gptj"}


def _write_weights(source: Path, config: CodeGenConfig, folder: Path) -> str:
    """Write the weights, in several files if they are large. Returns the name of their dtype."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from models.checkpoint import checkpoint_weights, stored_tensors

    weights = checkpoint_weights(config)
    stored = stored_tensors(source, weights)
    sizes = {name: tensor.nbytes for name, tensor in stored.items() if name in weights}
    parts = _parts(sizes)
    places: dict[str, str] = {}
    for n, names in enumerate(parts, 1):
        file = WEIGHTS[0] if len(parts) == 1 else f"model-{n:05}-of-{len(parts):05}.safetensors"
        tensors = {}
        for name in names:
            tensor = weights[name].load(stored.pop(name)).contiguous()
            if ".qkv_proj." in name:
                query, value, key = (part.contiguous() for part in tensor.chunk(3))
                for letter, part in zip("qvk", (query, value, key), strict=True):
                    tensors[name.replace("qkv_proj", f"{letter}_proj")] = part
            else:
                tensors[name] = tensor
        places |= dict.fromkeys(tensors, file)
        try:
            save_file(tensors, folder / file, metadata={"format": "pt"})
        except SafetensorError as error:  # wraps the error of the operating system
            raise ModelError(f"{file}: cannot be written ({error})") from error
    if len(parts) > 1:
        index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": places}
        (folder / index_of(WEIGHTS[0])).write_text(json.dumps(index, indent=2) + "\n")
    return str(next(iter(tensors.values())).dtype).removeprefix("torch.")


def _parts(sizes: Mapping[str, int]) -> list[list[str]]:
    """Names in their order, in parts of at most `SHARD_BYTES`, or of one name."""
    parts: list[list[str]] = []
    room = 0
    for name, size in sizes.items():
        if size > room:
            parts.append([])
            room = SHARD_BYTES
        parts[-1].append(name)
        room -= size
    return parts


@contextmanager
def _new_directory(output: Path) -> Iterator[Path]:
    """A folder beside `output` that takes its name in the end, or is removed after an error."""
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ModelError(f"output={output}: is there and not an empty directory; name another")
    output.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        _finish(part)
        part.replace(output)  # fails if somebody has filled it meanwhile
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _finish(folder: Path) -> None:
    """Give all files the usual permissions, and have the system write them, so that after a crash
    of the machine none is empty."""
    for path in folder.iterdir():
        path.chmod(0o666 & ~_umask())
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


if __name__ == "__main__":
    sys.exit(main())
