"""Somebody through whose eyes an owner looks at their own things: a person, anyone in a tag, a stranger."""

from dataclasses import dataclass, replace

from bridge.chat.people import NOBODY
from bridge.db import Tx
from bridge.ids import PersonId
from bridge.privacy.model import Item, World, may_see
from bridge.privacy.rules import Decision
from bridge.privacy.world import load_world

_IN_TAG = PersonId(-2)
"""Another id that nobody has."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A viewer in the world as the owner may know it: what others decided about the owner in silence is not in it."""

    id: PersonId
    world: World
    is_friend: bool
    tag: int | None = None
    """Somebody who has always been in this tag."""

    def sees(self, item: Item) -> Decision:
        return may_see(self.id, item, self.world)


def person(tx: Tx, owner: PersonId, viewer: PersonId, tags: frozenset[int]) -> Viewer:
    """A person. `tags`: those that the owner's audiences name."""
    world = load_world(tx, [owner, viewer], [], tags).known_to(owner)
    return Viewer(viewer, world, world.friends(owner, viewer))


def anyone_in(tx: Tx, owner: PersonId, tag: int, *, shut_out: bool) -> Viewer:
    """A friend who has always been in this tag and is in no other, and about whom nothing else was said."""
    world = load_world(tx, [owner], [])
    pair = (owner, _IN_TAG)
    return Viewer(
        _IN_TAG,
        replace(
            world,
            links=frozenset({pair, (_IN_TAG, owner)}),
            tagged=frozenset({(tag, _IN_TAG)}),
            shut_out=frozenset({pair}) if shut_out else frozenset(),
        ),
        True,
        tag,
    )


def stranger(tx: Tx, owner: PersonId) -> Viewer:
    """Somebody who is no friend and is named nowhere."""
    return Viewer(NOBODY, load_world(tx, [owner], []), False)
