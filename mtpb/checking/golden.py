"""Checks against golden.json: hashes of the embedded suites and models, and some logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import Benchmark, load
from models.embedded import embedded, names
from models.hashes import weights_sha256
from mtpb.checking.preflight import About, Check, State
from mtpb.rundir.store import read_json

if TYPE_CHECKING:
    from mtpb.samplers.builtin.choice import Checkpoint

PATH = Path(__file__).with_name("golden.json")


TEXT = '# Assign the list [3, 1, 2] to a variable named "nums".\nnums ='


TOLERANCE = 2e-3  # of a logit, in float32: kernels differ by less, other weights by far more


LOOKED_AT = 8


TEXTS = (
    "def f(x):\n    return x\n",
    "\tif a:\n\t\tpass\n",
    " " * 40 + "x = 'two  spaces'",
    "line\r\nnext\r\n",
    "naïve café, 日本語, Ελληνικά, עברית",
    "🐍👩‍👩‍👧 \u200b\ufeff",
    "<|endoftext|>",
    "\x00\x07 trailing   ",
)


def golden() -> dict[str, Any]:
    return read_json(PATH, "run python -m mtpb.golden in a checkout")


def suites(benchmark: Benchmark) -> Check:
    """Compares the hash of an embedded suite with the golden one."""
    name = f"data of {benchmark.name}"
    known = golden()["suites"].get(benchmark.name)
    short = benchmark.sha256[:12]
    if known is None or benchmark.sha256 == known:
        found = f"{len(benchmark.problems)} problems, SHA-256 {short}…"
        return Check(name, About.benchmark, State.good, found)
    found = f"SHA-256 {short}… instead of {known[:12]}…"
    remedy = "the file was changed: figures are not comparable; install the package anew"
    return Check(name, About.benchmark, State.bad, found, remedy)


def tokenizer(checkpoint: Checkpoint) -> Check:
    """Checks that decoding the tokens of a text gives the text."""
    from models.tokenizer import CodeGenTokenizer

    ours = CodeGenTokenizer.from_pretrained(checkpoint.directory)
    lost = [text for text in TEXTS if ours.decode(ours.encode(text)) != text]
    if lost:
        found = f"{lost[0]!r} comes back as {ours.decode(ours.encode(lost[0]))!r}"
        remedy = "the tokenizer's files are damaged or not CodeGen's"
        return Check("tokenizer round trip", About.model, State.bad, found, remedy)
    found = f"{len(TEXTS)} texts come back, {len(ours)} tokens"
    return Check("tokenizer round trip", About.model, State.good, found)


def logits(checkpoint: Checkpoint) -> Check:
    """Compares an embedded model's logits with the golden ones; others' must be finite."""
    ids, row = _last_logits(checkpoint.directory)
    if not all(abs(value) < 1e6 for value in row):  # false for NaN as well
        remedy = "the weights are damaged, or the processor's kernels are"
        return Check("logits", About.model, State.bad, "not finite", remedy)
    facts = checkpoint.facts
    known = golden()["models"].get(facts.name)
    if known is None:
        found = f"finite; no golden ones for {facts.name}"
        return Check("logits", About.model, State.good, found)
    if known["weights_sha256"] != facts.weights_sha256:
        found = f"SHA-256 of the weights is not that of the embedded {facts.name}"
        remedy = "the files were changed; install the package anew, or set model.name"
        return Check("logits", About.model, State.bad, found, remedy)
    return compared(known, ids, row)


def compared(known: Mapping[str, Any], ids: Sequence[int], row: Sequence[float]) -> Check:
    """Compares tokens and logits with the golden ones of the same weights.

    `ids` are the text's tokens, `row` the logits after its last one. A difference is the fault of
    the environment, since the weights are the same.
    """
    if list(ids) != known["ids"]:
        found = f"{TEXT!r} has the tokens {list(ids)[:6]}…, expected {known['ids'][:6]}…"
        remedy = "another version of the tokenizers package? install the pinned one"
        return Check("golden logits", About.environment, State.bad, found, remedy)
    furthest = max(abs(row[int(token)] - value) for token, value in known["logits"].items())
    found = f"within {furthest:.1e} of the golden ones (tolerance {TOLERANCE:g})"
    if furthest > TOLERANCE:
        remedy = "the same weights give other logits: look at torch and the processor's kernels"
        return Check("golden logits", About.environment, State.bad, found, remedy)
    return Check("golden logits", About.model, State.good, found)


def _last_logits(directory: Path) -> tuple[list[int], list[float]]:
    """Tokens of the golden text, and the logits after its last one, in float32 on the CPU."""
    import torch

    from models import CodeGenTokenizer, checkpoint

    model = checkpoint.load(directory, "float32", "cpu")
    ids = CodeGenTokenizer.from_pretrained(directory).encode(TEXT)[-model.config.n_positions :]
    with torch.inference_mode():
        row = model(torch.tensor([ids]))[0, -1].tolist()
    return ids, row


def facts() -> dict[str, Any]:
    """The content of golden.json for the suites and models that are embedded now."""

    models = {}
    for name in names():
        directory = embedded(name)
        ids, row = _last_logits(directory)
        largest = sorted(range(len(row)), key=lambda token: -row[token])[:LOOKED_AT]
        models[name] = {
            "weights_sha256": weights_sha256(directory),
            "ids": ids,
            "logits": {str(token): round(row[token], 5) for token in largest},
        }
    found = {name: load(name).sha256 for name in ("starter", "starter-function")}
    return {"text": TEXT, "suites": found, "models": models}
