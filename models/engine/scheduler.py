"""Which tokens the next step computes, and where their keys and values live. Pure policy, no torch.

    step = scheduler.plan()
    ...  # copy step.copies, compute step.rows
    scheduler.commit(step)
    ...  # append a token to each sequence of step.draws

A step computes a `Span` of each sequence: its next token where tokens are generated (decode), more
where a prompt is read (prefill). Both are the same work and share a step.

Sequences with the same prompt share its pages. Only the oldest of them computes a page; the others
compute nothing until the page is there, and then use it. The page that a prompt fills in part is
copied, since each sequence goes on to fill its own. When pages run out, the youngest sequence is
preempted: it gives its pages back and is computed again later. None of this changes a completion,
since a token's keys and values depend on the tokens up to it alone.

A step that is planned and not committed changes nothing but who holds which page: `cached` counts
committed tokens only, and pages are published when they are committed.
"""

from __future__ import annotations

from collections import abc, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from models.config import ModelError
from models.engine.pages import PAGE, Pages, Prefix


@dataclass(slots=True, eq=False)
class Sequence:
    """The tokens of a prompt and what was generated after it; `pages` hold the first `cached`."""

    tokens: list[int]
    prompt_length: int
    cached: int = 0
    pages: list[int] = field(default_factory=list)

    @property
    def pending(self) -> int:
        """How many tokens are not computed yet."""
        return len(self.tokens) - self.cached

    @property
    def tail(self) -> int:
        """How many of its prompt's tokens other sequences can reuse: the last one is left to
        compute, since a token is drawn after it."""
        return self.prompt_length - 1

    def prefix(self, page: int) -> Prefix:
        """What the sequence's page with this index, which its prompt fills or ends in, is found
        by."""
        return tuple(self.tokens[: min((page + 1) * PAGE, self.tail)])


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start` to `end` of a sequence; `source` is the page to copy into its page there."""

    sequence: Sequence
    start: int
    end: int
    source: int | None = None

    @property
    def draws(self) -> bool:
        """Whether the next token is drawn after this span."""
        return self.end == len(self.sequence.tokens)

    @property
    def prompt_pages(self) -> range:
        """Indices of the pages that hold tokens of this span which other sequences can reuse."""
        first, end = self.start // PAGE, min(self.end, self.sequence.tail)
        return range(first, pages_of(end) if self.start < end else first)

    def rows(self) -> Iterator[Row]:
        sequence = self.sequence
        for n in range(self.start, self.end):
            yield Row(sequence.tokens[n], n, sequence.pages[: n // PAGE + 1])


@dataclass(frozen=True, slots=True)
class Row:
    """A token to compute: its id, its position, and the pages up to its own.

    Sequences with identical tokens need the same row: `copies` are the pages of the others that
    keep its key and value too.
    """

    token: int
    position: int
    pages: abc.Sequence[int]
    copies: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What a step does: pages to copy (from, to), all at once and before anything is computed;
    rows to compute, each after those that it attends to; and which sequences draw a token, each
    with the index of the row that it is drawn after."""

    spans: list[Span]
    copies: list[tuple[int, int]]
    rows: list[Row]
    draws: list[tuple[Sequence, int]]

    @staticmethod
    def of(spans: list[Span]) -> Step:
        """The step that computes these spans. Sequences with identical tokens share the row that
        they draw after until they diverge."""
        rows: list[Row] = []
        draws: list[tuple[Sequence, int]] = []
        last_rows: dict[tuple[int, ...], int] = {}
        for span in spans:
            sequence = span.sequence
            decodes = span.draws and span.end - span.start == 1
            tokens = tuple(sequence.tokens) if decodes else None
            same = last_rows.get(tokens) if tokens else None
            if same is None:
                rows += span.rows()
                same = len(rows) - 1
                if tokens:
                    last_rows[tokens] = same
            else:
                page = sequence.pages[span.start // PAGE]
                rows[same] = replace(rows[same], copies=(*rows[same].copies, page))
            if span.draws:
                draws.append((sequence, same))
        copies = [
            (span.source, span.sequence.pages[span.start // PAGE])
            for span in spans
            if span.source is not None
        ]
        return Step(spans, copies, rows, draws)


class Scheduler:
    """Decides who runs: at most `slots` sequences, and in a step at most `chunk` tokens of prompts
    besides one token of each sequence that generates."""

    def __init__(self, slots: int, pages: Pages, chunk: int) -> None:
        self.slots, self.pages, self.chunk = slots, pages, chunk
        self.running: list[Sequence] = []  # oldest first
        self.waiting: deque[Sequence] = deque()  # not begun, or preempted; they hold no pages

    @property
    def room(self) -> bool:
        """Whether there is a slot for another sequence."""
        return len(self.running) + len(self.waiting) < self.slots

    def add(self, sequence: Sequence) -> None:
        """Start the sequence as soon as there are pages for it."""
        self.waiting.append(sequence)

    def finish(self, sequence: Sequence) -> None:
        """End the sequence: its pages and its slot are free."""
        (self.running if sequence in self.running else self.waiting).remove(sequence)
        self._release(sequence)

    def follow(self, sequence: Sequence, prompt: list[int]) -> None:
        """Let a running sequence go on with another prompt, from what the cache has of it."""
        kept = min(_common_prefix(sequence.tokens, prompt), sequence.cached, len(prompt) - 1)
        if kept % PAGE and self._findable(sequence.pages[kept // PAGE]) > kept:
            kept -= kept % PAGE  # tokens that others can find must not be written again
        while len(sequence.pages) > pages_of(kept):
            self.pages.release(sequence.pages.pop())
        sequence.tokens, sequence.prompt_length, sequence.cached = prompt, len(prompt), kept

    def plan(self) -> Step:
        """The next step. Raises ModelError where not even one sequence fits into the cache."""
        self._admit()
        spans: list[Span] = []
        left = self.chunk
        reading: set[Prefix] = set()  # of the prompts' pages that this step computes
        for sequence in self.running:  # the last ones may be preempted meanwhile
            span = self._next_span(sequence, left)
            if span is None or self._comes(span, reading):
                continue
            if not self._make_room(sequence, span.end):
                break
            spans.append(span)
            if span.end - span.start > 1 or not span.draws:
                left -= span.end - span.start
                reading.update(map(sequence.prefix, span.prompt_pages))
        if not spans and (self.running or self.waiting):
            tokens = self.pages.count * PAGE
            raise ModelError(f"cache of {tokens} tokens: too small for a single conversation")
        return Step.of(spans)

    def commit(self, step: Step) -> None:
        """The step was computed: its tokens are cached, and its prompts' pages can be found."""
        for span in step.spans:
            sequence = span.sequence
            sequence.cached = span.end
            if span.start >= sequence.tail:
                continue
            for index in span.prompt_pages:
                prefix = sequence.prefix(index)
                if len(prefix) <= span.end:
                    self.pages.publish(sequence.pages[index], prefix)

    def preempt_all(self) -> None:
        """Take all pages from the sequences; they can go on later, and compute them again."""
        for sequence in reversed(self.running):
            sequence.pages, sequence.cached = [], 0
            self.waiting.appendleft(sequence)
        self.running = []
        self.pages.reset()

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.slots and self._start(self.waiting[0]):
            self.running.append(self.waiting.popleft())

    def _start(self, sequence: Sequence) -> bool:
        """Give the sequence the pages of its tokens that are found, if there is room for the rest.

        Running sequences come first: with the rest of their tokens, and a page more for each, so
        that not every new page preempts somebody.
        """
        lacking = sum(pages_of(len(s.tokens)) - len(s.pages) + 1 for s in self.running)
        if self.pages.available <= lacking:
            return False
        self._share(sequence)
        rest = pages_of(len(sequence.tokens)) - len(sequence.pages)
        if rest > self.pages.available - lacking:
            self._release(sequence)
            return False
        return True

    def _next_span(self, sequence: Sequence, left: int) -> Span | None:
        """What the sequence would compute now, if `left` tokens of prompts can be read."""
        start, source = sequence.cached, None
        if sequence.pending > 1:
            self._share(sequence)
            start, source = self._copied_tail(sequence)
        pending = len(sequence.tokens) - start
        count = 1 if pending == 1 else min(pending, left)
        return Span(sequence, start, start + count, source) if count else None

    def _share(self, sequence: Sequence) -> None:
        """Use the pages that are found by the next tokens of the sequence's prompt."""
        end = sequence.cached + PAGE
        while len(sequence.pages) * PAGE == sequence.cached and end <= sequence.tail:
            page = self.pages.share(tuple(sequence.tokens[:end]))
            if page is None:
                break
            sequence.pages.append(page)
            sequence.cached, end = end, end + PAGE

    def _copied_tail(self, sequence: Sequence) -> tuple[int, int | None]:
        """Where the sequence starts to compute, and the page to copy so that it can start there."""
        start, tail = sequence.cached, sequence.tail
        if len(sequence.pages) * PAGE == start and start < tail < start + PAGE:
            source = self.pages.find(tuple(sequence.tokens[:tail]))
            if source is not None:
                return tail, source
        return start, None

    def _comes(self, span: Span, reading: set[Prefix]) -> bool:
        """Whether an older sequence computes the page that this span begins with."""
        if not reading or span.start % PAGE or span.start >= span.sequence.tail:
            return False
        return span.sequence.prefix(span.start // PAGE) in reading

    def _make_room(self, sequence: Sequence, end: int) -> bool:
        """Take pages for its tokens up to `end`, from the youngest sequences if need be; False if
        the sequence itself is preempted."""
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
        while sequence.pages:  # the last page first, which is of no use without those before it
            self.pages.release(sequence.pages.pop())
        sequence.cached = 0

    def _findable(self, page: int) -> int:
        """How many tokens a page is found by."""
        return len(self.pages[page].prefix or ())


def pages_of(tokens: int) -> int:
    """How many pages hold so many tokens."""
    return -(-tokens // PAGE)


def _common_prefix(a: list[int], b: list[int]) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
