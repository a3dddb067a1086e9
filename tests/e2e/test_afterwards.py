"""What happens to a moment after it was posted, as clients show it: edited in place, narrowed, at once, expired."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.demo.synapse import Homeserver
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.flow import Three, answers, gone, meeting, nothing_new, number, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly, befriend, unique

pytestmark = pytest.mark.e2e
_WAIT = 60.0


@pytest.fixture(scope="module")
async def own_bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotProcess]:
    """A bot that edits copies soon, and may be restarted."""
    settings = {"moments": {"copy_edit_gather_seconds": 1, "copy_edits_per_hour": 3600}}
    directory: Path = tmp_path_factory.mktemp("afterwards")
    async with running_bot(directory, servers[0], unique("courtyard"), settings) as bot:
        yield bot


@pytest.fixture(scope="module")
async def friends(servers: tuple[Homeserver, Homeserver], js: JsProcess, own_bot: BotProcess) -> AsyncIterator[Three]:
    """Three people who are all friends."""
    async with meeting(servers, js, own_bot) as meet:
        three = Three(await meet("alice"), await meet("bob", olm=True), await meet("carol", 1))
        await befriend(three.alice, three.bob)
        await befriend(three.alice, three.carol)
        await befriend(three.bob, three.carol)
        yield three


async def read(reader: Friendly, text: str) -> Message:
    [found] = [m for m in await answers(reader, "feed") if text in m.body]
    return found


async def becomes(reader: Friendly, copy: Message, *words: str, without: str = "\0") -> None:
    """Wait until the very message that the person was shown says this."""
    await reader.client.wait_message(
        reader.room,
        lambda m: m.event_id == copy.event_id and all(word in m.body for word in words) and without not in m.body,
        _WAIT,
    )


async def test_copies_are_edited_in_place_for_those_whose_view_changed(friends: Three) -> None:
    alice, bob, carol = friends.alice, friends.bob, friends.carol
    text, word, other = canary(), canary(), canary()
    own = number(await alice.ask(f"post {text}"))
    for_bob, for_carol = await read(bob, text), await read(carol, text)
    count = len(shown(carol))
    assert await bob.ask(f"comment {number(for_bob)} {word}") == f"Your comment is on #{number(for_bob)}."
    await becomes(carol, for_carol, text, word)
    assert await alice.ask(f"edit {own} {other}") == f"#{own} is changed."
    await becomes(carol, for_carol, other, word, without=text)
    await becomes(bob, for_bob, other, without=text)
    assert len(shown(carol)) == count, "nothing new stands in the chat"


async def test_another_audience(friends: Three) -> None:
    alice, bob, carol = friends.alice, friends.bob, friends.carol
    text = canary()
    own = number(await alice.ask(f"post {text}"))
    for_bob, for_carol = await read(bob, text), await read(carol, text)
    answer = await alice.ask(f"audience {own} {carol.user_id}")
    assert answer.startswith(f"#{own} is for {carol.user_id} now: one friend.")
    await gone(bob, for_bob.event_id)
    assert (await bob.ask(f"moment {number(for_bob)}")).startswith("There is no moment")
    asked = await alice.ask(f"audience {own} friends")
    assert f"one more friend sees it: {bob.user_id}" in asked
    assert (await bob.ask(f"moment {number(for_bob)}")).startswith("There is no moment")
    assert (await alice.ask("1")).startswith(f"#{own} is for your friends now: 2 friends.")
    [again] = await answers(bob, f"moment {number(for_bob)}")
    assert text in again.body
    assert (await alice.ask("undo")).startswith(f"#{own} is for {carol.user_id} now: one friend.")
    await gone(bob, again.event_id)
    assert not [m for m in shown(carol) if m.event_id == for_carol.event_id and m.redacted]


async def test_who_wants_to_know_at_once(friends: Three) -> None:
    alice, bob, carol = friends.alice, friends.bob, friends.carol
    text = canary()
    assert (await carol.ask("notify now")).startswith("You get each new moment at once.")
    marks = bob.client.mark(), carol.client.mark()
    await alice.ask(f"post {text}")
    await told(carol, marks[1], text, "· new ·")
    await nothing_new(bob, marks[0])
    await carol.ask("notify digest")


async def test_a_moment_ends_everywhere(friends: Three) -> None:
    alice, bob, carol = friends.alice, friends.bob, friends.carol
    text = canary()
    own = number(await alice.ask(f"post {text}"))
    for_bob, for_carol = await read(bob, text), await read(carol, text)
    assert (await alice.ask(f"expire {own} 1m")).startswith(f"#{own} is there until ")
    for reader, copy in ((bob, for_bob), (carol, for_carol)):
        await reader.client.wait_message(
            reader.room,
            lambda m, copy=copy: m.redacted and m.event_id == copy.event_id,  # type: ignore[misc]
            120.0,
        )
        assert (await reader.ask(f"moment {number(copy)}")).startswith("There is no moment")
    assert (await alice.ask(f"moment {own}")).startswith("There is no moment")


async def test_drafts_survive_a_restart(friends: Three, own_bot: BotProcess) -> None:
    """M16: what was gathered, what was kept for later and what waits for its time, on the other server."""
    carol, bob = friends.carol, friends.bob
    gathered, later = canary(), canary()
    assert (await carol.ask(f"post at in 2 hours | {later}")).startswith("I'll post that")
    assert "draft is open" in await carol.ask("post")
    assert "one text" in await carol.ask(gathered)
    await own_bot.kill()
    await own_bot.start()
    drafts = await carol.ask("drafts")
    assert gathered in drafts
    assert later in drafts
    more = canary()
    assert "2 texts" in await carol.ask(more)
    posted = await carol.ask("1")
    assert posted.startswith("Posted as #"), posted
    copy = await read(bob, gathered)
    assert more in copy.body
    assert later not in "".join(m.body for m in await answers(bob, "feed"))
