"""Ids are CodeGen's and transformers', and text survives the way there and back."""

import codecs
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from models.config import ModelError
from models.layout import CheckpointError
from models.tokenizer import END_OF_TEXT, WHITESPACE_RUNS, CodeGenTokenizer, truncate

TEXTS = {
    "code": "import numpy as np\n\n\ndef mean(xs):\n    if xs:\n        return np.mean(xs)\n",
    "tabs": "class A:\n\tdef f(self):\n\t\t\treturn 1\n\t \t x\n" + "\t" * 23 + "y",
    "deep": "".join(" " * n + f"x{n}\n" for n in range(70)),
    "trailing": "a  \n\n   \n \n",
    "crlf": "if x:\r\n    y()\r\n\r\n\tz()\r",
    "emoji": "print('👩‍👩‍👧 🇨🇭 ☕️ 🫠')",
    "scripts": "日本語 العربية हिन्दी Ελληνικά русский ไทย é é \u200b\ufeff",
    "special": f"a{END_OF_TEXT}\n{END_OF_TEXT}{END_OF_TEXT} b",
    "controls": "\x00\x01\x7f\x85\xa0\xad\u2028\ufffd\U0010ffff",
    "empty": "",
}

any_text = st.text(st.characters(exclude_categories=["Cs"]))
whitespaced = st.lists(st.sampled_from([" ", "\t", "\n", "\r", "x", "_1", "é", "('"])).map("".join)


@pytest.fixture(scope="module", params=["gpt2_tokenizer", "small_tokenizer"])
def ours(request: pytest.FixtureRequest) -> CodeGenTokenizer:
    """CodeGen's tokenizer, and one with another vocabulary."""
    tokenizer: CodeGenTokenizer = request.getfixturevalue(request.param)
    return tokenizer


@pytest.fixture(scope="module")
def theirs(
    ours: CodeGenTokenizer, tmp_path_factory: pytest.TempPathFactory
) -> PreTrainedTokenizerFast:
    """The transformers tokenizer that reads the same `tokenizer.json`."""
    directory = tmp_path_factory.mktemp("tokenizer")
    ours.save(directory)
    return PreTrainedTokenizerFast(tokenizer_file=str(directory / "tokenizer.json"))


@pytest.mark.parametrize("name", TEXTS)
def test_same_ids_and_text_as_transformers(
    name: str, ours: CodeGenTokenizer, theirs: PreTrainedTokenizerFast
) -> None:
    ids = ours.encode(TEXTS[name])
    assert ids == theirs.encode(TEXTS[name])
    assert ours.decode(ids) == theirs.decode(ids) == TEXTS[name]


@given(text=any_text | whitespaced)
def test_same_ids_as_transformers_for_any_text(
    text: str, ours: CodeGenTokenizer, theirs: PreTrainedTokenizerFast
) -> None:
    assert ours.encode(text) == theirs.encode(text)


@given(text=any_text | whitespaced)
def test_decoding_the_ids_of_any_text_gives_the_text(text: str, ours: CodeGenTokenizer) -> None:
    assert ours.decode(ours.encode(text)) == text


@given(ids=st.lists(st.integers(0, 400) | st.integers(0, 51199), max_size=30))
def test_any_ids_decode_as_in_transformers(
    ids: list[int], ours: CodeGenTokenizer, theirs: PreTrainedTokenizerFast
) -> None:
    assert ours.decode(ids) == theirs.decode(ids)


@given(ids=st.lists(st.integers(0, 400) | st.integers(0, 51199), max_size=30))
def test_bytes_decoded_as_they_come_give_the_same_text(
    ids: list[int], ours: CodeGenTokenizer
) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = "".join(decoder.decode(ours.token_bytes(token)) for token in ids)
    assert text + decoder.decode(b"", final=True) == ours.decode(ids)


def test_whitespace_runs_have_codegens_ids(gpt2_tokenizer: CodeGenTokenizer) -> None:
    runs = {n: gpt2_tokenizer.encode(" " * n) for n in (31, 2)}
    tabs = {n: gpt2_tokenizer.encode("\t" * n) for n in (9, 2)}
    assert runs == {31: [50257], 2: [50286]}
    assert tabs == {9: [50287], 2: [50294]}
    assert (len(gpt2_tokenizer), gpt2_tokenizer.eos_id) == (50295, 50256)


def test_a_run_takes_the_whole_indentation(gpt2_tokenizer: CodeGenTokenizer) -> None:
    word = gpt2_tokenizer.encode("return")
    assert gpt2_tokenizer.encode("    return") == [50284, *word]
    assert gpt2_tokenizer.encode(" " * 40 + "return") == [50257, 50279, *word]


def test_runs_follow_other_vocabularies(small_tokenizer: CodeGenTokenizer) -> None:
    assert small_tokenizer.encode(" " * 31) == [320]
    assert len(small_tokenizer) == 320 + len(WHITESPACE_RUNS)


def test_without_whitespace_tokens_ids_are_gpt2s(
    gpt2_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    gpt2_tokenizer.save(tmp_path)
    plain = CodeGenTokenizer.from_pretrained(tmp_path, whitespace_tokens=False)
    assert plain.encode("    x") == [220, 220, 220, 2124]
    assert len(plain) == 50257
    assert plain.decode([50257, 64]) == "a"  # such ids are then beyond the tokenizer


def test_ids_beyond_the_tokenizer_stand_for_nothing(gpt2_tokenizer: CodeGenTokenizer) -> None:
    assert gpt2_tokenizer.decode([64, 50295, 51199, 10**9, 65]) == "ab"
    assert gpt2_tokenizer.token_bytes(50295) == b""


def test_special_tokens_are_never_dropped(gpt2_tokenizer: CodeGenTokenizer) -> None:
    assert gpt2_tokenizer.decode([64, 50256, 65]) == f"a{END_OF_TEXT}b"


def test_tensors_decode_like_lists(gpt2_tokenizer: CodeGenTokenizer) -> None:
    import torch

    assert gpt2_tokenizer.decode(torch.tensor([64, 50284])) == "a    "


def test_saved_files_are_those_of_codegens_repositories(
    small_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    small_tokenizer.save(tmp_path)
    names = "added_tokens.json merges.txt tokenizer.json tokenizer_config.json vocab.json"
    assert sorted(path.name for path in tmp_path.iterdir()) == names.split()
    added = json.loads((tmp_path / "added_tokens.json").read_text())
    assert added == {run: 320 + n for n, run in enumerate(WHITESPACE_RUNS)}


@pytest.mark.parametrize(
    "without", [[], ["tokenizer.json"], ["tokenizer.json", "added_tokens.json"]]
)
def test_saved_tokenizer_loads_from_any_of_its_files(
    without: list[str], small_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    small_tokenizer.save(tmp_path)
    for name in without:
        (tmp_path / name).unlink()
    loaded = CodeGenTokenizer.from_pretrained(tmp_path)
    for text in TEXTS.values():
        assert loaded.encode(text) == small_tokenizer.encode(text)


def test_transformers_loads_what_was_saved(
    gpt2_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    gpt2_tokenizer.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert [theirs.encode(text) for text in TEXTS.values()] == [
        gpt2_tokenizer.encode(text) for text in TEXTS.values()
    ]


def test_truncation_cuts_before_second_print_then_second_def_then_earliest_pattern() -> None:
    prints = "print(1)\nx = 1\nprint(2)\n"
    defs = "def f():\n  pass\n\ndef g():\n  pass\n"
    assert truncate(prints, ["^#"]) == "print(1)\nx = 1\n"
    assert truncate(defs, ["^#"]) == "def f():\n  pass\n\n"
    assert truncate("a\n\n\nb\n# c", ["^#", "\n\n\n"]) == "a"
    assert truncate("a = '#'", ["^#", "\n\n\n"]) == "a = '#'"


@given(text=st.lists(st.sampled_from(["print", "def", "#", "\n", "'''", " x"])).map("".join))
def test_truncation_is_that_of_transformers(text: str, gpt2_tokenizer: CodeGenTokenizer) -> None:
    from transformers import CodeGenTokenizer as Theirs

    patterns = ["^#", "^'''", "\n\n\n"]
    ids = gpt2_tokenizer.encode(text)
    assert gpt2_tokenizer.decode(ids, patterns) == Theirs.truncate(None, text, patterns)
    assert gpt2_tokenizer.decode(ids, []) == gpt2_tokenizer.decode(ids, None) == text


def test_lone_surrogate_is_refused_with_its_position(small_tokenizer: CodeGenTokenizer) -> None:
    with pytest.raises(ModelError, match=r"lone surrogate, '\\ud800', at 2"):
        small_tokenizer.encode("ab\ud800")


def test_byte_without_symbol_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CodeGenTokenizer.from_pretrained(tmp_path)
    assert tokenizer.encode("aa") == [0, 0]
    with pytest.raises(ModelError, match="no symbol for the byte 0x62"):
        tokenizer.encode("ab")


def test_gap_before_added_tokens_is_refused(
    small_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    small_tokenizer.save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "added_tokens.json").write_text('{"  ": 400}')
    with pytest.raises(CheckpointError, match="'  ' is said to be 400 but would be 320"):
        CodeGenTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("tokenizer.json", "{"), ("vocab.json", "{"), ("merges.txt", "#version: 0.2\nq\n")],
)
def test_broken_file_is_named(
    name: str, content: str, small_tokenizer: CodeGenTokenizer, tmp_path: Path
) -> None:
    small_tokenizer.save(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=name):
        CodeGenTokenizer.from_pretrained(tmp_path)


def test_directory_without_tokenizer_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected tokenizer\.json, or vocab\.json and"):
        CodeGenTokenizer.from_pretrained(tmp_path)


def test_tokenizer_that_is_not_byte_level_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="byte-level BPE"):
        CodeGenTokenizer.from_pretrained(tmp_path)


def test_tokenizer_needs_no_torch() -> None:
    code = "import sys, models.tokenizer, models.hub; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
