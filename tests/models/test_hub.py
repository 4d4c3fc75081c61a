"""Checkpoints come from a hub on the loopback interface, or one error says why they do not."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import checkpoint, embedded
from models.hub import resolve
from models.layout import CheckpointError
from models.tokenizer import CodeGenTokenizer
from tests.models.hub_server import COMMIT, Hub

WEIGHTS = "model.safetensors"

# huggingface_hub reads its variables when it is imported, hence a process of its own
CLIENT = """
import sys
from models.config import ModelError
from models.hub import resolve
source, revision, weights = sys.argv[1:]
try:
    print(resolve(source, revision or None, weights=weights == "True"))
except ModelError as error:
    sys.exit(str(error))
"""


class Client:
    """Resolves names in a process of its own, with its own cache."""

    def __init__(self, url: str, home: Path) -> None:
        outer = {name: v for name, v in os.environ.items() if not name.startswith("HF_")}
        own = {"HF_ENDPOINT": url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
        self.environment = outer | own

    def run(
        self, source: str, revision: str = "", weights: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CLIENT, source, revision, str(weights)]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )

    def fetch(self, source: str = "owner/tiny", revision: str = "", weights: bool = True) -> Path:
        done = self.run(source, revision, weights)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    def error(self, source: str = "owner/tiny", revision: str = "") -> str:
        """What the one line on standard error says."""
        done = self.run(source, revision)
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr


@pytest.fixture
def hub(tiny_checkpoint: Path) -> Iterator[Hub]:
    with Hub().add(tiny_checkpoint).serving() as hub:
        yield hub


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(hub.url, tmp_path / "home")


def in_pickle(hub: Hub, tmp_path: Path) -> None:
    """Have `pytorch_model.bin` instead of safetensors."""
    (tmp_path / "saved").write_bytes(hub.files.pop(WEIGHTS))
    torch.save(load_file(tmp_path / "saved"), tmp_path / "bin")
    hub.files["pytorch_model.bin"] = (tmp_path / "bin").read_bytes()


def edit_weights(hub: Hub, tmp_path: Path, **changes: torch.Tensor | None) -> None:
    (tmp_path / "saved").write_bytes(hub.files[WEIGHTS])
    tensors = load_file(tmp_path / "saved") | changes
    save_file({n: t for n, t in tensors.items() if t is not None}, tmp_path / "saved")
    hub.files[WEIGHTS] = (tmp_path / "saved").read_bytes()


def test_fetched_checkpoint_is_the_served_one(client: Client, tiny_checkpoint: Path) -> None:
    fetched = client.fetch()
    ours, theirs = (checkpoint.load(path).state_dict() for path in (fetched, tiny_checkpoint))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert CodeGenTokenizer.from_pretrained(fetched).encode("    x") != []


def test_only_what_is_needed_is_fetched(hub: Hub, client: Client) -> None:
    hub.files |= {"pytorch_model.bin": b"", "README.md": b"", "vocab.json": b"{}"}
    client.fetch()
    assert sorted(hub.downloads) == ["config.json", WEIGHTS, "tokenizer.json"]


def test_tokenizer_alone_comes_without_weights(hub: Hub, client: Client) -> None:
    client.fetch(weights=False)
    assert sorted(hub.downloads) == ["config.json", "tokenizer.json"]


def test_pickles_and_parts_of_tokenizers_do_where_there_is_nothing_newer(
    hub: Hub, client: Client, tmp_path: Path
) -> None:
    in_pickle(hub, tmp_path)
    del hub.files["tokenizer.json"]
    fetched = client.fetch()
    checkpoint.load(fetched)
    CodeGenTokenizer.from_pretrained(fetched)
    assert {"pytorch_model.bin", "vocab.json", "merges.txt", "added_tokens.json"} < set(
        hub.downloads
    )


def test_shards_of_an_index_are_fetched(hub: Hub, client: Client, tmp_path: Path) -> None:
    hub.files["model-1.safetensors"] = hub.files.pop(WEIGHTS)
    hub.files[f"{WEIGHTS}.index.json"] = b'{"weight_map": {"any": "model-1.safetensors"}}'
    checkpoint.load(client.fetch())


def test_name_of_a_released_model_is_its_repository(hub: Hub, client: Client) -> None:
    hub.repository = "Salesforce/codegen-2B-mono"
    assert "Salesforce--codegen-2B-mono" in str(client.fetch("codegen-2B-mono"))


def test_cached_files_are_not_fetched_again(hub: Hub, client: Client) -> None:
    client.fetch()
    first = list(hub.downloads)
    client.fetch()
    assert hub.downloads == first


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_cache_does_without_the_hub(kind: str, hub: Hub, client: Client, tmp_path: Path) -> None:
    if kind == "bin":
        in_pickle(hub, tmp_path)
    fetched = client.fetch()
    hub.files.clear()  # nothing is served any more
    client.environment["HF_HUB_OFFLINE"] = "1"
    assert client.fetch() == client.fetch(revision=COMMIT) == fetched


def test_cache_does_without_a_network(hub: Hub, client: Client) -> None:
    fetched = client.fetch()
    client.environment["HF_ENDPOINT"] = closed_port()
    assert client.fetch() == fetched


def test_damaged_file_is_fetched_anew_next_time(hub: Hub, client: Client) -> None:
    hub.tampered = {WEIGHTS}
    assert "its SHA-256 is not" in client.error()
    hub.tampered = set()
    checkpoint.load(client.fetch())


# What is wrong, and what the one error says about it.


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def wrong_hash(hub: Hub, client: Client) -> str:
    hub.tampered = {WEIGHTS}
    return client.error()


def shorter_than_said(hub: Hub, client: Client) -> str:
    hub.cut = {WEIGHTS}
    return client.error()


def connection_lost(hub: Hub, client: Client) -> str:
    hub.dropped = {WEIGHTS}
    return client.error()


def gated(hub: Hub, client: Client) -> str:
    hub.gated = True
    return client.error()


def unknown_repository(hub: Hub, client: Client) -> str:
    return client.error("owner/other")


def unknown_revision(hub: Hub, client: Client) -> str:
    return client.error(revision="v9")


def no_network(hub: Hub, client: Client) -> str:
    client.environment["HF_ENDPOINT"] = closed_port()
    return client.error()


def offline(hub: Hub, client: Client) -> str:
    client.environment["HF_HUB_OFFLINE"] = "1"
    return client.error()


def no_config(hub: Hub, client: Client) -> str:
    del hub.files["config.json"]
    return client.error()


def other_model(hub: Hub, client: Client) -> str:
    hub.files["config.json"] = b'{"model_type": "gpt2"}'
    message = client.error()
    assert hub.downloads == ["config.json"]  # found out before the weights were fetched
    return message


def no_weights(hub: Hub, client: Client) -> str:
    del hub.files[WEIGHTS]
    return client.error()


def missing_shard(hub: Hub, client: Client) -> str:
    del hub.files[WEIGHTS]
    hub.files[f"{WEIGHTS}.index.json"] = b'{"weight_map": {"any": "model-1.safetensors"}}'
    return client.error()


def no_tokenizer(hub: Hub, client: Client) -> str:
    del hub.files["tokenizer.json"], hub.files["vocab.json"]
    return client.error()


FAULTS: dict[Callable[[Hub, Client], str], str] = {
    wrong_hash: "owner/tiny: model.safetensors: its SHA-256 is not",
    shorter_than_said: "owner/tiny: model.safetensors: download failed (Consistency check failed",
    connection_lost: "owner/tiny: model.safetensors: download failed (",
    gated: "accept the model's conditions on its page and log in (`hf auth login`, or HF_TOKEN)",
    unknown_repository: "owner/other: no such model on the hub, nor a directory here; check",
    unknown_revision: "owner/tiny: no revision 'v9' on the hub",
    no_network: "config.json at main is not in the cache, and the hub cannot be reached (",
    offline: "unset HF_HUB_OFFLINE, or give a directory",
    no_config: "owner/tiny: no config.json at main; not a CodeGen checkpoint",
    other_model: "config.json: model_type='gpt2': expected 'codegen'; other models",
    no_weights: "owner/tiny: no model.safetensors or model.safetensors.index.json or pytorch_model",
    missing_shard: f"owner/tiny: no model-1.safetensors at {COMMIT}; is it a CodeGen checkpoint",
    no_tokenizer: "owner/tiny: no tokenizer.json or vocab.json at",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_fault_gives_one_clear_error(
    fault: Callable[[Hub, Client], str], hub: Hub, client: Client
) -> None:
    assert FAULTS[fault] in fault(hub, client)


def test_missing_tensor_in_a_fetched_checkpoint_is_named(
    hub: Hub, client: Client, tmp_path: Path
) -> None:
    edit_weights(hub, tmp_path, **{"lm_head.bias": None})
    with pytest.raises(CheckpointError, match=r"tensor 'lm_head\.bias' missing; is this a check"):
        checkpoint.load(client.fetch())


def test_wrong_shape_in_a_fetched_checkpoint_is_named(
    hub: Hub, client: Client, tmp_path: Path
) -> None:
    edit_weights(hub, tmp_path, **{"lm_head.bias": torch.zeros(3)})
    with pytest.raises(CheckpointError, match=r"lm_head\.bias has shape \(3,\), expected \(512,\)"):
        checkpoint.load(client.fetch())


@pytest.mark.parametrize("source", ["codegen-3B-mono", "./nowhere", "/nowhere/at/all", "a/b/c", ""])
def test_name_that_is_neither_directory_nor_model_is_refused(source: str) -> None:
    with pytest.raises(CheckpointError, match=r"no such directory, nor a model; give"):
        resolve(source)


def test_embedded_model_is_found_by_its_name(
    write_checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "WEIGHTS", tmp_path)
    directory = write_checkpoint(name="codegen-9M-mono")
    assert resolve("codegen-9M-mono") == directory
    with pytest.raises(CheckpointError, match=r"one of codegen-9M-mono, codegen-\{350M"):
        resolve("codegen-9M-multi")


def test_file_instead_of_its_directory_is_refused(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="no such directory"):
        resolve(tiny_checkpoint / WEIGHTS)


def test_directory_has_no_revision(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="is here, and has no revision 'v1'; drop it"):
        resolve(tiny_checkpoint, "v1")
