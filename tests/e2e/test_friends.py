"""Finding friends: asking, accepting, declining, parting, profiles. One of the people is on the other server."""

from __future__ import annotations

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, nothing_new, settled, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import PASSWORD, Friendly

pytestmark = pytest.mark.e2e

ASKED = "Your request waits for {} now. When they accept, I will tell you."


async def ask_for_friendship(one: Friendly, other: Friendly, note: str = "") -> str:
    """`one` asks `other`; the event id of the question that arrives there."""
    mark = other.client.mark()
    assert await one.ask(f"friend add {other.user_id} {note}") == ASKED.format(other.user_id)
    return (await told(other, mark, one.user_id, note, "1 — accept", "2 — decline")).event_id


async def are_friends(one: Friendly, other: Friendly) -> bool:
    lists = [await one.ask("friends"), await other.ask("friends")]
    there = [other.user_id in lists[0].splitlines(), one.user_id in lists[1].splitlines()]
    assert there[0] == there[1], lists
    return there[0]


@pytest.mark.parametrize(
    ("olm", "ways"),
    [(False, ("1", "👍", "friend accept {}")), (True, ("friend accept 1", "1️⃣"))],
    ids=["element", "libolm"],
)
async def test_every_way_to_accept(meet: Meet, olm: bool, ways: tuple[str, ...]) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=olm)
    for way in ways:
        note = canary()
        question = await ask_for_friendship(alice, carol, note)
        mark, carols_mark = alice.client.mark(), carol.client.mark()
        if way.startswith(("1️", "👍")):
            await carol.client.react(carol.room, question, way)
            await told(carol, carols_mark, f"You and {alice.user_id} are friends now.")
        else:
            assert await carol.ask(way.format(alice.user_id)) == f"You and {alice.user_id} are friends now."
        await told(alice, mark, f"You and {carol.user_id} are friends now.")
        assert await are_friends(alice, carol)
        assert (await carol.ask("friend accept 1")).startswith("There is no open request 1.")

        mark = carol.client.mark()
        assert f"{carol.user_id} is no longer among your friends" in await alice.ask(f"friend remove {carol.user_id}")
        await nothing_new(carol, mark)
        assert not await are_friends(alice, carol)


async def test_a_declined_request_looks_like_an_ignored_one(meet: Meet) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    await ask_for_friendship(alice, bob, canary())
    await ask_for_friendship(alice, carol, canary())
    mark = alice.client.mark()
    assert await bob.ask("2") == f"Declined. {alice.user_id} is not told."
    await nothing_new(alice, mark)

    # Whatever she tries, the one who declined looks like the one who does nothing.
    mark = bob.client.mark()
    for command in (
        "friend add {}",
        "profile {}",
        "album {}",
        "post to {} | hello",
        "friend remove {}",
        "friend add {}",
    ):
        declined = await alice.ask(command.format(bob.user_id))
        ignored = await alice.ask(command.format(carol.user_id))
        assert declined.replace(bob.user_id, "x") == ignored.replace(carol.user_id, "x")
        listed = await alice.ask("friends")
        assert bob.user_id not in listed
        assert carol.user_id not in listed
    await nothing_new(bob, mark)

    # He can change his mind: to add her is to accept her.
    mark = alice.client.mark()
    assert await bob.ask(f"friend add {alice.user_id}") == f"You and {alice.user_id} are friends now."
    await told(alice, mark, f"You and {bob.user_id} are friends now.")


async def test_asking_somebody_who_has_no_chat_yet(
    meet: Meet, servers: tuple[Homeserver, Homeserver], bot: BotProcess
) -> None:
    alice, bob = await meet("alice"), await meet("bob", olm=True)
    note = canary()
    name = unique("carol")
    carol_id = await servers[1].register(name, PASSWORD)
    nobody = servers[1].user_id(unique("carol"))
    assert await alice.ask(f"friend add {bob.user_id}") == ASKED.format(bob.user_id)
    assert await alice.ask(f"friend add {carol_id} {note}") == ASKED.format(carol_id)
    assert await alice.ask(f"friend add {nobody}") == ASKED.format(nobody)

    carol = await meet(name, 1, exact=True)
    request = await told(carol, 0, alice.user_id, note, "1 — accept")
    assert not request.shield
    # First what this is, then who wants something.
    assert [m.body.split()[0] for m in shown(carol)] == ["Hello!", alice.user_id]
    mark = alice.client.mark()
    assert await carol.ask("1") == f"You and {alice.user_id} are friends now."
    await told(alice, mark, f"You and {carol.user_id} are friends now.")


async def test_two_who_add_each_other_are_friends(meet: Meet) -> None:
    alice, carol = await meet("alice", olm=True), await meet("carol", 1)
    await ask_for_friendship(alice, carol)
    mark = alice.client.mark()
    assert await carol.ask(f"friend add {alice.user_id} me too") == f"You and {alice.user_id} are friends now."
    await told(alice, mark, f"You and {carol.user_id} are friends now.")
    assert await are_friends(alice, carol)
    # The question is closed: its number means nothing any more.
    assert (await carol.ask("2")).startswith("No question is open")
    assert await are_friends(alice, carol)


async def test_profiles_are_for_friends(meet: Meet, servers: tuple[Homeserver, Homeserver]) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1)
    name, bio = canary(), canary()
    assert await carol.ask(f"profile set name {name}") == "Done: your name is changed."
    assert await carol.ask(f"profile set bio I am {bio}\nand like lakes") == "Done: your bio is changed."
    own = await carol.ask("profile")
    assert carol.user_id in own
    assert name in own
    assert bio in own

    # A stranger learns nothing, not even whether there is anybody.
    nobody = servers[1].user_id(unique("carol"))
    before = await alice.ask(f"profile {carol.user_id}")
    assert before.replace(carol.user_id, "x") == (await alice.ask(f"profile {nobody}")).replace(nobody, "x")
    await ask_for_friendship(carol, alice)
    assert await alice.ask(f"profile {carol.user_id}") == before
    assert not [m for m in shown(alice) if name in m.body or bio in m.body]

    await alice.ask("1")
    seen = await alice.ask(f"profile {carol.user_id}")
    assert f"Name: {name}" in seen
    assert f"I am {bio}\nand like lakes" in seen
    assert f"{name} ({carol.user_id})" in await alice.ask("friends")
    assert await carol.ask("profile set bio") == "Done: your bio is empty now."
    assert bio not in await alice.ask(f"profile {carol.user_id}")

    await carol.ask(f"friend remove {alice.user_id}")
    assert await alice.ask(f"profile {carol.user_id}") == before
    await settled(alice)
