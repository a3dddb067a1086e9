"""What a post will be before it is one: for whom, and whether that is wider than the last time; then publishing it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.chat import sources
from bridge.chat.command import Person
from bridge.chat.people import user_ids
from bridge.chat.reply import Text
from bridge.contacts import lookalikes
from bridge.contacts.audiences import described
from bridge.contacts.names import enumeration, own_labels
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.errors import UserError
from bridge.ids import PersonId
from bridge.moments import defaults, drafts, mentions, numbers, responders, store
from bridge.moments.audience import Said
from bridge.moments.content import NOTHING
from bridge.moments.drafts import DRAFT, Draft
from bridge.moments.ends import parse_end
from bridge.moments.kinds import MOMENT
from bridge.moments.model import Moment
from bridge.moments.origin import Origin
from bridge.moments.service import Moments
from bridge.privacy import FRIENDS, Addressed, Audience, settings, undo

DUE = "draft-due"
"""Kind of the row of the outbox that is rendered when a scheduled post's time has come; its ref is the draft."""
_LOOK_BACK = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a post would reach, as far as its author may know: who hides the author counts as if not."""

    to: Addressed
    named_tags: frozenset[int]
    people: tuple[PersonId, ...]
    strangers: bool
    """Strangers who look see it too."""

    def goes_beyond(self, other: "Reach") -> bool:
        return not set(self.people) <= set(other.people) or (self.strangers and not other.strangers)


class Publisher:
    """All methods run inside the transaction that they are given."""

    def __init__(self, moments: Moments, outbox: Outbox) -> None:
        self._moments = moments
        self._outbox = outbox
        self.limits = moments.limits

    def reach(self, tx: Tx, author: Person, said: Said) -> Reach:
        """Whom these words reach now.

        Raises:
            UserError: somebody or some tag named is not there.
        """
        return self._reach(tx, author.id, *self._moments.resolve(tx, author, said))

    def wider_than(self, tx: Tx, author: Person, reach: Reach) -> Text | None:
        """When it reaches others than the author's last post for anybody: whom that one was for. None: it does not."""
        if not self.limits.confirm_wider:
            return None
        last = self._last(tx, author)
        if last.to == reach.to or not reach.goes_beyond(last):
            return None
        return described(tx, author.id, last.to, last.named_tags)

    def check(self, tx: Tx, author: Person, draft: Draft) -> Reach:
        """Whether it could be published now.

        Raises:
            UserError: it is empty or too long, has too many pictures, or somebody named is not there.
        """
        if draft.poll and not draft.text:
            raise UserError("poll-question")
        self._moments.text(draft.text, empty_ok=bool(draft.pictures or draft.place is not None))
        if len(draft.pictures) > self.limits.pictures:
            raise UserError("moment-pictures", limit=self.limits.pictures)
        if draft.responses is not None:
            responders.named(tx, author, draft.responses)
        self._end(author, draft, tx.now if draft.due_at is None else draft.due_at)
        self._moments.check_mentions(tx, author, draft.text, draft.to)
        return self.reach(tx, author, draft.to)

    def publish(self, tx: Tx, author: Person, draft: Draft) -> Moment:
        """Make it a moment. Its audience is looked up now.

        Raises:
            UserError: see `check`; then nothing is published.
        """
        who = None if draft.responses is None else responders.named(tx, author, draft.responses)
        ends = self._end(author, draft, tx.now)
        content = replace(draft.content, origin=self._origin(tx, author, draft))
        moment = self._moments.post(tx, author, draft.to, content, [shot.picture for shot in draft.pictures])
        responders.save(tx, moment.id, who)
        if ends is not None:
            self._moments.expire(tx, moment, ends)
        for event_id in draft.events:
            sources.record(tx, draft.account, event_id, author.id, MOMENT, moment.id)
        undo.record(tx, author.id, self.limits.undo_ms, undo.POST, moment.id)
        return moment

    def describe(self, tx: Tx, author: Person, moment_id: int, alt: str, index: int = 0) -> bool:
        """Say what a picture of one's moment shows, by its place from 0. False when there is none."""
        return self._moments.describe(tx, author, moment_id, alt, index)

    def own(self, tx: Tx, author: Person, number: int) -> Moment:
        """One's own moment by its number.

        Raises:
            UserError: it is somebody else's, or there is none.
        """
        moment = self._moments.numbered(tx, author, number)
        if moment.author != author.id:
            raise UserError("moment-none", number=number)
        return moment

    def schedule(self, tx: Tx, author: Person, draft: Draft) -> Draft:
        """Have it published at `due_at`.

        Raises:
            UserError: see `check`; or it is too far ahead, or in the past.
        """
        assert draft.due_at is not None
        self.check(tx, author, draft)
        if draft.due_at <= tx.now:
            raise UserError("when-past")
        if draft.due_at > tx.now + self.limits.schedule_ms:
            raise UserError("when-too-far", days=self.limits.schedule_ms // 86_400_000)
        self._outbox.withdraw(tx, DUE, draft.id)
        self._outbox.copy(tx, author.id, DUE, draft.id, delay_ms=draft.due_at - tx.now)
        return draft

    def unschedule(self, tx: Tx, draft: Draft) -> None:
        self._outbox.withdraw(tx, DUE, draft.id)

    def check_size(self, draft: Draft) -> None:
        """Raises UserError when its texts together are too long for one moment."""
        self._moments.text(draft.text, empty_ok=True)

    def published(self, tx: Tx, author: Person, draft: Draft) -> Text | None:
        """What its author is told of a draft that was published; None: it is deleted already."""
        moment = None if draft.moment_id is None else self._moments.visible(tx, author, draft.moment_id)
        return None if moment is None else self.posted(tx, author, moment)

    def forget(self, tx: Tx, draft: Draft) -> None:
        """Throw a draft away, with all that waits for its time."""
        self._outbox.withdraw(tx, DUE, draft.id)
        sources.forget(tx, DRAFT, draft.id)
        drafts.delete(tx, draft.id)

    def posted(self, tx: Tx, author: Person, moment: Moment) -> Text:
        """What its author is told of a moment that was published just now."""
        number = numbers.number_of(tx, author.id, moment.id)
        if moment.to.kind is Audience.PRIVATE:
            return Text("posted-private", {"number": number})
        count = len(self._moments.audience_now(tx, moment))
        if moment.to == FRIENDS:
            if not count:
                return Text("posted-no-friends", {"number": number})
            return Text("posted-friends", {"number": number, "count": count})
        audience = described(tx, author.id, moment.to, moment.named_tags)
        message_id = "posted-people"
        if moment.to.kind is Audience.PUBLIC:
            strangers = settings.load(tx, author.id).strangers
            message_id = "posted-public" if strangers else "posted-public-friends"
        return Text(message_id, {"number": number, "count": count, "audience": audience})

    def for_whom(self, tx: Tx, author: PersonId, reach: Reach) -> Text:
        """Whom a post is for, how many these are, and the first of them by name."""
        audience = described(tx, author, reach.to, reach.named_tags)
        if reach.to.kind is Audience.PRIVATE:
            return Text("draft-for-nobody", {"audience": audience})
        message_id = "draft-for-public" if reach.strangers else "draft-for"
        people = self._named(tx, author, reach.people)
        return Text(message_id, {"audience": audience, "count": len(reach.people), "people": people})

    def lookalikes(self, tx: Tx, author: Person, draft: Draft) -> list[Text]:
        """What in its audience may pass for something else."""
        try:
            reach = self.reach(tx, author, draft.to)
        except UserError:
            return []
        users = sorted(user_ids(tx, reach.people).values())
        named = lookalikes.of_tags(tx, author.id, reach.to.all_tags | reach.named_tags)
        return named + lookalikes.of_people(tx, author.id, users)

    # --- inside ---------------------------------------------------------------------------------------------
    @staticmethod
    def _end(author: Person, draft: Draft, published_at: int) -> int | None:
        """When it ends, ms, if it is published at a time (ms)."""
        return None if draft.expires is None else parse_end(draft.expires, published_at, author.time_zone)

    @staticmethod
    def _origin(tx: Tx, author: Person, draft: Draft) -> Origin:
        """Which messages brought what; of a single one that is plain."""
        heads = dict(draft.heads)
        if heads.pop("geo", None) is not None and draft.place is not None:
            heads["geo"] = draft.place.shown.uri  # a place that was made coarse, or taken out, is forgotten as it was
        origin = Origin(heads=tuple(sorted(heads.items())))
        if len({*draft.events}) < 2:
            return origin
        # As long as they are when names in them are Matrix ids.
        texts = ((piece.event_id, len(mentions.find(tx, author.id, piece.text).text)) for piece in draft.texts)
        return replace(origin, texts=tuple(texts), pictures=tuple(shot.event_id for shot in draft.pictures))

    def _reach(self, tx: Tx, author: PersonId, to: Addressed, named_tags: frozenset[int]) -> Reach:
        planned = Moment(0, author, NOTHING, to, named_tags, tx.now, None)
        people = tuple(self._moments.audience_now(tx, planned))
        strangers = to.kind is Audience.PUBLIC and settings.load(tx, author).strangers
        return Reach(to, named_tags, people, strangers)

    def _last(self, tx: Tx, author: Person) -> Reach:
        """Whom the last post for anybody else would reach now; before the first, whom posts are usually for."""
        for moment in store.newest_by(tx, author.id, author.id, None, None, _LOOK_BACK):
            if moment.to.kind is not Audience.PRIVATE:
                return self._reach(tx, author.id, moment.to, moment.named_tags)
        try:
            return self.reach(tx, author, defaults.load(tx, author.id))
        except UserError:
            return self._reach(tx, author.id, Addressed(Audience.PRIVATE), frozenset())

    def _named(self, tx: Tx, author: PersonId, people: Sequence[PersonId]) -> Text:
        shown = people[: self.limits.shown_names]
        if not shown:
            return Text("audience-word-private")
        names = own_labels(tx, author, shown)
        listed = enumeration([names[person] for person in shown])
        if len(people) > len(shown):
            return Text("people-and-more", {"people": listed, "count": len(people) - len(shown)})
        return listed
