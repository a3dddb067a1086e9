"""Somebody with many friends who post much, in a real database file; made by the stores, in bulk."""

import contextlib
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.chat.catalogue import Catalogue
from bridge.chat.command import Person
from bridge.chat.people import People
from bridge.db import Database, Tx
from bridge.db.tables import metadata
from bridge.delivery.outbox import Outbox
from bridge.delivery.ports import Renderer
from bridge.ids import PersonId, UserId
from bridge.moments import commands
from bridge.moments.service import Moments
from tests.vaults import new_vault

WORDS = "The first frost came in the night, and the pumpkins are all in the barn by now. " * 3
DAY = 24 * 3600 * 1000
_BATCH = 2000


@dataclass
class Crowd:
    """What is measured is done by `reader`."""

    db: Database
    people: People
    moments: Moments
    renderers: dict[str, Renderer]
    reader: Person
    friends: list[PersonId]
    statements: list[str] = field(default_factory=list)
    """All that were executed since it was emptied."""

    def of(self, person: PersonId) -> UserId:
        return UserId(f"@friend{self.friends.index(person)}:x.org")

    def run(self, work: Any) -> Any:
        return self.db.run_sync(work)

    def count(self, work: Any) -> int:
        """How many statements a transaction takes, its beginning and end left out."""
        self.statements.clear()
        self.run(work)
        return len(self.statements)


@contextlib.contextmanager
def crowd(path: Path, friends: int, posts: int) -> Iterator[Crowd]:
    """`posts` in all, by turns of all friends, the newest now. Everybody has a name that their friends see."""
    vault = new_vault()
    db = Database.open(f"sqlite:///{path}", vault=vault)
    raw = db.engine.raw_connection()
    # What is measured is the program; waiting for the disk would only make it take longer.
    raw.cursor().execute("PRAGMA synchronous=OFF").close()
    raw.close()
    metadata.create_all(db.engine)
    now = 1_750_000_000_000
    db.clock = lambda: now
    people = People(new_id=itertools.count(1).__next__)
    outbox = Outbox(people, Catalogue.load(strict=True), lambda: None)
    built = commands.build(outbox, people, lambda text: None)

    def meet(tx: Tx) -> tuple[Person, list[PersonId]]:
        tx.sql("INSERT INTO accounts (id, user_id, instance, created_at) VALUES (1, '@bot:x.org', 'i', 0)")
        reader = people.ensure(tx, UserId("@reader:x.org"))
        others = [people.ensure(tx, UserId(f"@friend{number}:x.org")).id for number in range(friends)]
        pairs = [(a, b, now) for other in others for a, b in ((reader.id, other), (other, reader.id))]
        tx.sql("INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, ?)", pairs)
        named = [
            (one, "name", tx.vault.seal(one, "profile_fields", "name", "sealed", f"Friend {one}"), now)
            for one in others
        ]
        tx.sql("INSERT INTO profile_fields (person_id, field, sealed, updated_at) VALUES (?, ?, ?, ?)", named)
        return reader, others

    reader, others = db.run_sync(meet)

    def post(start: int, tx: Tx) -> None:
        rows = []
        some = range(start, min(start + _BATCH, posts))
        for number, moment_id in zip(some, tx.new_ids("moments", len(some)), strict=True):
            author = others[number % len(others)]
            sealed = tx.vault.seal(author, "moments", moment_id, "sealed", {"text": WORDS})
            rows.append((moment_id, author, sealed, now - (posts - number) * 1000))
        tx.sql("INSERT INTO moments (id, author_id, sealed, audience, created_at) VALUES (?, ?, ?, 'friends', ?)", rows)

    for start in range(0, posts, _BATCH):
        db.run_sync(functools.partial(post, start))
    db.run_sync(lambda tx: tx.sql("ANALYZE"))
    made = Crowd(db, people, built.service, dict(built.renderers), reader, others)
    db.watch = made.statements.append
    try:
        yield made
    finally:
        db.engine.dispose()
        vault.keys.close()
