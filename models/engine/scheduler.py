"""Which tokens the next step computes, and in which pages. Pure policy, no torch.

    step = scheduler.plan()
    ...  # copy step.copies, compute step.rows
    scheduler.commit(step)
    ...  # append a token to each sequence of step.draws

A step computes a `Span` of each running sequence: one token where tokens are generated (decode),
several where a prompt is read (prefill). Both are the same computation and share a step.

Sequences with the same prompt share its pages. Only the oldest of them computes a page; the others
compute nothing until the page can be found, and then use it. A page that a prompt fills only in
part is copied, since each sequence fills the rest differently. Where pages run out, the youngest
sequence is preempted: its pages are released, and its tokens are computed again later. None of this
changes a completion, since the keys and values of a token depend only on the tokens up to it.

A step that is planned and not committed changes only which sequence holds which page: `cached`
counts committed tokens, and pages are published when a step is committed.
"""

from __future__ import annotations

from collections import abc, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from models.config import ModelError
from models.engine.pages import PAGE, PagePool, Prefix


@dataclass(slots=True, eq=False)
class Sequence:
    """The tokens of a prompt and those generated after it; `pages` hold the first `cached`."""

    tokens: list[int]
    prompt_length: int
    cached: int = 0
    pages: list[int] = field(default_factory=list)
    _fingerprint: int = field(default=0, init=False)
    _counted: int = field(default=0, init=False)  # how many tokens the fingerprint is of

    @property
    def fingerprint(self) -> int:
        """A number that depends on the tokens. Those of different tokens may be equal, but hardly
        ever are. Tokens that came after the last call are added to it."""
        for token in self.tokens[self._counted :]:
            self._fingerprint = hash((self._fingerprint, token))
        self._counted = len(self.tokens)
        return self._fingerprint

    def restart(self, prompt: list[int], cached: int) -> None:
        """Take another prompt, of which the first `cached` tokens are in the pages."""
        self.tokens, self.prompt_length, self.cached = prompt, len(prompt), cached
        self._fingerprint = self._counted = 0

    @property
    def pending(self) -> int:
        """How many tokens are still to be computed."""
        return len(self.tokens) - self.cached

    @property
    def reusable(self) -> int:
        """How many of the prompt's tokens other sequences can reuse: all but the last one, which
        each computes, since it draws a token after it."""
        return self.prompt_length - 1

    def prefix(self, index: int) -> Prefix:
        """The prefix of `pages[index]`, a page with tokens of the prompt."""
        return tuple(self.tokens[: min((index + 1) * PAGE, self.reusable)])


class Span(NamedTuple):
    """Tokens `start` to `end` of a sequence, computed in one step.

    `source` is a page to copy into the sequence's page at `start` before that.
    """

    sequence: Sequence
    start: int
    end: int
    source: int | None = None

    @property
    def draws(self) -> bool:
        """Whether a token is drawn after this span."""
        return self.end == len(self.sequence.tokens)

    @property
    def prompt_pages(self) -> range:
        """Indices of the sequence's pages with tokens of this span that others can reuse."""
        first, end = self.start // PAGE, min(self.end, self.sequence.reusable)
        return range(first, pages_of(end) if self.start < end else first)

    def rows(self) -> list[Row]:
        tokens, pages = self.sequence.tokens, self.sequence.pages
        return [Row(tokens[n], n, pages[: n // PAGE + 1]) for n in range(self.start, self.end)]


class Row(NamedTuple):
    """A row of the step's matrices, that is, a token to compute: its id, its position, and the
    pages of its sequence up to its own.

    Sequences with identical tokens share a row. `mirror_pages` are the pages of the others, to
    which its key and value are written too.
    """

    token: int
    position: int
    pages: abc.Sequence[int]
    mirror_pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What one step does, in this order: copy pages, compute rows, draw tokens.

    `copies` are pages (from, to), all copied at once. `rows` are in an order in which each comes
    after those that it attends to. `logits_rows` are the indices in `rows` after which a token is
    drawn; only for these are there logits. `draws` says which sequence draws from which of the
    logits: (sequence, index in `logits_rows`).
    """

    spans: list[Span]
    copies: list[tuple[int, int]]
    rows: list[Row]
    logits_rows: list[int]
    draws: list[tuple[Sequence, int]]

    @staticmethod
    def of(spans: list[Span]) -> Step:
        """The step that computes these spans. Sequences with identical tokens are computed once
        until they diverge: they draw from the same logits."""
        rows: list[Row] = []
        logits_rows: list[int] = []
        draws: list[tuple[Sequence, int]] = []
        decoding: dict[int, tuple[Sequence, int]] = {}  # by fingerprint; the index of its logits
        for span in spans:
            sequence = span.sequence
            if span.draws and span.end - span.start == 1:
                first, logits = decoding.setdefault(
                    sequence.fingerprint, (sequence, len(logits_rows))
                )
                if first is not sequence and first.tokens == sequence.tokens:
                    n, page = logits_rows[logits], sequence.pages[span.start // PAGE]
                    rows[n] = rows[n]._replace(mirror_pages=(*rows[n].mirror_pages, page))
                    draws.append((sequence, logits))
                    continue
            rows += span.rows()
            if span.draws:
                draws.append((sequence, len(logits_rows)))
                logits_rows.append(len(rows) - 1)
        copies = [
            (span.source, span.sequence.pages[span.start // PAGE])
            for span in spans
            if span.source is not None
        ]
        return Step(spans, copies, rows, logits_rows, draws)


class Scheduler:
    """Runs at most `slots` sequences. A step has one token of each sequence that generates, and at
    most `prefill_tokens` tokens of prompts."""

    def __init__(self, slots: int, pages: PagePool, prefill_tokens: int) -> None:
        self.slots, self.pages, self.prefill_tokens = slots, pages, prefill_tokens
        self.running: list[Sequence] = []  # oldest first
        self.waiting: deque[Sequence] = deque()  # new or preempted; they hold no pages

    @property
    def room(self) -> bool:
        """Whether there is a slot for another sequence."""
        return len(self.running) + len(self.waiting) < self.slots

    def add(self, sequence: Sequence) -> None:
        """Run the sequence as soon as there are pages for it."""
        self.waiting.append(sequence)

    def finish(self, sequence: Sequence) -> None:
        """Remove the sequence: its pages and its slot are free."""
        (self.running if sequence in self.running else self.waiting).remove(sequence)
        self._release(sequence)

    def continue_with(self, sequence: Sequence, prompt: list[int]) -> None:
        """Give a running sequence another prompt; the tokens that both begin with stay cached."""
        kept = min(_common_prefix(sequence.tokens, prompt), sequence.cached, len(prompt) - 1)
        if kept % PAGE and self._prefix_length(sequence.pages[kept // PAGE]) > kept:
            kept -= kept % PAGE  # tokens of a page's prefix must not be written again
        while len(sequence.pages) > pages_of(kept):
            self.pages.release(sequence.pages.pop())
        sequence.restart(prompt, kept)

    def plan(self) -> Step:
        """The next step. Raises ModelError where the pages do not suffice for a single sequence."""
        self._admit()
        spans: list[Span] = []
        left = self.prefill_tokens
        computed: set[Prefix] = set()  # prefixes of the prompts' pages that this step computes
        for sequence in self.running:  # `_make_room` may preempt the last ones
            span = self._next_span(sequence, left)
            if span is None or self._is_computed(span, computed):
                continue
            if not self._make_room(sequence, span.end):
                break
            spans.append(span)
            if span.end - span.start > 1 or not span.draws:
                left -= span.end - span.start
                computed.update(map(sequence.prefix, span.prompt_pages))
        if not spans and (self.running or self.waiting):
            tokens = self.pages.count * PAGE
            raise ModelError(f"cache of {tokens} tokens: too small for a single conversation")
        return Step.of(spans)

    def commit(self, step: Step) -> None:
        """Record that the step is computed: cache its tokens, publish its prompts' pages."""
        for span in step.spans:
            sequence = span.sequence
            sequence.cached = span.end
            if span.start >= sequence.reusable:
                continue
            for index in span.prompt_pages:
                prefix = sequence.prefix(index)
                if len(prefix) <= span.end:
                    self.pages.publish(sequence.pages[index], prefix)

    def preempt_all(self) -> None:
        """Release all pages; the sequences run again later, and compute their tokens again."""
        for sequence in reversed(self.running):
            sequence.pages, sequence.cached = [], 0
            self.waiting.appendleft(sequence)
        self.running = []
        self.pages.reset()

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.slots and self._start(self.waiting[0]):
            self.running.append(self.waiting.popleft())

    def _start(self, sequence: Sequence) -> bool:
        """Give the sequence the pages of its prompt that are found. False if there are not enough
        pages for the rest.

        Pages are reserved for the rest of the running sequences' tokens, and one more for each, so
        that their next pages preempt no sequence.
        """
        reserved = sum(pages_of(len(s.tokens)) - len(s.pages) + 1 for s in self.running)
        if self.pages.available <= reserved:
            return False
        self._share(sequence)
        rest = pages_of(len(sequence.tokens)) - len(sequence.pages)
        if rest > self.pages.available - reserved:
            self._release(sequence)
            return False
        return True

    def _next_span(self, sequence: Sequence, left: int) -> Span | None:
        """The span to compute now, if `left` tokens of prompts may be read; or None."""
        start, source = sequence.cached, None
        if sequence.pending > 1:
            self._share(sequence)
            start, source = self._copied_page(sequence)
        pending = len(sequence.tokens) - start
        count = 1 if pending == 1 else min(pending, left)
        return Span(sequence, start, start + count, source) if count else None

    def _share(self, sequence: Sequence) -> None:
        """Use the pages that are found for the next tokens of the sequence's prompt."""
        end = sequence.cached + PAGE
        while len(sequence.pages) * PAGE == sequence.cached and end <= sequence.reusable:
            page = self.pages.share(tuple(sequence.tokens[:end]))
            if page is None:
                break
            sequence.pages.append(page)
            sequence.cached, end = end, end + PAGE

    def _copied_page(self, sequence: Sequence) -> tuple[int, int | None]:
        """The position from which the sequence computes, and the page to copy before, if the last
        page of its prompt is found."""
        start, end = sequence.cached, sequence.reusable
        if len(sequence.pages) * PAGE == start and start < end < start + PAGE:
            source = self.pages.find(tuple(sequence.tokens[:end]))
            if source is not None:
                return end, source
        return start, None

    def _is_computed(self, span: Span, computed: set[Prefix]) -> bool:
        """Whether an older sequence computes the page that this span begins with."""
        if not computed or span.start % PAGE or span.start >= span.sequence.reusable:
            return False
        return span.sequence.prefix(span.start // PAGE) in computed

    def _make_room(self, sequence: Sequence, end: int) -> bool:
        """Take pages for the sequence's tokens up to `end`, preempting the youngest sequences where
        needed. False if that was the sequence itself."""
        while len(sequence.pages) < pages_of(end):
            while not self.pages.available:
                youngest = self.running.pop()
                self._release(youngest)
                self.waiting.appendleft(youngest)
                if youngest is sequence:
                    return False
            sequence.pages.append(self.pages.take())
        return True

    def _release(self, sequence: Sequence) -> None:
        while sequence.pages:  # the last first: it cannot be used without those before it
            self.pages.release(sequence.pages.pop())
        sequence.cached = 0

    def _prefix_length(self, page: int) -> int:
        """How many tokens the page's prefix has; 0 without a prefix."""
        return len(self.pages[page].prefix or ())


def pages_of(tokens: int) -> int:
    """How many pages `tokens` tokens take."""
    return -(-tokens // PAGE)


def _common_prefix(a: list[int], b: list[int]) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
