"""For whom something is: a moment, a field of a profile."""

from dataclasses import dataclass, replace
from enum import Enum

from bridge.ids import PersonId


class Audience(Enum):
    """The outer bound. One that is not in this list is nobody."""

    PUBLIC = "public"
    """Friends, and strangers as far as the owner lets strangers see anything."""
    FRIENDS = "friends"
    PRIVATE = "private"
    PEOPLE = "people"
    """Those who are named, as long as they are friends of the owner."""

    @staticmethod
    def of(name: str) -> "Audience | None":
        """The audience with this stored name; None for one that this version doesn't know."""
        return next((a for a in Audience if a.value == name), None)


@dataclass(frozen=True, slots=True)
class Addressed:
    """An audience in full. Who is left out is left out, whatever else names them."""

    kind: Audience | None
    """None: an audience that this version doesn't know, so nobody."""
    people: frozenset[PersonId] = frozenset()
    """Those named, and who was in the tags named when it was said; only for `Audience.PEOPLE`."""
    tags: frozenset[int] = frozenset()
    """Tags that are followed live: who is in them now; only for `Audience.PEOPLE`."""
    except_people: frozenset[PersonId] = frozenset()
    except_tags: frozenset[int] = frozenset()
    """Always live."""

    @property
    def all_tags(self) -> frozenset[int]:
        """Tags whose members a decision must know."""
        return self.tags | self.except_tags

    def without_tag(self, tag: int, members: frozenset[PersonId]) -> "Addressed":
        """The same once a tag is gone: whom it left out is left out by name, whom it let in live is no longer in."""
        if tag in self.except_tags:
            return replace(
                self,
                except_tags=self.except_tags - {tag},
                except_people=self.except_people | members,
                tags=self.tags - {tag},
            )
        return replace(self, tags=self.tags - {tag})

    def without(self, person: PersonId) -> "Addressed":
        """The same when somebody is named no more."""
        gone = {person}
        return replace(self, people=self.people - gone, except_people=self.except_people - gone)

    def leaving_out(self, person: PersonId) -> "Addressed":
        """The same but for one more person."""
        return replace(self, except_people=self.except_people | {person})


FRIENDS = Addressed(Audience.FRIENDS)
PRIVATE = Addressed(Audience.PRIVATE)
PUBLIC = Addressed(Audience.PUBLIC)
