"""The scheduler: slots are used, every sequence ends, computed tokens are not overwritten."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.config import ModelError
from models.engine.pages import PAGE, PagePool
from models.engine.scheduler import Scheduler, Sequence, Step


def sequence(tokens: list[int]) -> Sequence:
    return Sequence(list(tokens), len(tokens))


Tokens = tuple[int, ...]


class Memory:
    """The content of a cache: for each place of each page, the tokens up to the one there."""

    def __init__(self) -> None:
        self.content: dict[tuple[int, int], Tokens] = {}

    def compute(self, step: Step) -> None:
        before = dict(self.content)
        for source, target in step.copies:
            for place in range(PAGE):
                self.content[target, place] = before.get((source, place), ())
        for row in step.rows:  # each attends to what stands in its pages when it is computed
            past = self.past(row.pages, row.position)
            for page in (row.pages[-1], *row.mirror_pages):
                self.content[page, row.position % PAGE] = (*past, row.token)

    def past(self, pages: list[int], count: int) -> Tokens:
        """The tokens that a row reads in the first `count` places, each with the right past."""
        read = [self.content.get((pages[n // PAGE], n % PAGE), ()) for n in range(count)]
        tokens = tuple(tokens[-1] for tokens in read)
        assert all(tokens == read[n] for n, tokens in ((n, tokens[: n + 1]) for n in range(count)))
        return tokens


class Conversations(RuleBasedStateMachine):
    """Arrivals, shared prefixes, follow-up turns, stops, preemption, eviction and abandonment in
    any order, on a pool that is often too small."""

    @initialize(slots=st.integers(1, 6), pages=st.integers(7, 40), chunk=st.integers(1, 50))
    def begin(self, slots: int, pages: int, chunk: int) -> None:
        self.pages, self.memory = PagePool(pages), Memory()
        self.most = (pages * PAGE) // 2  # tokens a sequence may have
        self.slots, self.chunk = slots, chunk
        self.scheduler = Scheduler(slots, self.pages, chunk)
        self.steps = 0

    @rule(group=st.integers(0, 2), length=st.integers(1, 130), own=st.integers(0, 3))
    def arrive(self, group: int, length: int, own: int) -> None:
        if self.scheduler.room:
            tokens = [group] * length + [7] * own
            self.scheduler.add(sequence(tokens[: self.most]))

    @rule(steps=st.integers(1, 12))
    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        unfinished = [*self.scheduler.running, *self.scheduler.waiting]
        step = self.scheduler.plan()
        assert bool(step.spans) == bool(unfinished)
        assert len(step.spans) <= self.slots
        read = [span.end - span.start for span in step.spans if not span.draws]
        assert sum(read) <= self.chunk
        self.memory.compute(step)
        self.scheduler.commit(step)
        for span in step.spans:
            assert span.sequence.cached == span.end
        for drawing, logits in step.draws:
            row = step.rows[step.logits_rows[logits]]
            assert row.token == drawing.tokens[-1]
            assert row.position == len(drawing.tokens) - 1
            drawing.tokens.append(8 + len(drawing.tokens) % 5)
            if len(drawing.tokens) >= self.most:
                self.scheduler.finish(drawing)
        self.invariants_hold()

    @rule(which=st.integers(0, 5))
    def stop(self, which: int) -> None:
        if self.scheduler.running:
            running = self.scheduler.running
            self.scheduler.finish(running[which % len(running)])

    @rule(which=st.integers(0, 5), kept=st.integers(1, 200), more=st.integers(1, 70))
    def follow_up(self, which: int, kept: int, more: int) -> None:
        running = [s for s in self.scheduler.running if len(s.tokens) > s.prompt_length]
        if running:
            chosen = running[which % len(running)]
            self.scheduler.continue_with(chosen, (chosen.tokens[:kept] + [9] * more)[: self.most])

    @rule(finish=st.booleans())
    def abandon(self, finish: bool) -> None:
        """A step that is planned, half computed and never committed; then another scheduler."""
        if self.scheduler.running or self.scheduler.waiting:
            step = self.scheduler.plan()
            if not finish:
                step.rows[len(step.rows) // 2 :] = []
            self.memory.compute(step)
        self.scheduler.preempt_all()
        assert self.pages.available == self.pages.count
        self.scheduler = Scheduler(self.slots, self.pages, self.chunk)

    @precondition(lambda self: self.scheduler.running or self.scheduler.waiting)
    @rule()
    def run_dry(self) -> None:
        """Every sequence gets its tokens, however small the pool."""
        left = Counter(dict.fromkeys([*self.scheduler.running, *self.scheduler.waiting], 3))
        for _ in range(5000):
            step = self.scheduler.plan()
            self.memory.compute(step)
            self.scheduler.commit(step)
            for drawing, _ in step.draws:
                drawing.tokens.append(8)
                left[drawing] -= 1
                if not left[drawing]:
                    self.scheduler.finish(drawing)
            self.invariants_hold()
            if not (self.scheduler.running or self.scheduler.waiting):
                return
        raise AssertionError("some sequence never ends")

    @invariant()
    def invariants_hold(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        running = self.scheduler.running
        assert len(running) <= self.slots
        assert not any(waiting.pages or waiting.cached for waiting in self.scheduler.waiting)
        users = Counter(page for s in running for page in s.pages)
        prefixes = [page.prefix for page in self.pages.records if page.prefix is not None]
        assert len(prefixes) == len(set(prefixes)), "one page a prefix"
        for page in self.pages.records:
            assert page.users == users[page.number], "users are the sequences that hold it"
            if page.prefix is not None:
                first = (len(page.prefix) - 1) // PAGE * PAGE
                for n in range(first, len(page.prefix)):
                    held = self.memory.content[page.number, n % PAGE]
                    assert held == page.prefix[: n + 1], "what is found is computed"
        assert self.pages.available == sum(not page.users for page in self.pages.records)
        for s in running:
            assert s.cached <= len(s.tokens) - 1, "a token is left to draw after"
            assert len(s.pages) * PAGE >= s.cached
            for n in range(s.cached):
                held = self.memory.content[s.pages[n // PAGE], n % PAGE]
                assert held == tuple(s.tokens[: n + 1]), "its past is its own"


TestConversations = Conversations.TestCase
TestConversations.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def advance(scheduler: Scheduler) -> Step:
    """Plan a step and commit it, drawing nothing."""
    step = scheduler.plan()
    scheduler.commit(step)
    return step


def test_no_slot_idles_while_work_waits() -> None:
    scheduler = Scheduler(4, PagePool(100), 64)
    for n in range(6):
        scheduler.add(sequence([n] * 5))
    for _ in range(3):
        spans = advance(scheduler).spans
        assert len(spans) == 4
        for span in spans:
            span.sequence.tokens.append(0)
    scheduler.finish(scheduler.running[1])
    assert len(scheduler.plan().spans) == 4


def test_samples_of_a_prompt_compute_it_once() -> None:
    scheduler = Scheduler(10, PagePool(100), 256)
    for _ in range(10):
        scheduler.add(sequence([3] * (4 * PAGE + 5)))
    (first,) = advance(scheduler).spans
    first.sequence.tokens.append(0)
    assert first.end == 4 * PAGE + 5
    step = advance(scheduler)
    assert [span.end - span.start for span in step.spans] == [1] * 10
    assert len({page for span in step.spans for page in span.sequence.pages}) == 4 + 10
    source = first.sequence.pages[4]
    assert step.copies == [(source, span.sequence.pages[4]) for span in step.spans[1:]]


def test_a_sample_holds_until_the_prompt_that_another_reads_is_there() -> None:
    scheduler = Scheduler(2, PagePool(100), PAGE)
    for _ in range(2):
        scheduler.add(sequence([3] * (2 * PAGE + 1)))
    first, second = advance(scheduler), advance(scheduler)
    assert [span.sequence for span in first.spans + second.spans] == [scheduler.running[0]] * 2
    assert len(advance(scheduler).spans) == 2


def test_a_prompt_is_found_again_after_its_samples_have_gone() -> None:
    scheduler = Scheduler(1, PagePool(100), 256)
    for expected in (80, 1):
        scheduler.add(sequence([3] * 80))
        (span,) = advance(scheduler).spans
        assert span.end - span.start == expected
        scheduler.finish(span.sequence)


@pytest.mark.parametrize("cut_off", [1, 2])
def test_what_was_planned_and_not_computed_is_not_found(cut_off: int) -> None:
    pages = PagePool(100)
    scheduler = Scheduler(1, pages, 2 * PAGE)
    scheduler.add(sequence([3] * 80))
    for step in range(1, cut_off + 1):
        advance(scheduler) if step < cut_off else scheduler.plan()
    scheduler.preempt_all()
    assert pages.available == 100
    again = Scheduler(1, pages, 256)
    again.add(sequence([3] * 80))
    (span,) = again.plan().spans
    assert (span.start, span.end) == (2 * PAGE * (cut_off - 1), 80)


def test_the_youngest_is_preempted_and_comes_back() -> None:
    scheduler = Scheduler(2, PagePool(5), 64)
    old, young = sequence([1] * PAGE), sequence([2] * PAGE)
    scheduler.add(old)
    scheduler.add(young)
    advance(scheduler)
    old.tokens += [1] * (3 * PAGE)
    young.tokens += [2]
    advance(scheduler)
    advance(scheduler)
    old.tokens += [1]
    advance(scheduler)
    assert scheduler.running == [old]
    scheduler.finish(old)
    (span,) = scheduler.plan().spans
    assert (span.sequence, span.start, span.end) == (young, 0, PAGE + 1)


def test_a_cache_too_small_for_one_is_an_error() -> None:
    scheduler = Scheduler(2, PagePool(2), 64)
    scheduler.add(sequence([1] * (3 * PAGE)))
    with pytest.raises(ModelError, match="64 tokens"):
        scheduler.plan()


def test_policy_needs_no_torch() -> None:
    code = "import sys; from models.engine import dialogue, options, scheduler; "
    code += "print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
