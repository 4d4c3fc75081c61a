"""The pages of the KV cache: who uses each, and by which tokens it is found. Needs no torch.

A page holds the keys and values of `PAGE` consecutive tokens of a sequence. A prompt's page can be
found by the tokens up to its end, so that sequences with the same prompt use the same pages. These
sentences hold between any two calls:

- `users` is the number of sequences that hold the page; a page without users is unused.
- A page is found by its `prefix` and by nothing else, and no two pages have the same.
- A page with a prefix is computed: whoever publishes it has written its keys and values before.
- The tokens of a page's prefix are not written again while it has that prefix.

The last two are kept by the scheduler, which is the pool's only user.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

PAGE = 32  # tokens whose keys and values are stored together
NOWHERE = 0  # the page that padding rows write to and nobody reads

Prefix = tuple[int, ...]
"""The tokens of a sequence from its first to the last that a page holds."""


@dataclass(slots=True, eq=False)
class Page:
    """The state of one page; `prefix` is None while it cannot be found."""

    number: int
    users: int = 0
    prefix: Prefix | None = None


class Pages:
    """A pool of `count` pages. An unused page keeps its content until the room is needed."""

    def __init__(self, count: int) -> None:
        self.records = [Page(number) for number in range(1, count + 1)]
        self.reset()

    def reset(self) -> None:
        """Take all pages from their users; those with a prefix can still be found.

        All else follows from the records, so that this mends whatever an interruption left.
        """
        for page in self.records:
            page.users = 0
        longest_first = sorted(self.records, key=lambda page: -len(page.prefix or ()))
        without_first = sorted(longest_first, key=lambda page: page.prefix is not None)
        self._unused = OrderedDict.fromkeys(without_first)  # in the order in which they are taken
        self._found = {page.prefix: page for page in self.records if page.prefix is not None}

    @property
    def count(self) -> int:
        return len(self.records)

    @property
    def available(self) -> int:
        """How many pages can be taken."""
        return len(self._unused)

    def __getitem__(self, number: int) -> Page:
        return self.records[number - 1]

    def take(self) -> int:
        """An unused page, for one user: one without a prefix, else the one unused for longest."""
        page, _ = self._unused.popitem(last=False)
        if page.prefix is not None:
            del self._found[page.prefix]
            page.prefix = None
        page.users = 1
        return page.number

    def share(self, prefix: Prefix) -> int | None:
        """The page with this prefix, for one user more; None if there is none."""
        page = self._found.get(prefix)
        if page is None:
            return None
        self._unused.pop(page, None)
        page.users += 1
        return page.number

    def find(self, prefix: Prefix) -> int | None:
        """The page with this prefix, to be copied before the next step; None if there is none."""
        page = self._found.get(prefix)
        if page is None:
            return None
        if page in self._unused:
            self._unused.move_to_end(page)
        return page.number

    def publish(self, number: int, prefix: Prefix) -> None:
        """Let a computed page be found by `prefix`, unless it or another page has one already."""
        page = self[number]
        if page.prefix is None and prefix not in self._found:
            page.prefix = prefix
            self._found[prefix] = page

    def release(self, number: int) -> None:
        """One user less."""
        page = self[number]
        page.users -= 1
        if not page.users:
            self._unused[page] = None
            if page.prefix is None:
                self._unused.move_to_end(page, last=False)
