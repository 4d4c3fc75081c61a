"""`python -m models.serve model=NAME`: an OpenAI-compatible completions server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from models.command import internal_error, option, run
from models.config import CodeGenConfig, ModelError
from models.dtype import choose_dtype, device_kind
from models.engine.options import EngineOptions, default_slots
from models.hashes import tokenizer_sha256, weights_sha256
from models.hub import resolve
from models.layout import read_config
from models.tokenizer import CodeGenTokenizer

if TYPE_CHECKING:
    from models.engine.engine import Engine
    from models.serving.app import Served

KEY = "MTPB_API_KEY"
SEED_BITS = 64
EXAMPLES = ("model=codegen-3M-mono", "model=codegen-2B-mono port=8080 slots=32 device=cuda")


@dataclass(frozen=True, slots=True)
class Options:
    """Serves a CodeGen model by OpenAI's completions API, at http://HOST:PORT/v1. Ends on SIGTERM
    and on Ctrl-C, after the requests under way; a second signal ends it at once. A key in
    MTPB_API_KEY is demanded of all clients."""

    model: str = option("a name such as codegen-2B-mono, a hub id, or a checkpoint's directory")
    host: str = option("the address to listen on; other than loopback needs a key", "127.0.0.1")
    port: int = option("the port to listen on; 0 takes a free one", 8000)
    name: str | None = option("what clients call the model (null: as model says)", None)
    revision: str | None = option("branch, tag or commit of a model on the hub", None)
    device: str = option("cpu, cuda, cuda:1, …", "cpu")
    dtype: str | None = option("float32, float16, bfloat16 (null: the checkpoint's)", None)
    slots: int | None = option("completions generated at a time (null: by size and device)", None)
    deterministic: bool = option("completions do not depend on slots", False)
    cache_tokens: int | None = option("size of the KV cache in tokens (null: by slots)", None)
    threads: int | None = option("threads on a CPU (null: torch's choice)", None)
    queue: int = option("completions that may wait for a slot, beyond which 429 is told", 1024)
    max_body: int = option("bytes of a request, beyond which 413 is told", 4_000_000)
    timeout: float = option("seconds that an answer may take", 600.0)
    grace: float = option("seconds that requests under way have after a signal", 30.0)

    def __post_init__(self) -> None:
        for name in ("threads", "queue", "max_body"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ModelError(f"{name}={value}: must be at least 1")
        for name in ("timeout", "grace"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ModelError(f"{name}={getattr(self, name)}: must be a time above 0, in s")
        if not 0 <= self.port < 1 << 16:
            raise ModelError(f"port={self.port}: must be from 0 to 65535")

    @property
    def engine(self) -> EngineOptions:
        return EngineOptions(
            slots=self.slots, deterministic=self.deterministic, cache_tokens=self.cache_tokens
        )


def main(arguments: list[str] | None = None) -> int:
    return run("python -m models.serve", Options, serve, arguments, EXAMPLES)


def serve(options: Options) -> int:
    """Load the model and serve it until a signal. Returns the exit status: 0 after SIGTERM, 130
    after Ctrl-C, 3 if the engine has crashed. Raises ModelError and OSError for what a user can
    mend."""
    signal.signal(signal.SIGTERM, _end)  # until the server runs
    try:
        from models.serving.app import RequestLimits, application, is_loopback
        from models.serving.server import Server
        from models.serving.worker import EngineWorker
    except ModuleNotFoundError as error:
        raise ModelError(
            f"no package {error.name}; install the extra `serve`: pip install -e '.[serve]'"
        ) from error

    key = os.environ.get(KEY) or None
    if key is None and not is_loopback(options.host):
        raise ModelError(
            f"host={options.host}: others could use this server; set {KEY} to a key that clients "
            "must send, or leave host out"
        )
    with _listener(options.host, options.port) as listener:
        engine, served = _load(options)
        worker = EngineWorker(engine, options.queue, lambda: server.end())
        limits = RequestLimits(options.queue, options.max_body, options.timeout)
        announcement = f"{served.name} at {_url(listener)}"
        server = Server(
            application(served, worker, limits, key),
            options.grace,
            on_start=lambda: print(announcement, flush=True),
        )
        asyncio.run(server.serve([listener]))
        worker.close()
    if isinstance(worker.error, ModelError):
        raise worker.error
    if worker.error is not None:
        return internal_error(worker.error)
    return 130 if server.signal == signal.SIGINT else 0


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ModelError(f"host={host} port={port}: {error.strerror}; name another") from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def _load(options: Options) -> tuple[Engine, Served]:
    import torch

    from models import checkpoint
    from models.engine.engine import Engine
    from models.engine.placement import on_gpus
    from models.serving.app import Served

    directory = resolve(options.model, options.revision)
    config = read_config(directory)
    if options.threads:
        torch.set_num_threads(options.threads)
    device: str | tuple[str, ...] = options.device
    if device == "cuda":
        dtype = getattr(torch, choose_dtype(config, device, options.dtype))
        slots = options.engine.slots or default_slots(config, device)
        device = on_gpus(config, dtype, slots, options.engine.cache_tokens)
    model = checkpoint.load(directory, options.dtype, device)
    tokenizer = CodeGenTokenizer.from_pretrained(directory)
    engine = Engine(model, tokenizer, options.engine)
    folder = Path(options.model).expanduser()
    name = options.name or (folder.resolve().name if folder.is_dir() else options.model)
    identity = _identity(options, directory, config)
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    facts = {
        "root": f"{name}@{digest}",
        "max_model_len": config.n_positions,
        "guarantee": "bytes",
        "seed_bits": SEED_BITS,
        **identity,
    }
    return engine, Served(name, config, tokenizer, f"fp_{digest}", facts)


def _identity(options: Options, directory: Path, config: CodeGenConfig) -> dict[str, object]:
    """What completions depend on."""
    dtype = choose_dtype(config, options.device, options.dtype)
    slots = options.slots or default_slots(config, options.device)
    return {
        "weights_sha256": weights_sha256(directory),
        "tokenizer_sha256": tokenizer_sha256(directory),
        "dtype": dtype,
        "device": device_kind(dtype, options.device),
        "slots": None if options.deterministic else slots,
    }


if __name__ == "__main__":
    sys.exit(main())
