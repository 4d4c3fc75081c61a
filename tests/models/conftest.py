"""Small models, tokenizers and checkpoints for the tests of `models`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from models import checkpoint
from models.config import CodeGenConfig
from models.tokenizer import END_OF_TEXT, CodeGenTokenizer
from models.transformer import Transformer

TINY = CodeGenConfig(
    vocab_size=512,
    n_positions=64,
    n_layer=2,
    n_embd=32,
    n_head=4,
    rotary_dim=4,
    bos_token_id=0,
    eos_token_id=0,
    dtype="float32",
)

SENTENCES = [
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n",
    "for i in range(10):\n        total += i  # the sum\n",
    "numbers = [1, 2, 3]\nwords = ['fig', 'plum']\n",
]


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def small_tokenizer() -> CodeGenTokenizer:
    """A byte-level BPE of 320 tokens (`<|endoftext|>` is 0), and the whitespace runs after them."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=320,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(SENTENCES * 3, trainer)
    return CodeGenTokenizer(backend, whitespace_tokens=True)


@pytest.fixture(scope="session")
def gpt2_tokenizer(data_dir: Path) -> CodeGenTokenizer:
    """CodeGen's tokenizer, built from GPT-2's vocabulary and merges."""
    return CodeGenTokenizer.from_files(data_dir / "gpt2/vocab.json", data_dir / "gpt2/merges.txt")


@pytest.fixture
def write_checkpoint(tmp_path: Path, small_tokenizer: CodeGenTokenizer) -> Callable[..., Path]:
    """Writes a model with random weights, and the small tokenizer, into a new directory."""

    def write(config: CodeGenConfig = TINY, name: str = "checkpoint") -> Path:
        directory = tmp_path / name
        checkpoint.save(Transformer(config).initialize(seed=0), directory)
        small_tokenizer.save(directory)
        return directory

    return write


@pytest.fixture
def tiny_checkpoint(write_checkpoint: Callable[..., Path]) -> Path:
    """A directory with a CodeGen of 0.1 million parameters in Hugging Face layout."""
    return write_checkpoint()
