"""What only a GPU can show: real geometries, graphs, its memory, several of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from models import checkpoint
from models.config import CodeGenConfig, ModelError
from models.embedded import embedded
from models.engine.dialogue import Completion
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.engine.pages import PAGE
from models.engine.scheduler import Row
from models.transformer import Transformer
from tests.conftest import DEVICE
from tests.models.engine.talk import CONFIG, answers, talks
from tests.speed.shapes import GEOMETRIES, Asked, Ids, random_model, words

pytestmark = pytest.mark.skipif(DEVICE == "cpu", reason="needs a GPU")

SAMPLING = Sampling(0.8, 0.95)
LARGE = [("350M", "float16"), ("350M", "bfloat16"), ("350M", "float32"), ("2B", "float16")]
GIB = 1 << 30


@pytest.fixture(scope="module", params=LARGE, ids=" ".join)
def model(request: pytest.FixtureRequest) -> Iterator[Transformer]:
    size, dtype = request.param
    torch.manual_seed(1)
    yield random_model(GEOMETRIES[size], getattr(torch, dtype), DEVICE)
    torch.cuda.empty_cache()


def asked() -> list[Asked]:
    """Dialogues of one or two turns; every third has the same first prompt, longer than a page."""
    first = [words(70, 1), words(3, 2), words(33, 3)]
    turns = [(first[key % 3], 2 + key % 5) for key in range(20)]
    return [Asked(key, (turns[key], (words(5, key), 3))[: 1 + key % 2]) for key in range(20)]


def engine(model: Transformer, slots: int, deterministic: bool = False) -> Engine:
    """Log-probabilities show a difference of a single bit, where tokens would not."""
    options = EngineOptions(slots, deterministic=deterministic, logprobs=True)
    return Engine(model, Ids(), options, SAMPLING)


class Heard:
    """A dialogue that keeps its completions."""

    def __init__(self, dialogue: Asked, said: tuple[Completion, ...] = ()) -> None:
        self.dialogue, self.said, self.request = dialogue, said, dialogue.request

    def receive(self, completion: Completion) -> Heard:
        return Heard(self.dialogue.receive(completion), (*self.said, completion))


def said(used: Engine, dialogues: list[Asked]) -> dict[int, tuple[Completion, ...]]:
    return {one.dialogue.key: one.said for one in used.run(map(Heard, dialogues))}


def test_completions_do_not_depend_on_batch_order_or_restart(model: Transformer) -> None:
    used = engine(model, 16)
    together = said(used, asked())
    assert len(together) == 20
    assert said(used, asked()[::-1]) == together
    again = engine(model, 16)
    for key in (2, 7, 13):
        assert said(again, asked()[key : key + 1]) == {key: together[key]}
    running = used.run(map(Heard, asked()))
    before = {one.dialogue.key: one.said for one in (next(running) for _ in range(6))}
    left = [dialogue for dialogue in asked() if dialogue.key not in before]
    assert before | said(again, left) == together


def test_deterministic_completions_do_not_depend_on_slots(model: Transformer) -> None:
    few = asked()[:7]
    assert said(engine(model, 3, True), few) == said(engine(model, 40, True), few)


@pytest.mark.parametrize(
    ("config", "dtype"),
    [(CONFIG, "float32"), (replace(GEOMETRIES["2B"], vocab_size=512, n_layer=2), "float16")],
    ids=["tiny", "2B"],
)
@torch.inference_mode()
def test_a_replayed_graph_gives_the_bits_of_its_step_without_a_graph(
    config: CodeGenConfig, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Graphs of several numbers of rows share memory, whichever is replayed next."""
    from models.engine.cuda.graphs import CUDABackend, Stage

    model = random_model(config, getattr(torch, dtype), DEVICE)
    graphs, plain = CUDABackend(model, 40), CUDABackend(model, 40)
    with monkeypatch.context() as patch:
        patch.setattr(Stage, "_graph", lambda stage, compute: compute)
        steps = [
            [Row(n % 250, position, (n + 1,)) for n in range(rows)]
            for position, rows in enumerate([1, 16, 33, 16, 1, 33, 2, 16])
        ]
        expected = [plain.hidden_states(rows) for rows in steps]
    found = [graphs.hidden_states(rows) for rows in steps]
    for n, (replayed, computed) in enumerate(zip(found, expected, strict=True)):
        assert torch.equal(replayed, computed), f"step {n}"
    (mine,), (theirs,) = graphs.stages, plain.stages
    assert torch.equal(mine.cache.pages[:, :, 1:], theirs.cache.pages[:, :, 1:])


def test_too_little_memory_is_one_error_that_names_slots_that_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And so many then run, all drawing at once, where torch may take no more than there was."""
    model = random_model(replace(GEOMETRIES["350M"], n_layer=2), torch.float16, DEVICE)
    free, total = torch.cuda.mem_get_info()
    if free < 4 * GIB:
        pytest.skip(f"{free / GIB:.1f} GiB of the GPU are free; needs 4")
    torch.cuda.empty_cache()
    most = torch.cuda.memory_reserved() + 4 * GIB
    monkeypatch.setattr("models.engine.memory.available", lambda device: 4 * GIB)
    torch.cuda.set_per_process_memory_fraction(most / total)
    try:
        with pytest.raises(ModelError, match=r"slots=100000: .* room for \d+ slots$") as caught:
            Engine(model, Ids(), EngineOptions(100_000), SAMPLING)
        fitting = int(re.findall(r"room for (\d+) slots", str(caught.value))[0])
        assert fitting > 200
        used = Engine(model, Ids(), EngineOptions(fitting), SAMPLING)
        done = list(used.run(Asked(n, ((words(8, n), 4),)) for n in range(fitting)))
        assert len(done) == fitting
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_large_cache_is_addressed_beyond_32_bits() -> None:
    """A layer's keys with more than 2**31 numbers: pages at both ends are used alike."""
    from models.engine.cuda.graphs import CUDABackend

    config = replace(GEOMETRIES["2B"], vocab_size=512, n_layer=1)
    pages = 2**31 // (config.n_embd * PAGE) + 10
    needed = 2 * 2 * pages * config.n_embd * PAGE + GIB
    if torch.cuda.mem_get_info()[0] < needed:
        pytest.skip(f"needs {needed / GIB:.1f} GiB of the GPU")
    backend = CUDABackend(random_model(config, torch.float16, DEVICE), pages)
    with torch.inference_mode():
        outputs = []
        for page in (1, pages):
            for position in range(3):
                last = backend.hidden_states([Row(7 + position, position, (page,))])
            outputs.append(last)
        backend.copy_pages([(pages, 2)])
        kept = backend.stages[0].cache.pages
        assert torch.equal(kept[:, 0, 2, :, :3], kept[:, 0, 1, :, :3])
    assert torch.equal(*outputs)


def test_a_model_on_two_gpus_gives_the_bits_of_one() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    folder = embedded("codegen-300K-nl")
    split = checkpoint.load(folder, "float16", ("cuda:0", "cuda:1"))
    assert len(split.stages) == 2
    whole = checkpoint.load(folder, "float16", "cuda:1")
    assert answers(split, talks()) == answers(whole, talks())
