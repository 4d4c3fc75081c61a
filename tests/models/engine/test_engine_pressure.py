"""Completions do not depend on the cache's size, on preemption, or on what the engine did
before."""

from __future__ import annotations

import dataclasses
import functools
import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

import pytest
import torch

import models.engine
from models.config import CodeGenConfig, ModelError
from models.engine.dialogue import Completion
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.engine.pages import PAGE
from models.transformer import Transformer
from tests.models.engine.talk import Bytes, Talk, model_of

FOLDER = models.engine.__path__[0]
CONTEXT = 8 * PAGE
CONFIG = CodeGenConfig(260, CONTEXT, 1, 32, 4, 8, eos_token_id=259)
SLOTS, PAGES = (1, 3, 6, 13, 40), (8, 9, 10, 12, 16, 400)
SETS = 1500 if os.environ.get("MTPB_LONG") else 48
FEW, MANY = 57, 16  # seeds of sets
WORDS = ("x = 1\n", "# and then\n", "print(x)\n", "import numpy as np\n", "    return y\n")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """The products are too small for more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@functools.cache
def shared_model() -> Transformer:
    return model_of(CONFIG)


def engine(slots: int = 13, pages: int = 400) -> Engine:
    options = EngineOptions(slots, deterministic=True, cache_tokens=pages * PAGE)
    return Engine(shared_model(), Bytes(), options, Sampling(0.7, 0.95))


def talks(seed: int, most: int = 12, tokens: int = 24, words: int = 8) -> list[Talk]:
    """Up to `most` dialogues of up to four turns; several have the same prompts, or begin alike."""
    choose = random.Random(seed)
    openings = ["".join(choose.choices(WORDS, k=choose.randint(1, 5))) for _ in range(3)]

    def talk(key: int) -> Talk:
        turns = ["".join(choose.choices(WORDS, k=choose.randint(0, words))) for _ in range(3)]
        prompts = (choose.choice(openings), *turns[: choose.randint(0, 3)])
        mark = choose.choice("aeiou(\n")
        stop = (lambda text: text.find(mark) if mark in text else None) if key % 3 else None
        return Talk(key, prompts, choose.randint(1, tokens), stop)

    return [talk(key) for key in range(choose.randint(2, most))]


def finished(running: Iterable[Talk]) -> dict[int, tuple[Completion, ...]]:
    return {talk.key: talk.said for talk in running}


@pytest.mark.parametrize("block", range(6))
def test_completions_depend_neither_on_the_cache_nor_on_the_slots(block: int) -> None:
    """Engines are kept from set to set, so that they find what earlier sets have left."""
    plenty, kept = engine(), functools.cache(engine)
    for seed in range(block, SETS, 6):
        choose = random.Random(seed)
        size = choose.choice(SLOTS), choose.choice(PAGES)
        small = kept(*size)
        asked = talks(seed)
        expected = finished(plenty.run(asked))
        assert finished(small.run(asked)) == expected, f"seed {seed}, slots and pages {size}"
        assert small.pages.available == small.pages.count


def raising(function: Callable[..., Any], call: int, late: bool) -> Callable[..., Any]:
    """The function, but its call with this number is interrupted, before or after its work."""
    left = [call]

    def instead(*args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0 and not late:
            raise KeyboardInterrupt
        result = function(*args)
        if left[0] < 0:
            raise KeyboardInterrupt
        return result

    return instead


@pytest.mark.parametrize("pages", [8, 400])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_an_interruption_at_any_step_leaves_no_trace(pages: int, late: bool) -> None:
    asked, steps = talks(FEW, most=5, tokens=6), 0
    expected = finished(engine(3, pages).run(asked))
    interrupted = engine(3, pages)
    compute = interrupted._runner.logits
    while True:
        interrupted._runner.logits = raising(compute, steps, late)
        try:
            done = finished(interrupted.run(asked))
        except KeyboardInterrupt:
            assert interrupted.pages.available == interrupted.pages.count
        else:
            break
        interrupted._runner.logits = compute
        assert finished(interrupted.run(asked)) == expected, f"interrupted at step {steps}"
        for page in interrupted.pages.records:  # the next interruption finds an empty cache
            page.prefix = None
        interrupted.pages.reset()
        steps += 1
    assert done == expected
    assert steps > 15


class Interruption:
    """Raises KeyboardInterrupt at the n-th line that runs in the engine's own files, as a signal
    may; `left` stays positive where there were fewer."""

    FILES = tuple(f"{FOLDER}/{name}.py" for name in ("engine", "pages", "scheduler"))

    def __init__(self, line: int) -> None:
        self.left = line

    def __enter__(self) -> Interruption:
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.settrace(None)

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.left <= 0 or frame.f_code.co_filename not in self.FILES:
            return None
        self.left -= event == "line"
        if not self.left:
            raise KeyboardInterrupt
        return self.trace


@pytest.mark.parametrize("keep", [False, True], ids=["closed", "referenced"])
def test_an_interruption_at_any_line_leaves_no_trace(keep: bool) -> None:
    asked, kept = talks(FEW, most=5, tokens=6), []
    expected = finished(engine(3, 8).run(asked))
    interrupted, choose = engine(3, 8), random.Random(1)
    for _ in range(30):
        running = interrupted.run(asked)
        if keep:
            kept.append(running)
        with pytest.raises(KeyboardInterrupt), Interruption(choose.randint(1, 2_500)):
            finished(running)
        assert finished(interrupted.run(asked)) == expected
        assert interrupted.pages.available == interrupted.pages.count


@pytest.mark.parametrize("cut", range(0, 12, 2))
def test_a_consumer_that_stops_reading_leaves_no_trace(cut: int) -> None:
    asked = talks(MANY, most=16, tokens=24)
    expected = finished(engine(6, 9).run(asked))
    left = engine(6, 9)
    running = left.run(asked)  # suspended, and still there
    before = [next(running) for _ in range(cut)]
    assert finished(left.run(asked)) == expected
    rest = finished(running)  # it can be continued
    assert rest | finished(before) == expected
    del running
    assert left.pages.available == left.pages.count


def test_a_stop_rule_that_raises_leaves_no_trace() -> None:
    asked = talks(MANY, most=16, tokens=24)
    expected = finished(engine(6, 9).run(asked))

    def broken(text: str) -> int | None:
        raise ValueError("x")

    used = engine(6, 9)
    with pytest.raises(ValueError, match=r"^x"):
        finished(used.run([*asked[:5], Talk(99, ("x = 1\n",), 20, broken)]))
    assert used.pages.available == used.pages.count
    assert finished(used.run(asked)) == expected


def test_a_gpu_without_memory_is_one_error_and_leaves_no_trace() -> None:
    asked = talks(MANY, most=16, tokens=24)
    expected = finished(engine(6, 9).run(asked))
    used = engine(6, 9)
    compute, left = used._runner.logits, [5]

    def scarce(*args: Any) -> torch.Tensor:
        left[0] -= 1
        if not left[0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0")
        return compute(*args)

    used._runner.logits = scarce
    with pytest.raises(ModelError, match=r"slots=6: .*ran out \(CUDA out of memory\); free some"):
        finished(used.run(asked))
    assert used.pages.available == used.pages.count
    assert finished(used.run(asked)) == expected


def test_a_source_that_raises_leaves_no_trace() -> None:
    asked = talks(MANY, most=16, tokens=24)
    used = engine(2, 9)

    def source() -> Iterator[Talk]:
        yield from asked[:5]
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        finished(used.run(source()))
    assert used.pages.available == used.pages.count


def test_scores_in_the_middle_of_a_run_change_nothing() -> None:
    asked = talks(MANY, most=16, tokens=24)
    expected = finished(engine(6, 8).run(asked))
    text = "# and then\n" * 10
    score = engine(1, 400).score("x = 1\n", text)
    used, done = engine(6, 8), {}
    for talk in used.run(asked):
        done |= finished([talk])
        assert used.score("x = 1\n", text) == score
    assert done == expected


def test_a_score_that_is_interrupted_leaves_no_trace() -> None:
    text = "# and then\n" * 10
    expected = engine(2, 9).score("x = 1\n", text)
    used = engine(2, 9)
    compute = used._runner.logits
    for late in (False, True):
        used._runner.logits = raising(compute, 0, late)
        with pytest.raises(KeyboardInterrupt):
            used.score("x = 1\n", text)
        used._runner.logits = compute
        assert used.pages.available == used.pages.count
        assert used.score("x = 1\n", text) == expected


def test_a_score_repeats_whatever_the_cache_holds() -> None:
    text = "# and then\n" * 10
    used = engine(2, 9)
    first = used.score("x = 1\n", text)
    assert len(first) == len(text)
    assert used.score("x = 1\n", text) == first
    finished(used.run([Talk(1, ("x = 1\n" + text,), 3)]))
    assert used.score("x = 1\n", text) == first
    assert used.score("x = 1\n" + text[:60], text[60:]) == first[60:]


def test_a_dialogue_may_use_the_engine_itself() -> None:
    asked = talks(MANY)
    expected = finished(engine(6, 9).run(asked))
    used = engine(6, 9)
    scores = set()

    @dataclasses.dataclass(frozen=True)
    class Scored(Talk):
        def receive(self, completion: Completion) -> Talk:
            scores.add(used.score("x = 1\n", "# and then\n"))
            return super().receive(completion)

    scored = [Scored(t.key, t.prompts, t.max_new_tokens, t.stop) for t in asked]
    assert finished(used.run(scored)) == expected
    assert len(scores) == 1
