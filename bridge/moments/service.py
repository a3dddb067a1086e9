"""Posting, reading, liking, commenting, deleting."""

import json
from collections.abc import Sequence

from bridge.chat import sources
from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.contacts.model import cleaned
from bridge.contacts.store import count_friends, friends_of
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, PersonId, UserId
from bridge.moments import store
from bridge.moments.feed import album_page, feed_page
from bridge.moments.model import Comment, Moment, MomentLimits, Page, Position
from bridge.moments.picture import StoredPicture
from bridge.privacy import AccountItem, Audience, Item, load_world, may_see

MOMENT, WHOLE, COMMENT, LIKES = "moment", "moment-whole", "comment", "likes"
"""Kinds of copies: of a moment in a list, of one with all its comments, of a comment, of gathered likes."""
MOMENT_COPIES = (MOMENT, WHOLE)
LIKE = "like"
"""Kind of the sources of likes; the subject is the moment, the person is whose event it is."""
_READING = "reading"


class Moments:
    """All methods run inside the transaction that they are given."""

    def __init__(self, outbox: Outbox, people: People, limits: MomentLimits) -> None:
        self._outbox = outbox
        self._people = people
        self.limits = limits

    # --- writing --------------------------------------------------------------------------------------------
    def post(
        self,
        tx: Tx,
        author: Person,
        audience: Audience,
        users: Sequence[UserId],
        text: str,
        picture: StoredPicture | None = None,
    ) -> Moment:
        """Publish a moment. Nobody is told; friends see it when they read their feed.

        Raises:
            UserError: it is empty or too long, or somebody named is not a friend; then nothing is published.
        """
        text = self._text(text, empty_ok=picture is not None)
        named = self._named(tx, author, users) if audience is Audience.PEOPLE else ()
        moment_id = store.add_moment(tx, author.id, text, audience, named)
        if picture is not None:
            store.add_picture(tx, moment_id, author.id, 0, picture)
        store.number_of(tx, author.id, moment_id)
        return self._get(tx, moment_id)

    def count_audience(self, tx: Tx, moment: Moment) -> int:
        """How many people besides the author may see it now."""
        if moment.audience is Audience.FRIENDS:
            return count_friends(tx, moment.author)
        return len(self.named(tx, moment))

    def named(self, tx: Tx, moment: Moment) -> list[PersonId]:
        """The people named who may see it now."""
        world = load_world(tx, [moment.author], moment.people)
        return [person for person in sorted(moment.people) if may_see(person, moment.item, world)]

    def resolves_to(self, tx: Tx, users: Sequence[UserId], people: frozenset[PersonId]) -> bool:
        """Whether `users` are exactly these people."""
        found = [self._people.get(tx, user) for user in users]
        return all(found) and {person.id for person in found if person is not None} == people

    def edit(self, tx: Tx, author: Person, moment_id: int, text: str) -> bool:
        """Change the text. False when there is no such moment of this author."""
        moment = store.moment(tx, moment_id)
        if moment is None or moment.author != author.id:
            return False
        text = self._text(text, empty_ok=store.has_picture(tx, moment_id))
        if text != moment.text or moment.damaged:
            store.set_text(tx, moment, text)
        return True

    def delete(self, tx: Tx, author: Person, moment_id: int) -> bool:
        """Delete one's own moment, and take back every copy of it and of what was said about it.

        False when there is no such moment of this author. How many copies there were is told to nobody, the author
        included: it would say who has been reading.
        """
        moment = store.moment(tx, moment_id)
        if moment is None or moment.author != author.id:
            return False
        for kind in (*MOMENT_COPIES, LIKES):
            self._outbox.withdraw(tx, kind, moment_id)
        # The sources of comments stay: an edit of one gets the same answer as if the moment were merely out of sight.
        for comment_id in store.comment_ids(tx, moment_id):
            self._outbox.withdraw(tx, COMMENT, comment_id)
        sources.forget(tx, MOMENT, moment_id)
        sources.forget(tx, LIKE, moment_id)
        store.delete_moment(tx, moment_id)
        return True

    # --- finding --------------------------------------------------------------------------------------------
    def numbered(self, tx: Tx, reader: Person, number: int) -> Moment:
        """The moment with the reader's number.

        Raises:
            UserError: there is nothing for this reader: never was, deleted, no longer theirs to see, all alike.
        """
        moment_id = store.numbered(tx, reader.id, number)
        moment = None if moment_id is None else self.visible(tx, reader, moment_id)
        if moment is None:
            raise UserError("moment-none", number=number)
        return moment

    def visible(self, tx: Tx, reader: Person, moment_id: int) -> Moment | None:
        """The moment, when the reader may see it."""
        moment = store.moment(tx, moment_id)
        if moment is None or not self._sees(tx, reader.id, moment.item, [moment.author]):
            return None
        return moment

    def visible_comment(self, tx: Tx, reader: PersonId, comment_id: int) -> tuple[Comment, Moment] | None:
        """The comment with its moment, when the reader may see it."""
        comment = store.comment(tx, comment_id)
        moment = None if comment is None else store.moment(tx, comment.moment_id)
        if comment is None or moment is None:
            return None
        if not self._sees(tx, reader, comment.item(moment), [moment.author, comment.writer]):
            return None
        return comment, moment

    def number_of(self, tx: Tx, reader: Person, moment: Moment) -> int:
        """The reader's number of a moment that they may see."""
        return store.number_of(tx, reader.id, moment.id)

    # --- likes ----------------------------------------------------------------------------------------------
    def like(self, tx: Tx, person: Person, moment: Moment) -> None:
        """Like a moment that `person` may see. Its author is told after a while, of all likes together."""
        if store.like(tx, moment.id, person.id) and person.id != moment.author:
            self._outbox.copy(tx, moment.author, LIKES, moment.id, delay_ms=self.limits.likes_delay_ms, once=True)

    def unlike(self, tx: Tx, person: Person, moment: Moment) -> bool:
        """Take a like back, however it was given. False when there was none."""
        store.forget_sources_of(tx, LIKE, moment.id, person.id)
        return store.unlike(tx, moment.id, person.id)

    def retract_like(self, tx: Tx, person: Person, moment_id: int, account: AccountId, event_id: EventId) -> None:
        """An event that gave a like was redacted; the like goes with the last such event."""
        store.forget_source(tx, account, event_id)
        if not store.has_source(tx, LIKE, moment_id, person.id):
            store.unlike(tx, moment_id, person.id)

    # --- comments -------------------------------------------------------------------------------------------
    def comment(self, tx: Tx, person: Person, moment: Moment, text: str, answer_to: Comment | None = None) -> int:
        """Comment a moment that `person` may see. The author is told, and who is answered, if they may see it.

        Raises:
            UserError: it is empty or too long, or there are too many.
        """
        text = self._comment_text(text)
        if store.count_comments(tx, moment.id, person.id) >= self.limits.comments_each:
            raise UserError("comment-limit", limit=self.limits.comments_each)
        comment_id = store.add_comment(tx, moment.id, person.id, text, answer_to.id if answer_to else None)
        told = {moment.author, answer_to.writer} if answer_to else {moment.author}
        for reader in sorted(told - {person.id}):
            if self.visible_comment(tx, reader, comment_id) is not None:
                self._outbox.copy(tx, reader, COMMENT, comment_id)
        return comment_id

    def edit_comment(self, tx: Tx, person: Person, comment_id: int, text: str) -> bool:
        """Change the text. False when there is no such comment of this person."""
        comment = store.comment(tx, comment_id)
        if comment is None or comment.writer != person.id:
            return False
        text = self._comment_text(text)
        if text != comment.text or comment.damaged:
            store.set_comment_text(tx, comment, text)
        return True

    def delete_comment(self, tx: Tx, person: Person, comment_id: int) -> bool:
        """Delete one's own comment, also where copies of the moment show it. False when there is none."""
        comment = store.comment(tx, comment_id)
        moment = None if comment is None else store.moment(tx, comment.moment_id)
        if comment is None or moment is None or comment.writer != person.id:
            return False
        self._outbox.withdraw(tx, COMMENT, comment_id)
        readers = store.readers_since(tx, MOMENT_COPIES, moment.id, comment.created_at)
        world = load_world(tx, [moment.author, comment.writer], readers)
        for reader in readers:
            # Copies for those who can't see the comment never showed it, and must not tell that there was one.
            if may_see(reader, comment.item(moment), world):
                for kind in MOMENT_COPIES:
                    self._outbox.withdraw(tx, kind, moment.id, only_for=reader)
        sources.forget(tx, COMMENT, comment_id)
        store.delete_comment(tx, comment_id)
        return True

    # --- reading --------------------------------------------------------------------------------------------
    def feed(self, tx: Tx, reader: Person) -> Page:
        """The newest moments that the reader may see."""
        return self._shown(tx, reader, feed_page(tx, reader.id, None, self.limits.page), None)

    def album(self, tx: Tx, reader: Person, user_id: UserId) -> Page:
        """The newest moments of one person that the reader may see: empty for strangers and for nobody alike."""
        owner = self._people.get(tx, user_id)
        page = Page((), False) if owner is None else self._album(tx, reader, owner.id, None)
        return self._shown(tx, reader, page, owner.id if owner and page.moments else None)

    def more(self, tx: Tx, reader: Person) -> Page:
        """The next page of what was read last; the feed when nothing was."""
        at = store.position(tx, reader.id, _READING)
        if at is None:
            return self.feed(tx, reader)
        if not at["more"]:
            return Page((), False)
        before = Position(at["created_at"], at["id"])
        if at["author"] is None:
            page = feed_page(tx, reader.id, before, self.limits.page)
            return self._shown(tx, reader, page, None)
        author = PersonId(at["author"])
        return self._shown(tx, reader, self._album(tx, reader, author, before), author)

    def is_page_end(self, tx: Tx, reader: Person, moment: Moment) -> bool:
        """Whether the page that was read last ended with this moment, and there was more."""
        at = store.position(tx, reader.id, _READING)
        return at is not None and bool(at["more"]) and at["id"] == moment.id

    # --- others ---------------------------------------------------------------------------------------------
    def parted(self, tx: Tx, a: PersonId, b: PersonId) -> None:
        """Two people part: take back what one was shown of the other. What is still queued, the policy drops."""
        for reader, other in ((a, b), (b, a)):
            for moment_id in store.moments_copied(tx, MOMENT_COPIES, reader, other):
                for kind in MOMENT_COPIES:
                    self._outbox.withdraw(tx, kind, moment_id, only_for=reader)
            for comment_id in store.comments_copied(tx, COMMENT, reader, other):
                self._outbox.withdraw(tx, COMMENT, comment_id, only_for=reader)

    # --- inside ---------------------------------------------------------------------------------------------
    def _sees(self, tx: Tx, viewer: PersonId, item: Item, others: Sequence[PersonId]) -> bool:
        # Everybody involved with everybody: a response depends on the friendship of author and writer too.
        return bool(may_see(viewer, item, load_world(tx, [viewer, *others], others)))

    def _album(self, tx: Tx, reader: Person, owner: PersonId, before: Position | None) -> Page:
        # Asked first, so that a stranger's request costs the same however much there is.
        if not self._sees(tx, reader.id, AccountItem(owner), [owner]):
            return Page((), False)
        return album_page(tx, reader.id, owner, before, self.limits.page)

    def _get(self, tx: Tx, moment_id: int) -> Moment:
        moment = store.moment(tx, moment_id)
        assert moment is not None
        return moment

    def _named(self, tx: Tx, author: Person, users: Sequence[UserId]) -> list[PersonId]:
        if len(users) > self.limits.named:
            raise UserError("audience-too-many", limit=self.limits.named)
        friends = {friend.user_id: friend.id for friend in friends_of(tx, author.id)}
        for user in users:
            if user not in friends:
                raise UserError("audience-no-friend", user=user)
        return [friends[user] for user in users]

    def _text(self, text: str, *, empty_ok: bool) -> str:
        text = cleaned(text)
        if not text and not empty_ok:
            raise UserError("moment-empty")
        if len(text) > self.limits.text or len(json.dumps(text)) > self.limits.text_bytes:
            raise UserError("moment-too-long", limit=self.limits.text)
        return text

    def _comment_text(self, text: str) -> str:
        text = cleaned(text)
        if not text:
            raise UserError("comment-empty")
        if len(text) > self.limits.comment:
            raise UserError("comment-too-long", limit=self.limits.comment)
        return text

    def _shown(self, tx: Tx, reader: Person, page: Page, author: PersonId | None) -> Page:
        """Number what is shown, in this order, and remember where the page ended."""
        for moment_id in page.moments:
            store.number_of(tx, reader.id, moment_id)
        last = self._get(tx, page.moments[-1]).position if page.moments else Position(0, 0)
        store.set_position(
            tx,
            reader.id,
            _READING,
            {"author": author, "created_at": last.created_at, "id": last.id, "more": page.more},
        )
        return page
