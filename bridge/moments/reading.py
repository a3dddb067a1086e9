"""Reading: feed, albums, search, and where a reader is in them."""

import base64
from collections.abc import Sequence

from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.contacts.model import folded
from bridge.db import Tx
from bridge.errors import UserError
from bridge.ids import PersonId, UserId
from bridge.moments import numbers, pages, places
from bridge.moments.feed import album_page, feed_page, search_page
from bridge.moments.model import Moment, MomentLimits, Page, Position

_READING = "reading"
_SEARCH, _WORDS = 200, 10
"""Characters and words of a search that are looked at."""


def page_ends(tx: Tx, readers: Sequence[PersonId], moment: Moment) -> set[PersonId]:
    """For which readers the page that they read last ended with this moment, and there was more."""
    at = places.positions(tx, readers, _READING)
    return {reader for reader, place in at.items() if place["more"] and place["id"] == moment.id}


class Reading:
    """All methods run inside the transaction that they are given."""

    def __init__(self, people: People, limits: MomentLimits) -> None:
        self._people = people
        self._limits = limits

    def feed(self, tx: Tx, reader: Person) -> Page:
        """The newest moments that the reader may see."""
        return self._shown(tx, reader, feed_page(tx, reader.id, None, self._size(tx, reader)), None)

    def album(self, tx: Tx, reader: Person, user_id: UserId) -> Page:
        """The newest moments of one person that the reader may see: empty for strangers and for nobody alike."""
        owner = self._people.named(tx, user_id)
        page = self._album(tx, reader, owner, None)
        if page.moments and self._people.known(tx, user_id) is None:
            page = Page((), False)
        return self._shown(tx, reader, page, owner if page.moments else None)

    def search(self, tx: Tx, reader: Person, text: str) -> Page:
        """The newest moments in the reader's feed that hold all these words; `more` goes on."""
        words = folded(text[:_SEARCH]).split()[:_WORDS]
        if not words:
            raise UserError("search-what")
        return self._found(tx, reader, words, None)

    def _found(self, tx: Tx, reader: Person, words: Sequence[str], before: Position | None) -> Page:
        page = search_page(tx, reader.id, words, before, self._size(tx, reader), self._limits.searched)
        return self._shown(tx, reader, page, None, words)

    def more(self, tx: Tx, reader: Person) -> Page:
        """The next page of what was read last; the feed when nothing was."""
        at = places.position(tx, reader.id, _READING)
        if at is None:
            return self.feed(tx, reader)
        if not at["more"]:
            return Page((), False)
        before = Position(at["created_at"], at["id"])
        if at.get("words") is not None:
            words = tx.vault.read(reader.id, "cursors", _READING, "words", base64.b64decode(at["words"]))
            return Page((), False) if words is None else self._found(tx, reader, words, before)
        if at["author"] is None:
            page = feed_page(tx, reader.id, before, self._size(tx, reader))
            return self._shown(tx, reader, page, None)
        author = PersonId(at["author"])
        return self._shown(tx, reader, self._album(tx, reader, author, before), author)

    def is_page_end(self, tx: Tx, reader: Person, moment: Moment) -> bool:
        """Whether the page that was read last ended with this moment, and there was more."""
        return bool(page_ends(tx, [reader.id], moment))

    # --- inside ---------------------------------------------------------------------------------------------
    def _size(self, tx: Tx, reader: Person) -> int:
        return self._limits.compact_page if pages.is_compact(tx, reader.id) else self._limits.page

    def _album(self, tx: Tx, reader: Person, owner: PersonId, before: Position | None) -> Page:
        return album_page(tx, reader.id, owner, before, self._size(tx, reader))

    def _shown(
        self, tx: Tx, reader: Person, page: Page, author: PersonId | None, words: Sequence[str] | None = None
    ) -> Page:
        """Number what is shown, in this order, and remember where the page ended. What somebody looks for is theirs."""
        numbers.numbers_of(tx, reader.id, page.moments)
        last = page.end or Position(0, 0)
        sealed = None
        if words is not None:
            sealed = base64.b64encode(tx.vault.seal(reader.id, "cursors", _READING, "words", list(words))).decode()
        places.set_position(
            tx,
            reader.id,
            _READING,
            {"author": author, "created_at": last.created_at, "id": last.id, "more": page.more, "words": sealed},
        )
        return page
