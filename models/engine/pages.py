"""The pages of the paged KV cache: which are used, and by which tokens each is found. No torch.

A page holds the keys and values of `PAGE` consecutive tokens of a sequence. The pages of a prompt
are a prefix cache: they are found by the tokens up to their end, so that sequences with the same
prompt use the same pages. These invariants hold between any two calls:

- `users` is the number of sequences that hold the page; a page without users can be taken.
- A page is found by its `prefix` and by nothing else, and no two pages have the same prefix.
- A page with a prefix is computed: its keys and values were written before it was published.
- The tokens of a page's prefix are not written again while it has that prefix.

The scheduler, which is the only user of the pool, keeps the last two.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

PAGE = 32  # tokens in a page
PADDING_PAGE = 0  # padding rows write to it; no other row reads it

Prefix = tuple[int, ...]
"""The tokens of a sequence from its first to the last that a page holds."""


@dataclass(slots=True, eq=False)
class Page:
    """The state of one page; `prefix` is None while the page cannot be found."""

    number: int
    users: int = 0
    prefix: Prefix | None = None


class PagePool:
    """`count` pages, numbered from 1. A page without users keeps its content until it is taken."""

    def __init__(self, count: int) -> None:
        self.records = [Page(number) for number in range(1, count + 1)]
        self.reset()

    def reset(self) -> None:
        """Take all pages from their users; those with a prefix can still be found.

        Everything else is derived from the records, so a reset also repairs what an interrupted
        call has left.
        """
        for page in self.records:
            page.users = 0
        longest_first = sorted(self.records, key=lambda page: -len(page.prefix or ()))
        without_first = sorted(longest_first, key=lambda page: page.prefix is not None)
        self._unused = OrderedDict.fromkeys(without_first)  # in the order in which they are taken
        self._found = {page.prefix: page for page in self.records if page.prefix is not None}

    @property
    def count(self) -> int:
        """How many pages there are."""
        return len(self.records)

    @property
    def available(self) -> int:
        """How many pages can be taken."""
        return len(self._unused)

    def __getitem__(self, number: int) -> Page:
        return self.records[number - 1]

    def take(self) -> int:
        """An unused page for one user: one without a prefix, else the one unused for longest."""
        page, _ = self._unused.popitem(last=False)
        if page.prefix is not None:
            del self._found[page.prefix]
            page.prefix = None
        page.users = 1
        return page.number

    def share(self, prefix: Prefix) -> int | None:
        """The page with this prefix, which gets one more user; None if there is none."""
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
        """Let a computed page be found by `prefix`, unless it has a prefix or another page has
        this one."""
        page = self[number]
        if page.prefix is None and prefix not in self._found:
            page.prefix = prefix
            self._found[prefix] = page

    def release(self, number: int) -> None:
        """Remove one user of a page."""
        page = self[number]
        page.users -= 1
        if not page.users:
            self._unused[page] = None
            if page.prefix is None:
                self._unused.move_to_end(page, last=False)
