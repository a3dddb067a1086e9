"""Posts of all kinds, with independent clients on two servers: taken back, scheduled, mentioning, asking, from a place,
and read in the compact form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.clients.js import JsClient
from tests.e2e.flow import Three, answers, gone, number, settled, told
from tests.e2e.leaks import canary
from tests.e2e.test_moments import find, post

pytestmark = pytest.mark.e2e


async def test_undo(three: Three) -> None:
    """X10: a post by mistake is gone on both servers; what was deleted comes back."""
    alice, bob, carol = three.alice, three.bob, three.carol
    text, kept = canary(), canary()
    await post(alice, f"post {text}")
    copies = [(reader, (await find(reader, text)).event_id) for reader in (bob, carol)]
    assert (await alice.ask("undo")).startswith("Taken back.")
    for reader, event_id in copies:
        await gone(reader, event_id)
        assert not [m for m in await answers(reader, "feed") if text in m.body]
    _, own = await post(alice, f"post {kept}")
    for_carol = await find(carol, kept)
    assert (await alice.ask(f"delete {own}")).startswith("Deleted.")
    await gone(carol, for_carol.event_id)
    assert (await alice.ask("undo")).startswith(f"#{own} is back.")
    assert (await find(carol, kept)).event_id != for_carol.event_id
    assert (await alice.ask("undo")).startswith("There is nothing to take back")


async def test_mentions_a_schedule_and_the_daily_message(three: Three) -> None:
    """M7, M16, M18: a ping for who is mentioned and nobody else, by an edit too; a post whose time comes; and daily
    how much is new."""
    alice, bob, carol = three.alice, three.bob, three.carol
    later, text, more = canary(), canary(), canary()
    mark = alice.client.mark()
    # Carol's daily message comes in a few minutes: by then there is something that she was not shown.
    soon = datetime.now(UTC) + timedelta(minutes=3)
    assert "once a day" in await carol.ask(f"notify at {soon.hour}:{soon.minute:02}")
    scheduled = await alice.ask(f"post at in 1 min | {later} for {carol.user_id}")
    assert scheduled.startswith("I'll post that"), scheduled
    carols, bobs = carol.client.mark(), bob.client.mark()
    _, own = await post(alice, f"post {text} {carol.user_id}")
    ping = await told(carol, carols, "mentions you", text)
    assert ping.content["m.mentions"] == {"user_ids": [carol.user_id]}
    assert (await find(bob, text)).content["m.mentions"] == {}
    assert await alice.ask(f"edit {own} {more} {carol.user_id} and {bob.user_id}") == f"#{own} is changed."
    ping = await told(bob, bobs, "mentions you", more)
    assert ping.content["m.mentions"] == {"user_ids": [bob.user_id]}
    assert (await alice.ask(f"post to {bob.user_id} | {canary()} {carol.user_id}")).endswith("Nothing was posted.")
    assert not [m for m in await answers(carol, "feed") if later in m.body]
    told_alice = await alice.client.wait_message(
        alice.room, lambda m: "Your scheduled post is out." in m.body, 120.0, since=mark
    )
    assert "Posted as #" in told_alice.body
    await told(carol, carols, "mentions you", later)
    assert later in (await find(bob, later)).body
    unseen = canary()
    await post(alice, f"post {unseen}")
    digest = await carol.client.wait_message(
        carol.room, lambda m: "new moment" in m.body and alice.user_id in m.body, 240.0, since=carols
    )
    assert unseen not in digest.body, "it says how much is new, not what"
    assert "`feed` shows them." in digest.body


async def test_a_poll(three: Three) -> None:
    """M17: one answers by a number, and sees the votes of those whom one knows."""
    alice, bob, carol = three.alice, three.bob, three.carol
    question = canary()
    _, own = await post(alice, f"post poll The lake / The hill | {question}")
    for_bob, for_carol = await find(bob, question), await find(carol, question)
    assert "\n1 · The lake\n2 · The hill\n" in for_carol.body
    event_id = await bob.client.send(bob.room, "2", reply_to=for_bob.event_id)
    assert (await bob.client.replies(bob.room, event_id))[0].body.endswith(": The hill")
    assert (await carol.ask(f"vote {number(for_carol)} 1")).endswith(": The lake")
    whole = await alice.ask(f"moment {own}")
    assert f"1 · The lake — 1: {carol.user_id}" in whole
    assert f"2 · The hill — 1: {bob.user_id}" in whole
    # Bob and Carol are no friends: neither learns that the other voted, nor how many did.
    carols = await carol.ask(f"moment {number(for_carol)}")
    assert "1 · The lake — 1: you\n2 · The hill\n" in carols
    assert bob.user_id not in carols
    assert await alice.ask(f"poll close {own}") == f"The poll of #{own} is closed. What was voted stays."
    assert (await carol.ask(f"vote {number(for_carol)} 2")).startswith("That poll is closed.")


async def test_a_place(three: Three) -> None:
    """M14: a location that a client shares joins a draft; what others get of it is coarse."""
    alice, bob, carol = three.alice, three.bob, three.carol
    assert isinstance(alice.client, JsClient)
    text = canary()
    await alice.ask("post")
    await alice.ask(text)
    location = {
        "msgtype": "m.location",
        "body": "Location geo:47.376882,8.541694;u=12",
        "geo_uri": "geo:47.376882,8.541694;u=12",
    }
    event_id = await alice.client.send_raw(alice.room, "m.room.message", location, encrypted=True)
    assert "47.38, 8.54" in (await alice.client.replies(alice.room, event_id))[0].body
    assert (await alice.ask("1")).startswith("Posted as #")
    for reader in (bob, carol):
        copy = await find(reader, text)
        assert "📍 47.38, 8.54, to about a kilometre" in copy.body
        shown = await answers(reader, f"moment {number(copy)}")
        assert [m.content["msgtype"] for m in shown] == ["m.text", "m.location"]
        assert shown[1].content["geo_uri"] == "geo:47.38,8.54;u=1000"
        assert not [m for m in (copy, *shown) if "47.376" in str(m.content)]
    # Redacting the location takes the post back.
    await alice.client.redact(alice.room, event_id)
    await gone(carol, copy.event_id, *(m.event_id for m in shown))


async def test_the_compact_form(three: Three) -> None:
    """M8: a page is one event, its numbers are good for answers, and it goes when a moment on it goes."""
    alice, bob, carol = three.alice, three.bob, three.carol
    first, second, said = canary(), canary(), canary()
    _, own = await post(alice, f"post {first}")
    await post(alice, f"post {second}")
    for reader in (bob, carol):
        [page] = await answers(reader, "feed compact")
        assert page.body.index(second) < page.body.index(first)
        lines = page.body.split("\n")
        head = lines[lines.index(first) - 1]
        event_id = await reader.client.send(reader.room, f"{head.split()[0]} {said}", reply_to=page.event_id)
        assert (await reader.client.replies(reader.room, event_id))[0].body == f"Your comment is on {head.split()[0]}."
        event_id = await reader.client.send(reader.room, said, reply_to=page.event_id)
        assert "Which one is it about?" in (await reader.client.replies(reader.room, event_id))[0].body
        assert first in await reader.ask(f"moment {number(head)}")
    whole = await alice.ask(f"moment {own}")
    assert whole.count(said) == 2
    pages = {reader.user_id: (await answers(reader, "feed"))[0] for reader in (bob, carol)}
    assert (await alice.ask(f"delete {own}")).startswith("Deleted.")
    for reader in (bob, carol):
        await gone(reader, pages[reader.user_id].event_id)
        [page] = await answers(reader, "feed")
        assert second in page.body
        assert first not in page.body
        await reader.ask("feed full")
        await settled(reader)
        assert len(await answers(reader, "feed")) > 1


async def test_what_stands_before_the_text(three: Three) -> None:
    """M11, M13: a post that ends by itself and takes no answers, as a client on the other server shows it."""
    alice, carol = three.alice, three.carol
    text = canary()
    await post(alice, f"post expire 24h | responses nobody | {text}")
    copy = await find(carol, text)
    assert "Until " in copy.body
    assert await carol.ask(f"like {number(copy)}") == "Likes and comments are not open to you here."
