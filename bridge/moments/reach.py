"""How far a moment may have come: for whom it was, now or earlier, and in which chats it can't be taken back.

Nothing here looks at copies, likes or who reads: a total that did would be a read receipt where it counts one person.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.chat.people import People, user_ids
from bridge.contacts import tags
from bridge.contacts.store import friend_ids
from bridge.db import Tx
from bridge.ids import PersonId, server_name
from bridge.moments import numbers
from bridge.moments.items import Items
from bridge.moments.model import Moment
from bridge.privacy import Audience


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    people: int
    """Whom it was for, of this server."""
    unreached: int
    """Of these, whose chats the bot can't take anything back in."""


@dataclass(frozen=True, slots=True)
class Reach:
    """For whom a moment was: the author not counted, nor strangers."""

    people: frozenset[PersonId]
    public: bool
    """It was for strangers too, now or earlier."""
    since: int
    """When it was posted, ms."""

    def servers(self, tx: Tx, people: People) -> list[Server]:
        """Totals by server, the largest first."""
        known = user_ids(tx, self.people)
        out = people.out_of_reach(tx, known, self.since)
        counts = Counter(server_name(user) for user in known.values())
        unreached = Counter(server_name(known[person]) for person in out)
        found = [Server(name, count, unreached[name]) for name, count in counts.items()]
        return sorted(found, key=lambda server: (-server.people, server.name))


def candidates(tx: Tx, moment: Moment) -> Sequence[PersonId]:
    """The friends whom the audience of a moment may mean now; whether they see it is decided elsewhere."""
    if moment.to.kind in (Audience.FRIENDS, Audience.PUBLIC):
        return friend_ids(tx, moment.author)
    if moment.to.kind is Audience.PEOPLE:
        return sorted({*moment.to.people, *tags.members(tx, moment.to.tags)})
    return ()


def meant_now(tx: Tx, moment: Moment) -> set[PersonId]:
    """Whom it is for now, as far as its author may know, however old it is: time takes no copy back."""
    some = candidates(tx, moment)
    items = Items(tx, [moment.author], some, [moment])
    friends = (person for person in some if items.world.friends(person, moment.author))
    return {person for person in friends if items.as_author_knew(person, moment)}


def of(tx: Tx, moment: Moment) -> Reach:
    """For whom a moment is, or was earlier."""
    rows = tx.sql("SELECT person_id FROM moment_once_seen WHERE moment_id = ?", (moment.id,)).scalars()
    once = {PersonId(person) for person in rows}
    was_public = tx.sql("SELECT once_public FROM moments WHERE id = ?", (moment.id,)).scalar()
    public = moment.to.kind is Audience.PUBLIC or bool(was_public)
    return Reach(frozenset(meant_now(tx, moment) | once), public, moment.created_at)


def note_lost(tx: Tx, lost: Iterable[tuple[PersonId, int]]) -> None:
    """(person, moment): friends who saw what they do no longer."""
    tx.sql(
        "INSERT INTO moment_once_seen (moment_id, person_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(moment_id, person) for person, moment_id in sorted(set(lost))],
    )


# --- moments that are gone ----------------------------------------------------------------------------------
def keep(tx: Tx, moment: Moment, ms: int) -> None:
    """A moment is about to be deleted: remember for a while for whom it was, and nothing else of it."""
    number, reach = numbers.known(tx, moment.author, moment.id), of(tx, moment)
    if number is None or not (reach.people or reach.public):
        return
    value = {"people": sorted(reach.people), "public": reach.public, "at": reach.since}
    # Sealed as if it were a row of its author: numbers are theirs, and never used again.
    sealed = tx.vault.seal(moment.author, "gone_moments", number, "sealed", value)
    tx.sql(
        "INSERT INTO gone_moments (person_id, number, sealed, until) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (moment.author, number, sealed, tx.now + ms),
    )


def of_gone(tx: Tx, author: PersonId, number: int) -> Reach | None:
    """For whom somebody's moment was that is gone. None: there was none, or that was long ago."""
    row = tx.sql(
        "SELECT sealed FROM gone_moments WHERE person_id = ? AND number = ? AND until > ?", (author, number, tx.now)
    ).first()
    value = None if row is None else tx.vault.read(author, "gone_moments", number, "sealed", row.sealed)
    if value is None:
        return None
    return Reach(frozenset(map(PersonId, value["people"])), value["public"], value["at"])


def forget_old(tx: Tx) -> None:
    """Forget what is kept of moments that are long gone."""
    tx.sql("DELETE FROM gone_moments WHERE until <= ?", (tx.now,))
