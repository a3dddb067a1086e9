"""A moment for many readers at once reads for each as it does for that one alone."""

from collections.abc import Iterator

import pytest

from bridge.chat.command import Person
from bridge.chat.reply import Message
from bridge.db import Tx
from bridge.delivery.ports import ForMany
from bridge.ids import PersonId
from bridge.moments.kinds import MOMENT
from tests.features.settled import Settled
from tests.features.village import Village, user_id

READERS = ("bob", "carol", "dave", "erin", "frank", "grace", "heidi")


class _Undo(Exception):
    """Leaves a transaction without a trace."""


@Settled
def _differ(village: Village) -> None:
    village.open("alice", *READERS, "mallory")
    for name in READERS:
        village.befriend("alice", name)
    village.say("alice", "profile set name Alice")
    village.say("alice", "privacy set name friends except @carol:x.org")
    village.say("bob", "remark @alice:x.org Allie")
    village.say("dave", "notify now")
    village.say("dave", "language zh")
    village.say("alice", "post Before")
    village.say("erin", "feed")
    for name, other in (("alice", "frank"), ("grace", "alice")):
        village.say(name, f"privacy set mine @{other}:x.org off")
        village.say(name, f"privacy set theirs @{other}:x.org off")


@pytest.fixture
def village() -> Iterator[Village]:
    """Alice has friends who differ in all that matters to how her moment reads, or whether it does."""
    village = _differ()
    yield village
    village.close()


def both(village: Village, moment_id: int) -> tuple[dict[PersonId, Message | None], dict[PersonId, Message | None]]:
    """What each reader gets by herself, and together with the others; nothing of it stays."""
    renderer = village.renderers[MOMENT]
    assert isinstance(renderer, ForMany)
    found: list[dict[PersonId, Message | None]] = []

    def readers(tx: Tx) -> list[Person]:
        return [village.people.ensure(tx, user_id(name)) for name in (*READERS, "mallory")]

    def alone(tx: Tx) -> None:
        found.append({reader.id: renderer.one(tx, reader, moment_id) for reader in readers(tx)})
        raise _Undo

    def together(tx: Tx) -> None:
        found.append(dict(renderer.many(tx, readers(tx), moment_id)))
        raise _Undo

    for work in (alone, together):
        with pytest.raises(_Undo):
            village.db.run_sync(work)
    return found[0], found[1]


def last_moment(village: Village) -> int:
    return int(village.db.run_sync(lambda tx: tx.sql("SELECT MAX(id) FROM moments").scalar_one()))


@pytest.mark.parametrize(
    "posted",
    [
        "post Hello",
        "post to friends except @heidi:x.org | Hello",
        "post to public | Hello",
        "post to @bob:x.org @carol:x.org | Hello",
        "post for 1h | Hello",
        "post warn Spiders | Hello",
    ],
)
def test_it_reads_the_same(village: Village, posted: str) -> None:
    village.say("alice", posted)
    alone, together = both(village, last_moment(village))
    assert together == alone
    names = {village.db.run_sync(lambda tx: village.people.ensure(tx, user_id(name)).id): name for name in READERS}  # noqa: B023
    seeing = {names[reader] for reader, message in alone.items() if message is not None and reader in names}
    assert {"bob", "carol"} <= seeing
    assert not seeing & {"frank", "grace"}


def test_who_read_it_before_is_told_so(village: Village) -> None:
    for number in range(7):
        village.say("alice", f"post Number {number}")
    village.say("bob", "feed")
    village.say("carol", "feed")
    for moment_id in range(1, last_moment(village) + 1):
        alone, together = both(village, moment_id)
        assert together == alone


def test_once_somebody_responded_everybody_is_asked_about_alone(village: Village) -> None:
    village.say("alice", "post Hello")
    village.say("bob", "feed")
    village.say("bob", "like 1")
    assert both(village, last_moment(village))[1] == {}


def test_what_is_gone_is_for_nobody(village: Village) -> None:
    alone, together = both(village, 10_000)
    assert together == alone
    assert not any(together.values())


def test_its_author_is_asked_about_alone(village: Village) -> None:
    village.say("alice", "post Hello")
    renderer = village.renderers[MOMENT]
    assert isinstance(renderer, ForMany)
    ref_id = last_moment(village)

    def work(tx: Tx) -> None:
        alice, bob = (village.people.ensure(tx, user_id(name)) for name in ("alice", "bob"))
        assert set(renderer.many(tx, [alice, bob], ref_id)) == {bob.id}

    village.db.run_sync(work)


def test_one_that_can_not_be_rendered_together_is_sent_all_the_same(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in READERS:
        village.say(name, "notify now")
    monkeypatch.setattr("bridge.moments.part_copies.numbers.numbers_for", lambda *args: 1 / 0)
    before = len(village.rooms["bob"].events)
    village.say("alice", "post Hello")
    village.wait(1000)
    [shown] = village.rooms["bob"].events[before:]
    assert "Hello" in shown.body
