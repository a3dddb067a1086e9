"""Posting, changing, deleting and finding; reading and responding are rooms of their own."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from bridge.chat import sources
from bridge.chat.command import Person
from bridge.chat.people import People, user_ids
from bridge.contacts import tags
from bridge.contacts.model import cleaned
from bridge.contacts.store import friends_of
from bridge.db import Tx, own_limits, two_keys
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import EventId, PersonId
from bridge.moments import (
    copy_store,
    items,
    keep_times,
    mentions,
    notify,
    numbers,
    picture_store,
    reach,
    responses,
    store,
)
from bridge.moments.audience import Said
from bridge.moments.content import NOTHING, Content
from bridge.moments.fanout import Fanout
from bridge.moments.items import Items
from bridge.moments.kinds import COMMENT, LIKE, LIKES, MENTION, MOMENT, VIEWED, VOTE, VOTES
from bridge.moments.mentions import Mentioned
from bridge.moments.model import Moment, MomentLimits
from bridge.moments.origin import Heads
from bridge.moments.picture_store import Described
from bridge.moments.reach import Reach
from bridge.moments.reading import Reading
from bridge.moments.refreshing import Refreshing
from bridge.moments.responding import Responding
from bridge.privacy import Addressed, undo


class Moments:
    """All methods run inside the transaction that they are given."""

    def __init__(self, outbox: Outbox, people: People, limits: MomentLimits) -> None:
        self._outbox = outbox
        self._people = people
        self._refreshing = Refreshing(outbox)
        self.limits = limits
        self.reading = Reading(people, limits)
        self.responding = Responding(outbox, people, limits)
        self.on_expiry: Callable[[], None] = lambda: None
        """Called after a commit that changed what expires when."""
        self.on_gone: Callable[[], None] = lambda: None
        """Called after a commit that took a moment away."""
        self.fanout = Fanout(outbox, people)
        self.on_post: Callable[[], None] = lambda: None
        """Called after a commit that posted something."""

    # --- writing --------------------------------------------------------------------------------------------
    def post(
        self,
        tx: Tx,
        author: Person,
        said: Said,
        content: Content,
        pictures: Sequence[Described] = (),
    ) -> Moment:
        """Publish a moment. Nobody is told; friends see it when they read their feed.

        Raises:
            UserError: it is empty or too long, or somebody named is not a friend; then nothing is published.
        """
        if len(pictures) > self.limits.pictures:
            raise UserError("moment-pictures", limit=self.limits.pictures)
        mentioned = mentions.find(tx, author.id, content.text)
        silent = bool(pictures or content.place is not None)
        if content.poll is not None and not cleaned(mentioned.text):
            raise UserError("poll-question")
        text = self.text(mentioned.text, empty_ok=silent)
        content = replace(content, text=text, mentions=mentioned.friends)
        to, named_tags = self.resolve(tx, author, said)
        self._check_mentioned(tx, author, mentioned, to, named_tags)
        moment_id = store.add_moment(tx, author.id, content, to, named_tags)
        moment = self._get(tx, moment_id)
        if self.needs_key(tx, author.id):
            moment = self.give_key(tx, moment)
        picture_store.add_pictures(tx, moment, pictures)
        numbers.number_of(tx, author.id, moment_id)
        self._ping(tx, moment, content.mentions)
        self.fanout.begin(tx, moment)
        tx.after_commit(self.on_post)
        return moment

    def resolve(self, tx: Tx, author: Person, said: Said) -> tuple[Addressed, frozenset[int]]:
        """An audience in words, looked up: the audience, and the tags named that are not followed.

        Raises:
            UserError: somebody or some tag named is not there, or it names too many.
        """
        for some in ((*said.users, *said.tags), (*said.except_users, *said.except_tags)):
            if len(some) > self.limits.named:
                raise UserError("audience-too-many", limit=self.limits.named)
        by_name = said.users or said.except_users  # nobody's row is opened for an audience that names nobody
        friends = {friend.user_id: friend.id for friend in friends_of(tx, author.id)} if by_name else {}
        for user in said.users:
            if user not in friends:
                raise UserError("audience-no-friend", user=user)
        for user in said.except_users:
            if user == author.user_id:
                raise UserError("audience-except-self")
        named, left_out = (
            frozenset(self._tag(tx, author, name) for name in names) for names in (said.tags, said.except_tags)
        )
        people = {friends[user] for user in said.users}
        if not said.live:
            people.update(tags.members(tx, named))
        # Also who is no friend yet, or never was here: left out is left out.
        out = frozenset(friends.get(user) or self._people.named_or_new(tx, user) for user in said.except_users)
        to = Addressed(said.kind, frozenset(people) - out, named if said.live else frozenset(), out, left_out)
        return to, frozenset() if said.live else named

    def audience_now(self, tx: Tx, moment: Moment) -> list[PersonId]:
        """The friends who may see it now, as far as the author may know: who hides the author counts as if not."""
        candidates = reach.candidates(tx, moment)
        items = Items(tx, [moment.author], candidates, [moment])
        return [person for person in candidates if items.as_author_knows(person, moment)]

    def audience_if(self, tx: Tx, moment: Moment, to: Addressed) -> list[PersonId]:
        """The same, if it had another audience."""
        return self.audience_now(tx, replace(moment, to=to))

    def says_the_same(self, tx: Tx, author: Person, moment: Moment, said: Said) -> bool:
        """Whether these words mean the audience that the moment has."""
        try:
            to, named_tags = self.resolve(tx, author, said)
        except UserError:
            return False
        if (to.kind, to.tags, to.except_people, to.except_tags) != (
            moment.to.kind,
            moment.to.tags,
            moment.to.except_people,
            moment.to.except_tags,
        ):
            return False
        if named_tags != moment.named_tags:
            return False
        # Who was in a tag that was named then is in the audience, whoever is in it now.
        return to.people == moment.to.people if not named_tags else True

    def edit(self, tx: Tx, author: Person, moment_id: int, text: str, part: EventId | None = None) -> bool:
        """Change the text. Whom it mentions now and was never told is told. False when there is no such moment of this
        author. `part`: the one of its author's messages whose part of it becomes `text`; None: the whole.

        Raises:
            UserError: it is empty or too long, or mentions somebody who does not see the moment; or which part that
                message brought is not known any more.
        """
        moment = store.moment(tx, moment_id)
        if moment is None or moment.author != author.id:
            return False
        silent = moment.content.place is not None or picture_store.count(tx, moment_id) > 0
        origin = moment.content.origin
        around = ("", "") if part is None else origin.around(moment.text, part)
        if around is None:
            raise UserError("edit-part-gone", number=numbers.number_of(tx, author.id, moment_id))
        mentioned = mentions.find(tx, author.id, cleaned(text).join(around))
        text = self.text(mentioned.text, empty_ok=silent and moment.content.poll is None)
        if text != moment.text or moment.damaged:
            origin = origin.with_whole(len(text)) if part is None else origin.with_part(part, around, text)
            fresh = Mentioned(
                text,
                tuple(person for person in mentioned.friends if person not in moment.content.mentions),
                tuple(user for user in mentioned.others if user not in moment.text),
            )
            self._check_mentioned(tx, author, fresh, moment.to, moment.named_tags, "edit-mention-outside")
            content = replace(moment.content, text=text, mentions=mentioned.friends, origin=origin)
            store.set_text(tx, moment, content)
            self._refreshing.text_changed(tx, moment)
            self._ping(tx, moment, mentioned.friends)
        return True

    def describe(self, tx: Tx, author: Person, moment_id: int, alt: str, index: int = 0) -> bool:
        """Say what a picture of one's moment shows, by its place from 0. False when there is none."""
        moment = self.visible(tx, author, moment_id)
        if moment is None or moment.author != author.id or not picture_store.set_alt(tx, moment, index, alt):
            return False
        if index:
            self._refreshing.picture_changed(tx, moment, index)
        else:
            self._refreshing.text_changed(tx, moment)
        return True

    def set_heads(self, tx: Tx, moment: Moment, heads: Heads) -> None:
        """Another message is what posted it now, as far as what stands before its text."""
        origin = replace(moment.content.origin, heads=heads)
        store.set_content(tx, moment, replace(moment.content, origin=origin))

    def delete(self, tx: Tx, author: Person, moment_id: int) -> bool:
        """Delete one's own moment, and take back every copy of it and of what was said about it.

        False when there is no such moment of this author. How many copies there were is told to nobody, the author
        included: it would say who has been reading.
        """
        moment = self.visible(tx, author, moment_id)
        if moment is None or moment.author != author.id:
            return False
        if self.limits.undo_ms <= 0:
            self.remove(tx, moment)
            return True
        self._take_back(tx, moment)
        undo.record(tx, author.id, self.limits.undo_ms, undo.DELETE, moment.id, {"expires_at": moment.expires_at})
        store.end(tx, moment, tx.now)
        tx.after_commit(self.on_expiry)
        return True

    def restore(self, tx: Tx, moment: Moment, expires_at: int | None) -> bool:
        """Let a deleted moment be seen again, as long as its rows are there. False: its time is over anyway."""
        if expires_at is not None and expires_at <= tx.now:
            return False
        store.end(tx, moment, expires_at)
        tx.after_commit(self.on_expiry)
        return True

    def remove(self, tx: Tx, moment: Moment, *, traced: bool = True) -> None:
        """Take back every copy of a moment and of what was said about it, and delete it. `traced`: its author can ask
        for a while where copies may be."""
        self._take_back(tx, moment)
        if traced:
            reach.keep(tx, moment, self.limits.gone_ms)
        sources.forget(tx, MOMENT, moment.id)
        sources.forget(tx, LIKE, moment.id)
        sources.forget(tx, VOTE, moment.id)
        store.delete_moment(tx, moment)
        tx.after_commit(self.on_gone)
        if moment.key is not None:
            tx.after_commit(self.on_expiry)

    def _take_back(self, tx: Tx, moment: Moment) -> None:
        copy_store.take_back(tx, self._outbox, moment.id)
        for kind in (LIKES, VOTES, VIEWED):
            self._outbox.withdraw(tx, kind, moment.id)
        # The sources of comments stay: an edit of one gets the same answer as if the moment were merely out of sight.
        for comment_id in responses.comment_ids(tx, moment.id):
            self._outbox.withdraw(tx, COMMENT, comment_id)

    def needs_key(self, tx: Tx, author: PersonId) -> bool:
        """Whether moments of this author will be let go when they are old, by whosever wish."""
        return keep_times.load(tx, author) is not None or self.operator_days(tx, author) is not None

    def operator_days(self, tx: Tx, author: PersonId) -> int | None:
        """After how many days the operator lets moments of this author go; None: never."""
        return own_limits.days(tx, author, own_limits.MOMENTS, self.limits.kept_days)

    def give_key(self, tx: Tx, moment: Moment) -> Moment:
        """Seal a moment under a key of its own too, with all that hangs on it, unless it is."""
        if moment.key is not None:
            return moment
        key = two_keys.new_key(tx)
        store.set_key(tx, moment, key)
        picture_store.set_key(tx, moment, key)
        responses.set_key(tx, moment, key)
        return replace(moment, key=key)

    def expire(self, tx: Tx, moment: Moment, at: int | None) -> None:
        """Let one's own moment end at a time (ms), or never. What expires is sealed under a key of its own."""
        if at is not None:
            moment = self.give_key(tx, moment)
        store.set_expiry(tx, moment, at)
        self._refreshing.text_changed(tx, self._get(tx, moment.id))
        tx.after_commit(self.on_expiry)

    # --- finding --------------------------------------------------------------------------------------------
    def numbered(self, tx: Tx, reader: Person, number: int) -> Moment:
        """The moment with the reader's number.

        Raises:
            UserError: there is nothing for this reader: never was, deleted, no longer theirs to see, all alike.
        """
        moment_id, other = numbers.numbered_or_other(tx, reader.id, number)
        # What was never there takes as long as what is hidden: another one is looked at in its place.
        moment = self.visible(tx, reader, other if moment_id is None else moment_id)
        if moment is None or moment_id is None:
            raise UserError("moment-none", number=number)
        return moment

    def visible(self, tx: Tx, reader: Person, moment_id: int) -> Moment | None:
        """The moment, when the reader may see it."""
        return items.visible(tx, reader.id, moment_id)

    def number_of(self, tx: Tx, reader: Person, moment: Moment) -> int:
        """The reader's number of a moment that they may see."""
        return numbers.number_of(tx, reader.id, moment.id)

    def reach(self, tx: Tx, author: Person, number: int) -> tuple[Reach, bool]:
        """For whom one's own moment is, or was if it is gone; and whether it is gone.

        Raises:
            UserError: there is no such moment of this author, nor was there lately.
        """
        moment_id, other = numbers.numbered_or_other(tx, author.id, number)
        moment = store.moment(tx, other if moment_id is None else moment_id)
        gone = reach.of_gone(tx, author.id, number)
        if moment is not None and moment_id is not None and moment.author == author.id:
            return reach.of(tx, moment), items.visible(tx, author.id, moment.id) is None
        if gone is None:
            raise UserError("moment-none", number=number)
        return gone, True

    def check_mentions(self, tx: Tx, author: Person, text: str, said: Said) -> None:
        """Raises UserError when a text mentions somebody who is outside its audience."""
        mentioned = mentions.find(tx, author.id, text)
        if mentioned.friends or mentioned.others:
            self._check_mentioned(tx, author, mentioned, *self.resolve(tx, author, said))

    # --- inside ---------------------------------------------------------------------------------------------
    def _ping(self, tx: Tx, moment: Moment, people: Sequence[PersonId]) -> None:
        """Tell people once that a moment mentions them."""
        for reader in people:
            if not self._outbox.is_out(tx, reader, MENTION, moment.id):
                delay = notify.quiet_ms(tx, self._people, reader)
                self._outbox.copy(tx, reader, MENTION, moment.id, delay_ms=delay)

    def _check_mentioned(
        self,
        tx: Tx,
        author: Person,
        mentioned: Mentioned,
        to: Addressed,
        named_tags: frozenset[int],
        refusal: str = "mention-outside",
    ) -> None:
        """Whom a post mentions must be in its audience, as far as its author may know."""
        if not mentioned.friends and not mentioned.others:
            return
        outside = [user for user in mentioned.others if user != author.user_id]
        if mentioned.friends:
            planned = Moment(0, author.id, NOTHING, to, named_tags, tx.now, None)
            inside = set(self.audience_now(tx, planned))
            users = user_ids(tx, [person for person in mentioned.friends if person not in inside])
            outside += [user for _, user in sorted(users.items())]
        if outside:
            raise UserError(refusal, user=outside[0])

    def _tag(self, tx: Tx, author: Person, name: str) -> int:
        tag = tags.find(tx, author.id, name)
        if tag is None:
            raise UserError("audience-no-tag", tag=name)
        return tag.id

    def _get(self, tx: Tx, moment_id: int) -> Moment:
        moment = store.moment(tx, moment_id)
        assert moment is not None
        return moment

    def text(self, text: str, *, empty_ok: bool) -> str:
        """The text of a moment as it is stored.

        Raises:
            UserError: it is empty or too long.
        """
        text = cleaned(text)
        if not text and not empty_ok:
            raise UserError("moment-empty")
        if len(text) > self.limits.text or len(json.dumps(text)) > self.limits.text_bytes:
            raise UserError("moment-too-long", limit=self.limits.text)
        return text
