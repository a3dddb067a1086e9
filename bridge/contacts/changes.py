"""Changing who sees what: every change looks before and after, says what differs, and takes back what was shown."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

from bridge.contacts import profiles
from bridge.db import Tx
from bridge.delivery.outbox import Outbox
from bridge.ids import PersonId
from bridge.privacy.impact import Impact

PROFILE = "profile"
"""Kind of the copies of profiles; the subject is the owner's row id."""


class Showing(Protocol):
    """What shows things of people to others, for instance moments. All inside the transaction of the change."""

    def before(self, tx: Tx, owner: PersonId, viewers: Iterable[PersonId] | None) -> Any:
        """Look before a change of what `owner` shows to these; None: to whoever it may concern."""
        ...

    def after(self, tx: Tx, before: Any, /) -> Impact:
        """Compare with what was seen before, and take back every copy of what may no longer be seen."""
        ...

    def forget_tag(self, tx: Tx, tag_id: int, members: Sequence[PersonId]) -> None:
        """A tag is about to be deleted: whom it left out stays left out."""
        ...


_Fields: TypeAlias = dict[PersonId, frozenset[profiles.Shown]]
"""Viewer → what they see of a profile."""


class Changes:
    def __init__(self, outbox: Outbox, showing: Showing) -> None:
        self._outbox = outbox
        self.showing = showing

    def make(self, tx: Tx, owner: PersonId, viewers: Iterable[PersonId] | None, change: Callable[[], object]) -> Impact:
        """Do `change`, which concerns what `owner` shows to `viewers` (None: to anybody)."""
        some = None if viewers is None else sorted(set(viewers))
        before = self.showing.before(tx, owner, some)
        fields = self._fields(tx, owner, some)
        change()
        self._take_back(tx, owner, fields)
        return self.showing.after(tx, before)

    def make_between(self, tx: Tx, person: PersonId, other: PersonId, change: Callable[[], object]) -> Impact:
        """Do `change`, which concerns what two people show each other; what differs for `other` is told."""
        theirs = self.showing.before(tx, other, [person])
        their_fields = self._fields(tx, other, [person])
        impact = self.make(tx, person, [other], change)
        self._take_back(tx, other, their_fields)
        self.showing.after(tx, theirs)
        return impact

    def make_profile(self, tx: Tx, owner: PersonId, change: Callable[[], object]) -> None:
        """Do `change`, which concerns the owner's profile alone: what is in it, or for whom a field is."""
        fields = self._fields(tx, owner, None)
        change()
        self._take_back(tx, owner, fields)

    def _fields(self, tx: Tx, owner: PersonId, viewers: Sequence[PersonId] | None) -> _Fields:
        """What those who have a copy of the profile see of it."""
        holders = self._outbox.holders(tx, PROFILE, owner)
        if viewers is not None:
            holders = [person for person in holders if person in viewers]
        return {viewer: self._visible(tx, owner, viewer) for viewer in holders if viewer != owner}

    def _take_back(self, tx: Tx, owner: PersonId, before: _Fields) -> None:
        for viewer, fields in before.items():
            if fields - self._visible(tx, owner, viewer):
                self._outbox.withdraw(tx, PROFILE, owner, only_for=viewer)

    @staticmethod
    def _visible(tx: Tx, owner: PersonId, viewer: PersonId) -> frozenset[profiles.Shown]:
        return frozenset(one.shown for one in profiles.visible(tx, viewer, owner))
