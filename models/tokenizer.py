"""CodeGen's tokenizer: GPT-2's byte-level BPE, and tokens for runs of spaces and of tabs.

    tokenizer = CodeGenTokenizer.from_pretrained("codegen-350M-mono")
    tokenizer.decode(tokenizer.encode(text)) == text

GPT-2's vocabulary has the ids 0 to 50256 (the last is `<|endoftext|>`). Runs of spaces follow, 31
down to 2, then runs of tabs, 9 down to 2. Other byte-level vocabularies work as well, followed by
the runs. A run takes a whole indentation, so the word after it has no space of its own.

No torch. Limit: with a tokenizer that normalises text or prepends a space, `decode(encode(text))`
is the normalised text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import index
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from models.config import ModelError
from models.hub import resolve
from models.layout import TOKENIZER, TOKENIZER_PARTS, CheckpointError, read_json, tokenizer_files

END_OF_TEXT = "<|endoftext|>"

# in the order of their ids; source: the released sampler's `include_whitespace`, `include_tabs`
WHITESPACE_RUNS = tuple(" " * n for n in range(31, 1, -1)) + tuple(
    "\t" * n for n in range(9, 1, -1)
)


def _byte_symbols() -> dict[str, int]:
    """The byte that each character of GPT-2's vocabularies and merges stands for."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {chr(byte): byte for byte in printable}
    return symbols | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTE_OF = _byte_symbols()
_TO_LATIN_1 = str.maketrans({symbol: chr(byte) for symbol, byte in _BYTE_OF.items()})


class CodeGenTokenizer:
    """Converts text to ids and back.

    `backend` is a byte-level BPE of the `tokenizers` package; CheckpointError is raised for others.
    `whitespace_tokens` says whether runs of spaces and tabs have tokens: False removes those of the
    backend, True adds the standard ones if it has none, None changes nothing. (The released `nl`
    models were sampled with plain GPT-2 tokens on single-turn problems, and with whitespace tokens
    on multi-turn problems.)
    """

    def __init__(self, backend: Tokenizer, whitespace_tokens: bool | None = None) -> None:
        if not isinstance(backend.model, BPE) or not isinstance(
            backend.decoder, decoders.ByteLevel
        ):
            raise CheckpointError("not a byte-level BPE tokenizer, as CodeGen's is")
        if whitespace_tokens is not None and whitespace_tokens != _has_runs(backend):
            backend = _with_runs(backend) if whitespace_tokens else _without_runs(backend)
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        symbols = backend.get_vocab(with_added_tokens=False)
        self._without_symbol = {byte for s, byte in _BYTE_OF.items() if s not in symbols}

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        revision: str | None = None,
        whitespace_tokens: bool | None = None,
    ) -> CodeGenTokenizer:
        """The tokenizer of a checkpoint, which is named as in `models.hub.resolve`.

        Reads `tokenizer.json`, or else `vocab.json`, `merges.txt` and `added_tokens.json`. Without
        the last the standard whitespace runs are added. Raises CheckpointError where files are
        missing or damaged.
        """
        directory = resolve(source, revision, weights=False)
        files = tokenizer_files(directory)
        if files[0].name == TOKENIZER:
            return cls(_read_backend(files[0]), whitespace_tokens)
        vocab, merges, *added = files
        if whitespace_tokens is None and not added:
            whitespace_tokens = True
        return cls.from_files(vocab, merges, added[0] if added else None, whitespace_tokens)

    @classmethod
    def from_files(
        cls,
        vocab: str | Path,
        merges: str | Path,
        added: str | Path | None = None,
        whitespace_tokens: bool | None = True,
    ) -> CodeGenTokenizer:
        """A tokenizer from `vocab.json`, `merges.txt` and optionally `added_tokens.json`.

        Raises CheckpointError where a file is missing or damaged.
        """
        try:
            model = BPE.from_file(str(vocab), str(merges))
        except Exception as error:  # the package has no narrower one
            raise CheckpointError(f"{vocab}, {merges}: no BPE in them ({error})") from error
        backend = Tokenizer(model)
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.post_processor = processors.ByteLevel(trim_offsets=False)
        backend.decoder = decoders.ByteLevel()
        if backend.token_to_id(END_OF_TEXT) is not None:
            backend.add_special_tokens([END_OF_TEXT])
        if added is not None:
            _add_tokens(backend, Path(added))
        return cls(backend, whitespace_tokens)

    def __len__(self) -> int:
        """The number of tokens; a model's vocabulary is often padded to more."""
        return self._backend.get_vocab_size()

    @property
    def eos_id(self) -> int | None:
        """The id of `<|endoftext|>`; None if the vocabulary does not have it."""
        return self._backend.token_to_id(END_OF_TEXT)

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, in which `<|endoftext|>` is one token.

        Raises ModelError for a lone surrogate, and for a byte for which an incomplete vocabulary
        has no symbol.
        """
        try:
            encoded = text.encode()
        except UnicodeEncodeError as error:
            raise ModelError(
                f"text has a lone surrogate, {text[error.start]!r}, at {error.start}: it is not "
                "valid Unicode; replace it first"
            ) from None
        if self._without_symbol and (lacking := self._without_symbol.intersection(encoded)):
            raise ModelError(f"the vocabulary has no symbol for the byte {min(lacking):#04x}")
        return self._backend.encode(text).ids

    def decode(
        self, ids: Iterable[int], truncate_before_pattern: Sequence[str] | None = None
    ) -> str:
        """The text of `ids`, with special tokens; cut by `truncate` if there are patterns.

        Bytes that are not UTF-8 become U+FFFD. Ids without a token (models' vocabularies are
        padded) have no text, as in transformers.
        """
        table = self._bytes
        text = b"".join([table.get(index(i), b"") for i in ids]).decode(errors="replace")
        return truncate(text, truncate_before_pattern) if truncate_before_pattern else text

    def token_bytes(self, token: int) -> bytes:
        """The bytes of a token; none for an id without a token.

        A character may be spread over several tokens. To get `decode`'s text, join the bytes and
        decode them, or use `codecs.getincrementaldecoder("utf-8")(errors="replace")`.
        """
        return self._bytes.get(token, b"")

    @cached_property
    def _bytes(self) -> dict[int, bytes]:
        # symbols become Latin-1 characters, whose codes are the bytes
        table = {
            token: content.translate(_TO_LATIN_1).encode("latin-1", errors="replace")
            for content, token in self._backend.get_vocab(with_added_tokens=False).items()
        }
        added = self._backend.get_added_tokens_decoder()
        return table | {token: entry.content.encode() for token, entry in added.items()}

    def save(self, directory: str | Path) -> None:
        """Write the files of a CodeGen repository, which transformers reads too:
        `tokenizer.json`, `vocab.json`, `merges.txt`, `added_tokens.json`, `tokenizer_config.json`.
        Raises OSError, or CheckpointError, where they cannot be written.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            self._backend.save(str(directory / TOKENIZER), pretty=False)
            self._backend.model.save(str(directory))
        except Exception as error:  # the package raises no narrower class
            raise CheckpointError(f"{directory}: cannot be written ({error})") from error
        tokens = self._backend.get_added_tokens_decoder()
        base = self._backend.get_vocab(with_added_tokens=False)
        added = {t.content: token for token, t in tokens.items() if t.content not in base}
        _write_json(directory / TOKENIZER_PARTS[2], added)
        _write_json(directory / "tokenizer_config.json", _transformers_config(tokens))


def truncate(text: str, patterns: Sequence[str]) -> str:
    """Cut a completion as the CodeGen tokenizer of transformers does.

    It is cut before the second line that starts with `print`, then before the second that starts
    with `def`, then at the earliest match of any pattern (`^` is the start of any line). The usual
    patterns are `["^#", re.escape("<|endoftext|>"), "^'''", '^\\"\\"\\"', "\\n\\n\\n"]`.
    """
    for opening in ("^print", "^def"):
        starts = [match.start() for match in re.finditer(opening, text, re.MULTILINE)]
        text = text[: starts[1]] if len(starts) > 1 else text
    matches = (re.search(pattern, text, re.MULTILINE) for pattern in patterns)
    return text[: min((match.start() for match in matches if match), default=len(text))]


def _read_backend(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the package has no narrower one
        raise CheckpointError(f"{path}: not a tokenizer ({error}); fetch the file again") from error


def _is_run(content: str) -> bool:
    return len(content) > 1 and content in (" " * len(content), "\t" * len(content))


def _has_runs(backend: Tokenizer) -> bool:
    return any(_is_run(token.content) for token in backend.get_added_tokens_decoder().values())


def _with_runs(backend: Tokenizer) -> Tokenizer:
    backend.add_tokens([AddedToken(run) for run in WHITESPACE_RUNS])
    return backend


def _without_runs(backend: Tokenizer) -> Tokenizer:
    record = json.loads(backend.to_str())
    kept = [token for token in record["added_tokens"] if not _is_run(token["content"])]
    plain = Tokenizer.from_str(json.dumps(record | {"added_tokens": kept}))
    for token in kept:
        _check_id(plain, token["content"], token["id"])
    return plain


def _add_tokens(backend: Tokenizer, path: Path) -> None:
    record = {content: int(str(token)) for content, token in read_json(path).items()}
    for content in sorted(record, key=record.__getitem__):
        backend.add_tokens([AddedToken(content)])
        _check_id(backend, content, record[content])


def _check_id(backend: Tokenizer, content: str, expected: int) -> None:
    if (token := backend.token_to_id(content)) != expected:
        raise CheckpointError(
            f"added token {content!r} is said to be {expected} but would be {token}: the ids of "
            "added tokens must follow the vocabulary's without a gap"
        )


def _transformers_config(tokens: dict[int, AddedToken]) -> dict[str, object]:
    fields = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
    return {
        "tokenizer_class": "CodeGenTokenizer",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "added_tokens_decoder": {
            token: {field: getattr(entry, field) for field in fields}
            for token, entry in sorted(tokens.items())
        },
        **special,
    }


def _write_json(path: Path, record: object) -> None:
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
