"""Which rows the next step computes, and where their keys and values live. Pure policy, no torch.

A `Track` is a conversation under way: its tokens, how many of them the cache holds, and the pages
that hold them. A step computes a `Span` of each track: its next token if it is being answered,
more if there is a prompt to read. Both are the same work, so that prompts are read beside tokens
being generated.

Pages of a prompt are found again by the tokens in them: samples of one prompt share its pages, and
only the oldest of them computes it. The last page, which a prompt fills in part and its answer
goes on to fill, is copied instead. When pages run out, the youngest track gives up its own and
waits; what it lost is computed again later. None of this changes a completion, since a token's
keys and values depend on the tokens up to it alone.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.config import ModelError

PAGE = 32  # tokens whose keys and values are stored together
NOWHERE = 0  # the page that padding rows write to and nobody reads


@dataclass(slots=True, eq=False)
class Track:
    """A conversation's place in the engine; `tokens` are its prompt and what was generated."""

    tokens: list[int]
    prompt_length: int
    cached: int = 0
    pages: list[int] = field(default_factory=list)
    shared: int = 0  # how many tokens, from the first, are in pages that others may read
    copy: tuple[int, int] | None = None  # pages (from, to) to copy before the next step

    @property
    def pending(self) -> int:
        """How many tokens the model has not seen yet."""
        return len(self.tokens) - self.cached


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start` to `end` of a track, to be computed in this step."""

    track: Track
    start: int
    end: int

    @property
    def answers(self) -> bool:
        """Whether the next token can be drawn after this span."""
        return self.end == len(self.track.tokens)


class Pages:
    """The cache's pages: who uses each, and which prompts' are still there.

    A page of a prompt is known by the prompt's tokens up to the page's end. When nobody uses it any
    more it keeps its content until the room is needed.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = list(range(count, NOWHERE, -1))
        self._users: dict[int, int] = {}
        self._known: dict[tuple[int, ...], int] = {}
        self._prompt: dict[int, tuple[int, ...]] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()

    @property
    def available(self) -> int:
        return len(self._free) + len(self._idle)

    def take(self) -> int:
        """An unused page; the one idle for longest if none is empty."""
        if self._free:
            page = self._free.pop()
        else:
            page, _ = self._idle.popitem(last=False)
            self._forget(page)
        self._users[page] = 1
        return page

    def find(self, prompt: tuple[int, ...]) -> int | None:
        """The page that ends with these tokens, now used once more."""
        page = self._known.get(prompt)
        if page is not None:
            self._idle.pop(page, None)
            self._users[page] = self._users.get(page, 0) + 1
        return page

    def publish(self, page: int, prompt: tuple[int, ...]) -> None:
        """Let others find `page`, which ends with these tokens."""
        self._known[prompt] = page
        self._prompt[page] = prompt

    def release(self, page: int, keep: bool = True) -> bool:
        """Use a page once less; True if nobody uses it now.

        A published page stays findable then, unless it is not to be kept.
        """
        self._users[page] -= 1
        if self._users[page]:
            return False
        del self._users[page]
        if page in self._prompt and keep:
            self._idle[page] = None
        else:
            self._forget(page)
            self._free.append(page)
        return True

    def _forget(self, page: int) -> None:
        prompt = self._prompt.pop(page, None)
        if prompt is not None:
            del self._known[prompt]


class Scheduler:
    """Decides who runs. `slots` tracks at most; a step computes at most `chunk` prompt tokens
    besides one token of each track being answered."""

    def __init__(self, slots: int, pages: Pages, chunk: int) -> None:
        self.slots, self.pages, self.chunk = slots, pages, chunk
        self.running: list[Track] = []  # oldest first
        self.waiting: deque[Track] = deque()  # lost their pages; come before new ones
        self._unread: set[int] = set()  # published pages whose tokens are not computed yet

    @property
    def room(self) -> bool:
        """Whether a new track could start now."""
        running = len(self.running)
        return not self.waiting and running < self.slots and self.pages.available > running

    def add(self, track: Track) -> None:
        """Start the track, now or when its turn comes."""
        self.waiting.append(track)
        self._admit()

    def finish(self, track: Track) -> None:
        """The conversation is over: its pages and its slot are free."""
        self.running.remove(track)
        self._give_up(track)

    def follow(self, track: Track, prompt: Sequence[int]) -> None:
        """Let a running track go on with another prompt, keeping what the cache has of it."""
        kept = min(_common_prefix(track.tokens, prompt), track.cached, len(prompt) - 1)
        if kept < track.shared:  # others may read that page: it must not be written to
            kept = kept // PAGE * PAGE
        track.tokens, track.prompt_length, track.cached = list(prompt), len(prompt), kept
        track.shared = min(track.shared, kept)
        while len(track.pages) > _pages(kept):
            self.pages.release(track.pages.pop())

    def plan(self) -> list[Span]:
        """The next step's spans, each after those whose pages it builds on.

        Raises ModelError where not even one track fits into the cache.
        """
        self._admit()
        unread = set(self._unread)
        spans: list[Span] = []
        left = self.chunk
        for track in list(self.running):
            wanted = 1 if track.pending == 1 else min(track.pending, left)
            if not wanted or self._awaits(track, unread) or not self._make_room(track, wanted):
                continue
            left -= wanted if track.pending > 1 else 0
            spans.append(Span(track, track.cached, track.cached + wanted))
            track.cached += wanted
            if self._unread and track.shared:
                self._unread.difference_update(track.pages[: _pages_read(track)])
        if not spans and (self.running or self.waiting):
            tokens = self.pages.count * PAGE
            raise ModelError(f"cache of {tokens} tokens: too small for a single conversation")
        return spans

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.slots and self._start(self.waiting[0]):
            self.running.append(self.waiting.popleft())

    def _start(self, track: Track) -> bool:
        """Find the track's pages that are known, take those it lacks for its prompt.

        The last token is always left to compute: something must be said after it.
        """
        known = len(track.tokens) - 1
        while len(track.pages) * PAGE < known:
            page = self.pages.find(_up_to(track, len(track.pages), known))
            if page is None:
                break
            track.pages.append(page)
        track.cached = track.shared = min(len(track.pages) * PAGE, known)
        source = track.pages.pop() if track.cached % PAGE else None
        first = len(track.pages)
        if _pages(len(track.tokens)) - first > self.pages.available - len(self.running):
            if source is not None:
                self._release(source)
            self._give_up(track)
            return False
        track.pages += [self.pages.take() for _ in range(first, _pages(len(track.tokens)))]
        if source is None:
            self._publish(track, first, min(known, track.prompt_length))
        else:
            track.copy = source, track.pages[first]
            track.shared = first * PAGE
        return True

    def _publish(self, track: Track, first: int, known: int) -> None:
        """Let others find the prompt's pages, from the one with index `first`."""
        for index in range(first, _pages(known)):
            self.pages.publish(track.pages[index], _up_to(track, index, known))
            self._unread.add(track.pages[index])
        track.shared = max(track.shared, known)

    def _awaits(self, track: Track, unread: set[int]) -> bool:
        """Whether a page it builds on is still to be computed by an older track.

        What is computed in this step is there for those that come after, but not for copies,
        which are made before (`unread` is what was not there when the step began).
        """
        if track.copy is not None and track.copy[0] in unread:
            return True
        if not self._unread:
            return False
        return any(page in self._unread for page in track.pages[: track.cached // PAGE])

    def _make_room(self, track: Track, wanted: int) -> bool:
        """Take the pages for the next `wanted` tokens, from the youngest tracks if need be."""
        if track not in self.running:
            return False
        while len(track.pages) < _pages(track.cached + wanted):
            while not self.pages.available:
                youngest = self.running.pop()
                self._give_up(youngest)
                self.waiting.appendleft(youngest)
                if youngest is track:
                    return False
            track.pages.append(self.pages.take())
        return True

    def _give_up(self, track: Track) -> None:
        self.copied(track)
        while track.pages:
            self._release(track.pages.pop())
        track.cached = track.shared = 0

    def copied(self, track: Track) -> None:
        """The track's copy was made, or is not needed any more."""
        if track.copy is not None:
            self._release(track.copy[0])
        track.copy = None

    def _release(self, page: int) -> None:
        if self.pages.release(page, keep=page not in self._unread):
            self._unread.discard(page)


def _pages_read(track: Track) -> int:
    """How many of its pages, from the first, hold all of the prompt that they will."""
    return _pages(track.cached) if track.cached >= track.shared else track.cached // PAGE


def _up_to(track: Track, index: int, known: int) -> tuple[int, ...]:
    """The track's first tokens, to the end of its page `index`, but not more than `known`."""
    return tuple(track.tokens[: min(index * PAGE + PAGE, known)])


def _pages(tokens: int) -> int:
    return -(-tokens // PAGE)


def _common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
