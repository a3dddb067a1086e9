"""One page of moments of several authors, newest first, at the cost of a page."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from bridge.contacts.model import folded
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import store
from bridge.moments.items import Items
from bridge.moments.model import Moment, Page, Position
from bridge.privacy import PUBLIC, MomentItem, load_world, may_see

# Later than every moment with the same time.
_LAST = 2**62
_SEARCHED_AT_ONCE = 50


def feed_page(tx: Tx, reader: PersonId, before: Position | None, size: int) -> Page:
    """The reader's own moments and those of their friends."""
    return _page(tx, reader, store.latest_times(tx, reader, before), before, size)


def search_page(tx: Tx, reader: PersonId, words: Sequence[str], size: int, most: int) -> Page:
    """Of the newest `most` moments in the reader's feed those whose text holds all `words` (folded). What is hidden
    from the reader does not count: it must not be felt in how far a search reaches."""
    found: list[int] = []
    looked = 0
    candidates = _newest_first(
        tx,
        reader,
        authors := store.latest_times(tx, reader, None),
        None,
        _SEARCHED_AT_ONCE,
        store.windows(tx, [author for author, _ in authors]),
        False,
    )
    while looked < most and len(found) <= size:
        some = list(islice(candidates, _SEARCHED_AT_ONCE))
        if not some:
            break
        items = Items(tx, [reader], {m.author for m in some}, some)
        seen = [m for m in some if items.sees(reader, m)][: most - looked]
        looked += len(seen)
        found += [m.id for m in seen if all(word in folded(m.text) for word in words)]
    return Page(tuple(found[:size]), len(found) > size)


def album_page(tx: Tx, reader: PersonId, author: PersonId, before: Position | None, size: int) -> Page:
    """Moments of one author. What costs as much as there is to see must not depend on what is hidden: where nothing can
    be for the reader, nothing is read."""
    if reader != author:
        world = load_world(tx, [reader, author], [])
        if not may_see(reader, MomentItem(author, PUBLIC, tx.now, newer_public=0), world):
            return Page((), False)
        stranger = not world.friends(reader, author)
    else:
        stranger = False
    return _page(tx, reader, [(author, _LAST)], before, size, stranger=stranger)


def _page(
    tx: Tx,
    reader: PersonId,
    authors: Sequence[tuple[PersonId, int]],
    before: Position | None,
    size: int,
    *,
    stranger: bool = False,
) -> Page:
    shown: list[int] = []
    candidates = _newest_first(
        tx, reader, authors, before, size + 1, store.windows(tx, [author for author, _ in authors]), stranger
    )
    # Goes on until the page is full and it is known whether there is one more: what is hidden leaves no gap.
    while len(shown) <= size:
        some = list(islice(candidates, size + 1 - len(shown)))
        if not some:
            break
        items = Items(tx, [reader], {m.author for m in some}, some)
        shown += [m.id for m in some if items.sees(reader, m)]
    return Page(tuple(shown[:size]), len(shown) > size)


def _newest_first(
    tx: Tx,
    reader: PersonId,
    authors: Sequence[tuple[PersonId, int]],
    before: Position | None,
    batch: int,
    windows: Mapping[PersonId, int],
    stranger: bool,
) -> Iterator[Moment]:
    """Merges the authors' moments. An author costs a query only when the page reaches down to their latest moment."""
    order = 0
    heap: list[tuple[int, int, int, Moment | None, PersonId, Position | None]] = []

    def push(position: Position, moment: Moment | None, author: PersonId, bound: Position | None) -> None:
        nonlocal order
        order += 1
        heapq.heappush(heap, (-position.created_at, -position.id, order, moment, author, bound))

    def since(author: PersonId) -> int | None:
        """Nobody else sees what is older than the author's window: it is not even read."""
        window = windows.get(author) if author != reader else None
        return None if window is None else tx.now - window

    for author, latest in authors:
        push(Position(latest, _LAST), None, author, before)
    while heap:
        _, _, _, moment, author, bound = heapq.heappop(heap)
        if moment is not None:
            yield moment
            continue
        rows = store.newest_by(tx, author, reader, bound, since(author), batch, only_public=stranger)
        for row in rows:
            push(row.position, row, author, None)
        if len(rows) == batch:
            push(rows[-1].position, None, author, rows[-1].position)
