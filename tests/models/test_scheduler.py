"""The scheduler as pure policy: nothing idles, nothing starves, nothing is written over."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import ModelError
from models.scheduler import PAGE, Pages, Scheduler, Track

JOBS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 110), st.lists(st.integers(1, 60), max_size=3)),
    min_size=1,
    max_size=25,
)


def track(tokens: list[int]) -> Track:
    return Track(list(tokens), len(tokens))


class Memory:
    """What a cache would hold: for each page, the tokens up to each place, as they are written."""

    def __init__(self) -> None:
        self.content: dict[tuple[int, int], tuple[int, ...]] = {}

    def copy(self, running: Track) -> None:
        if running.copy is not None:
            source, target = running.copy
            for place in range(PAGE):
                self.content[target, place] = self.content.get((source, place), ())

    def compute(self, running: Track, start: int, end: int) -> None:
        for n in range(start, end):
            self.content[running.pages[n // PAGE], n % PAGE] = tuple(running.tokens[: n + 1])

    def check(self, running: Track, end: int) -> None:
        for n in range(end):
            place = running.pages[n // PAGE], n % PAGE
            assert self.content.get(place) == tuple(running.tokens[: n + 1])


@settings(max_examples=150, deadline=None)
@given(jobs=JOBS, slots=st.integers(1, 6), pages=st.integers(14, 40), chunk=st.integers(1, 50))
def test_every_track_ends_and_always_reads_its_own_past(
    jobs: list[tuple[int, int, list[int]]], slots: int, pages: int, chunk: int
) -> None:
    scheduler, memory = Scheduler(slots, Pages(pages), chunk), Memory()
    todo = [(track([group] * length), turns) for group, length, turns in jobs]
    left: dict[Track, list[int]] = {}
    steps = 0
    while todo or left:
        while todo and scheduler.room:
            new, turns = todo.pop(0)
            left[new] = list(turns)
            scheduler.add(new)
        spans = scheduler.plan()
        assert len(spans) <= slots
        assert sum(s.end - s.start for s in spans if s.end - s.start > 1) <= chunk
        for span in spans:
            memory.copy(span.track)
            scheduler.copied(span.track)
        for span in spans:
            memory.compute(span.track, span.start, span.end)
        for span in spans:
            memory.check(span.track, span.end)
            if span.answers:
                advance(scheduler, span.track, left)
        steps += 1
        assert steps < 20_000
    assert scheduler.pages.available == pages


def advance(scheduler: Scheduler, running: Track, left: dict[Track, list[int]]) -> None:
    """Add a token; each third ends a turn, and the next one keeps two thirds of what was said."""
    running.tokens.append(7 + len(running.tokens) % 5)
    if len(running.tokens) % 3:
        return
    if not left[running]:
        del left[running]
        scheduler.finish(running)
    else:
        kept = running.tokens[: 2 * len(running.tokens) // 3 + 1]
        scheduler.follow(running, kept + [9] * left[running].pop())


def test_no_slot_idles_while_work_waits() -> None:
    scheduler = Scheduler(4, Pages(100), 64)
    for n in range(6):
        scheduler.add(track([n] * 5))
    for _ in range(3):
        spans = scheduler.plan()
        assert len(spans) == 4
        for span in spans:
            span.track.tokens.append(0)
    scheduler.finish(scheduler.running[1])
    assert len(scheduler.plan()) == 4


def test_samples_of_a_prompt_compute_it_once() -> None:
    scheduler = Scheduler(10, Pages(100), 256)
    for _ in range(10):
        scheduler.add(track([3] * (4 * PAGE + 5)))
    (first,) = scheduler.plan()
    first.track.tokens.append(0)
    assert first.end == 4 * PAGE + 5
    spans = scheduler.plan()
    assert [span.end - span.start for span in spans] == [1] * 10
    assert len({page for span in spans for page in span.track.pages}) == 4 + 10
    assert {span.track.copy for span in spans[1:]} == {
        (first.track.pages[4], span.track.pages[4]) for span in spans[1:]
    }


def test_a_sample_waits_for_the_prompt_that_another_reads() -> None:
    scheduler = Scheduler(2, Pages(100), PAGE)
    for _ in range(2):
        scheduler.add(track([3] * (2 * PAGE + 1)))
    oldest = scheduler.running[0]
    assert [span.track for span in scheduler.plan()] == [oldest]
    assert len(scheduler.plan()) == 2


def test_a_prompt_is_found_again_after_its_samples_have_gone() -> None:
    scheduler = Scheduler(1, Pages(100), 256)
    for expected in (80, 1):
        scheduler.add(track([3] * 80))
        (span,) = scheduler.plan()
        scheduler.copied(span.track)
        assert span.end - span.start == expected
        scheduler.finish(span.track)


def test_the_youngest_gives_way_and_comes_back() -> None:
    scheduler = Scheduler(2, Pages(4), 64)
    old, young = track([1] * PAGE), track([2] * PAGE)
    scheduler.add(old)
    scheduler.add(young)
    scheduler.plan()
    old.tokens += [1] * (2 * PAGE)
    young.tokens += [2]
    scheduler.plan()
    old.tokens += [1]
    scheduler.plan()
    assert scheduler.running == [old]
    scheduler.finish(old)
    (span,) = scheduler.plan()
    assert (span.track, span.start, span.end) == (young, 0, PAGE + 1)


def test_a_cache_too_small_for_one_is_an_error() -> None:
    scheduler = Scheduler(2, Pages(2), 64)
    scheduler.add(track([1] * (3 * PAGE)))
    with pytest.raises(ModelError, match="64 tokens"):
        scheduler.plan()


def test_policy_needs_no_torch() -> None:
    code = "import sys, models.scheduler, models.options, models.dialogue as _; "
    code += "print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
