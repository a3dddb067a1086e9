"""What is looked up for many readers at once, on every engine; also when there are none."""

from bridge.chat.people import People
from bridge.db import Database, Tx
from bridge.ids import UserId
from bridge.moments import numbers, store
from bridge.moments.content import Content
from bridge.moments.notify import quiet_among
from bridge.moments.part_copies import for_many
from bridge.privacy.audience import FRIENDS

PEOPLE = 5


def test_a_moment_for_many(database: Database) -> None:
    people = People()

    def work(tx: Tx) -> None:
        alice, *others = [people.ensure(tx, UserId(f"@p{number}:x.org")) for number in range(PEOPLE)]
        *friends, stranger = others
        pairs = [pair for one in friends for pair in ((alice.id, one.id, 0), (one.id, alice.id, 0))]
        tx.sql("INSERT INTO friendships (person_id, friend_id, since) VALUES (?, ?, ?)", pairs)
        tx.sql(
            "INSERT INTO notify_settings (person_id, mode, quiet_from, quiet_to) VALUES (?, 'now', 60, 120)",
            (friends[1].id,),
        )
        for number in (1, 2):
            moment_id = store.add_moment(tx, alice.id, Content(text="Hello"), FRIENDS)
            found = for_many(tx, others, moment_id)
            assert found == for_many(tx, others, moment_id)
            assert found[stranger.id] is None
            assert all(found[one.id] is not None for one in friends)
            assert numbers.numbers_for(tx, [one.id for one in friends], moment_id) == {
                one.id: number for one in friends
            }
        assert for_many(tx, [], moment_id) == {}
        assert for_many(tx, [stranger], moment_id) == {stranger.id: None}
        assert quiet_among(tx, []) == []
        assert quiet_among(tx, [one.id for one in others]) == [friends[1].id]

    database.run_sync(work)
