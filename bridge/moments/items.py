"""Asks the policy about moments and what is said about them."""

from collections.abc import Iterable
from dataclasses import replace

from bridge.db import Tx
from bridge.ids import PersonId
from bridge.moments import responses, store
from bridge.moments.model import Comment, Moment
from bridge.privacy import Audience, Decision, MomentItem, ResponseItem, World, load_world, may_see
from bridge.privacy.model import STRANGERS_SEE


class Items:
    """Decisions about some moments between a few people (viewers, authors) and some others, in one world."""

    def __init__(self, tx: Tx, few: Iterable[PersonId], others: Iterable[PersonId], moments: Iterable[Moment]) -> None:
        self._tx = tx
        tags = {tag for moment in moments for tag in moment.to.all_tags}
        self.world: World = load_world(tx, few, others, tags)
        self._items: dict[tuple[PersonId, int], MomentItem] = {}
        self._ageless: dict[PersonId, World] = {}

    def item(self, viewer: PersonId, moment: Moment) -> MomentItem:
        """The moment as the policy has to know it to decide for `viewer`."""
        if moment.to.kind is not Audience.PUBLIC or viewer == moment.author:
            return moment.item
        if self.world.friends(viewer, moment.author):
            return moment.item
        key = (viewer, moment.id)
        if key not in self._items:
            newer = store.count_newer_public(self._tx, moment, viewer, STRANGERS_SEE)
            self._items[key] = moment.item_for_strangers(newer)
        return self._items[key]

    def sees(self, viewer: PersonId, moment: Moment) -> Decision:
        return may_see(viewer, self.item(viewer, moment), self.world)

    def as_author_knows(self, viewer: PersonId, moment: Moment) -> Decision:
        """The same, as far as the author may know it: without what the viewer decided about seeing the author."""
        return may_see(viewer, self.item(viewer, moment), self.world.known_to(moment.author))

    def as_author_knew(self, viewer: PersonId, moment: Moment) -> Decision:
        """The same, however old the moment is, and whether or not its time is over."""
        world = self._ageless.get(moment.author)
        if world is None:
            shows = {person: replace(one, window_ms=None) for person, one in self.world.shows.items()}
            world = replace(self.world.known_to(moment.author), shows=shows)
            self._ageless[moment.author] = world
        return may_see(viewer, replace(self.item(viewer, moment), expires_at=None), world)

    def is_over(self, moment: Moment) -> bool:
        """Whether time alone keeps it from everybody but its author: it has expired, or is older than they show."""
        shows, now = self.world.shows.get(moment.author), self.world.now
        if moment.expires_at is not None and moment.expires_at <= now:
            return True
        return shows is not None and shows.window_ms is not None and moment.created_at < now - shows.window_ms

    def sees_response(self, viewer: PersonId, moment: Moment, writer: PersonId) -> Decision:
        """Whether `viewer` sees a like or comment of `writer`. Only friends of the author write: what counts for the
        writer is the moment as friends know it."""
        return may_see(viewer, ResponseItem(self.item(viewer, moment), writer), self.world)


def visible(tx: Tx, reader: PersonId, moment_id: int) -> Moment | None:
    """The moment, when the reader may see it."""
    moment = store.moment(tx, moment_id)
    if moment is None or not Items(tx, [reader, moment.author], [], [moment]).sees(reader, moment):
        return None
    return moment


def visible_comment(tx: Tx, reader: PersonId, comment_id: int) -> tuple[Comment, Moment] | None:
    """The comment with its moment, when the reader may see it."""
    comment = responses.comment(tx, comment_id)
    moment = None if comment is None else store.moment(tx, comment.moment_id)
    if comment is None or moment is None:
        return None
    items = Items(tx, [reader, moment.author, comment.writer], [], [moment])
    return (comment, moment) if items.sees_response(reader, moment, comment.writer) else None
