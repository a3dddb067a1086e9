"""One page of moments of several authors, newest first, at the cost of a page."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from bridge.chat.people import NOBODY
from bridge.contacts.model import folded
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import picture_store, store
from bridge.moments.items import Items
from bridge.moments.model import Moment, Page, Position
from bridge.moments.store import Span
from bridge.privacy import PUBLIC, MomentItem, load_world, may_see

_AUTHORS = 32
"""Authors that are asked for at once, those who posted last first."""
_SEARCHED_AT_ONCE = 20

Authors: TypeAlias = Iterator[tuple[PersonId, int]]
"""Who, and when they posted last (ms); the latest first."""


def feed_page(tx: Tx, reader: PersonId, before: Position | None, size: int) -> Page:
    """The reader's own moments and those of their friends."""
    return _page(_Merge(tx, reader, _latest(tx, reader, before), before, size + 1), tx, reader, size)


def search_page(tx: Tx, reader: PersonId, words: Sequence[str], before: Position | None, size: int, most: int) -> Page:
    """Of the newest `most` moments in the reader's feed before a position those that hold all `words` (folded): in
    text, warning, answers of a poll, or what is said of their pictures. What is hidden from the reader does not count:
    it must not be felt in how far a search reaches."""
    found: list[Moment] = []
    looked = 0
    candidates = _Merge(tx, reader, _latest(tx, reader, before), before, _SEARCHED_AT_ONCE)
    while looked < most and len(found) <= size:
        some = list(islice(candidates, _SEARCHED_AT_ONCE))
        if not some:
            break
        items = Items(tx, [reader], {m.author for m in some}, some)
        seen = [m for m in some if items.sees(reader, m)][: most - looked]
        looked += len(seen)
        read = store.with_texts(tx, [m.id for m in seen])
        alts = picture_store.alts(tx, read)
        found += [m for m in read if _holds(m, alts.get(m.id, ()), words)]
    page = found[:size]
    return Page(tuple(m.id for m in page), len(found) > size, page[-1].position if page else None)


def _holds(moment: Moment, alts: Sequence[str], words: Sequence[str]) -> bool:
    poll = moment.content.poll
    answers = () if poll is None else poll.answers
    text = folded(" ".join((moment.text, moment.content.warning or "", *answers, *alts)))
    return all(word in text for word in words)


def album_page(tx: Tx, reader: PersonId, author: PersonId, before: Position | None, size: int) -> Page:
    """Moments of one author. What costs as much as there is to see must not depend on what is hidden: where nothing can
    be for the reader, the moments of nobody are read."""
    stranger = False
    if reader != author:
        world = load_world(tx, [reader, author], [])
        stranger = not world.friends(reader, author)
        if not may_see(reader, MomentItem(author, PUBLIC, tx.now, newer_public=0), world):
            author = NOBODY
    authors = iter([(author, tx.now)])
    return _page(_Merge(tx, reader, authors, before, size + 1, stranger=stranger), tx, reader, size)


def _latest(tx: Tx, reader: PersonId, before: Position | None) -> Authors:
    for offset in range(0, 2**31, _AUTHORS):
        some = store.latest_times(tx, reader, before, _AUTHORS, offset)
        yield from some
        if len(some) < _AUTHORS:
            return


def _page(candidates: "_Merge", tx: Tx, reader: PersonId, size: int) -> Page:
    shown: list[Moment] = []
    # Goes on until the page is full and it is known whether there is one more: what is hidden leaves no gap.
    while len(shown) <= size:
        some = list(islice(candidates, size + 1 - len(shown)))
        if not some:
            break
        items = Items(tx, [reader], {m.author for m in some}, some)
        shown += [m for m in some if items.sees(reader, m)]
    page = shown[:size]
    return Page(tuple(m.id for m in page), len(shown) > size, page[-1].position if page else None)


@dataclass
class _Merge:
    """The moments of several authors, newest first. An author is read only when the page reaches down to their latest
    moment; those who may be needed for one page are read in one statement."""

    tx: Tx
    reader: PersonId
    authors: Authors
    before: Position | None
    batch: int
    stranger: bool = False

    def __iter__(self) -> Iterator[Moment]:
        return self

    def __post_init__(self) -> None:
        self._heap: list[tuple[int, int, Moment, Span | None]] = []
        self._next = next(self.authors, None)
        self._windows: dict[PersonId, int] = {}

    def __next__(self) -> Moment:
        while self._next is not None and (not self._heap or self._next[1] >= -self._heap[0][0]):
            self._read([self._span(author, self.before) for author in self._some_authors()])
        if not self._heap:
            raise StopIteration
        _, _, moment, rest = heapq.heappop(self._heap)
        if rest is not None:
            self._read([rest])
        return moment

    def _some_authors(self) -> list[PersonId]:
        """As many authors as there may be moments on the page."""
        some: list[PersonId] = []
        while self._next is not None and len(some) < self.batch:
            some.append(self._next[0])
            self._next = next(self.authors, None)
        self._windows |= store.windows(self.tx, [author for author in some if author != self.reader])
        return some

    def _span(self, author: PersonId, before: Position | None) -> Span:
        """Nobody else sees what is older than the author's window: it is not even read."""
        window = self._windows.get(author) if author != self.reader else None
        return Span(author, before, None if window is None else self.tx.now - window)

    def _read(self, spans: list[Span]) -> None:
        found = store.newest_of(self.tx, spans, self.reader, self.batch, only_public=self.stranger)
        for span, moments in zip(spans, found, strict=True):
            full = len(moments) == self.batch
            for moment in moments:
                rest = self._span(span.author, moment.position) if full and moment is moments[-1] else None
                heapq.heappush(self._heap, (-moment.created_at, -moment.id, moment, rest))
