"""Posts of all kinds, with independent clients on two servers: taken back, scheduled, mentioning, asking, from a place,
and read in the compact form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.bot import BotProcess
from tests.e2e.clients.js import JsClient
from tests.e2e.flow import Meet, Three, answers, gone, nothing_new, number, settled, told
from tests.e2e.leaks import canary
from tests.e2e.people import befriend
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
    # A change of privacy, too: what was let be seen is taken back from who has seen it meanwhile.
    assert (await alice.ask("profile set phone 5551234")).startswith("Done")
    await alice.ask("privacy set phone friends")
    [shown] = await answers(carol, f"profile {alice.user_id}")
    assert "5551234" in shown.body
    assert await alice.ask("undo") == "It is as it was before."
    await gone(carol, shown.event_id)
    assert "5551234" not in await carol.ask(f"profile {alice.user_id}")
    await alice.ask(f"privacy set mine {carol.user_id} off")
    assert not [m for m in await answers(carol, "feed") if kept in m.body]
    await alice.ask(f"privacy set mine {carol.user_id} on")
    for_carol = await find(carol, kept)
    assert (await alice.ask("undo")).startswith(f"{carol.user_id} does not see your moments any more")
    await gone(carol, for_carol.event_id)
    await alice.ask(f"privacy set mine {carol.user_id} on")


async def test_mentions_a_schedule_and_the_daily_message(three: Three) -> None:
    """M7, M16, M18: a ping for who is mentioned and nobody else, by an edit too; a post whose time comes; and daily
    how much is new."""
    alice, bob, carol = three.alice, three.bob, three.carol
    later, text, more = canary(), canary(), canary()
    mark = alice.client.mark()
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
    # Carol's daily message comes in one to two minutes: by then there is something that she was not shown.
    soon = datetime.now(UTC) + timedelta(minutes=2)
    assert "once a day" in await carol.ask(f"notify at {soon.hour}:{soon.minute:02}")
    unseen = canary()
    await post(alice, f"post {unseen}")
    told_alice = await alice.client.wait_message(
        alice.room, lambda m: "Your scheduled post is out." in m.body, 120.0, since=mark
    )
    assert "Posted as #" in told_alice.body
    await told(carol, carols, "mentions you", later)
    assert later in (await find(bob, later)).body
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
    mark = alice.client.mark()
    event_id = await bob.client.send(bob.room, "2", reply_to=for_bob.event_id)
    assert (await bob.client.replies(bob.room, event_id))[0].body.endswith(": The hill")
    assert (await carol.ask(f"vote {number(for_carol)} 1")).endswith(": The lake")
    await told(alice, mark, f"in your poll #{own}", carol.user_id)
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
    alice, bob, carol = three.alice, three.bob, three.carol
    text = canary()
    await post(alice, f"post expire 24h | responses nobody | {text}")
    copy = await find(carol, text)
    assert "Until " in copy.body
    assert await carol.ask(f"like {number(copy)}") == "Likes and comments are not open to you here."
    # For a tag: who is in it, and whoever is put into it later.
    tag = f"t{canary()[:8].lower()}"
    assert (await alice.ask(f"tag add #{tag} {bob.user_id}")).startswith(f"In #{tag} now: {bob.user_id}.")
    text = canary()
    _, own = await post(alice, f"post responses #{tag} | {text}")
    for_bob, for_carol = await find(bob, text), await find(carol, text)
    assert await bob.ask(f"like {number(for_bob)}") == f"You like #{number(for_bob)}."
    sent = await carol.client.send(carol.room, canary(), reply_to=for_carol.event_id)
    assert (await carol.client.replies(carol.room, sent))[0].body == "Likes and comments are not open to you here."
    await alice.ask(f"tag add #{tag} {carol.user_id}")
    assert await carol.ask(f"like {number(for_carol)}") == f"You like #{number(for_carol)}."
    assert (await alice.ask(f"responses {own} nobody")).startswith("Nobody but you can like or comment")
    assert await bob.ask(f"comment {number(for_bob)} X") == "Likes and comments are not open to you here."


async def test_at_once_for_a_tag_and_in_quiet_hours(three: Three) -> None:
    """M18: of whom one wants to be told at once; and when nothing comes, but waits."""
    alice, bob, carol = three.alice, three.bob, three.carol
    tag = f"t{canary()[:8].lower()}"
    for reader in (bob, carol):
        await reader.ask(f"tag add #{tag} {alice.user_id}")
    assert f"What #{tag} posts comes at once." in await carol.ask(f"notify now #{tag}")
    marks = bob.client.mark(), carol.client.mark()
    text, waits = canary(), canary()
    await post(alice, f"post {text}")
    await told(carol, marks[1], text, "· new ·")
    await nothing_new(bob, marks[0])
    # Quiet from an hour before now to two hours after: it is not lost, and what is asked for is answered.
    now = datetime.now(UTC)
    quiet = f"{(now - timedelta(hours=1)).hour}:00-{(now + timedelta(hours=3)).hour}:00"
    assert "nothing about moments comes unasked" in await carol.ask(f"notify quiet {quiet}")
    mark = carol.client.mark()
    _, own = await post(alice, f"post {waits}")
    for_bob = await find(bob, waits)
    assert (await bob.ask(f"comment {number(for_bob)} X")).startswith("Your comment is on")
    await nothing_new(carol, mark)
    assert waits in (await find(carol, waits)).body
    await carol.ask("notify quiet off")
    assert f"#{tag}" not in await carol.ask(f"notify default #{tag}")
    assert (await alice.ask(f"delete {own}")).startswith("Deleted.")


async def test_where_copies_are(three: Three, meet: Meet, bot: BotProcess) -> None:
    """M10: somebody on the other server throws the bot out; the author learns on which server a copy may stay, whether
    or not there is one, and who can be reached loses theirs."""
    alice, carol = three.alice, three.carol
    dora, erin = await meet("dora", 1), await meet("erin", 1)
    for friend in (dora, erin):
        await befriend(alice, friend)
    here, there = (person.user_id.partition(":")[2] for person in (alice, dora))
    text = canary()
    _, own = await post(alice, f"post {text}")
    for_carol, for_dora = await find(carol, text), await find(dora, text)
    asked = await alice.ask(f"moment {own} copies")
    assert f"\n{there}: up to 3\n" in asked
    assert f"{here}: up to 1" in asked
    # Dora, who has read it, opens another chat, in which she alone has power, and throws the bot out; Erin, who has not
    # read it, leaves hers.
    assert isinstance(dora.client, JsClient)
    room = await dora.client.create_room(invite=[bot.user_id], is_direct=True)
    await dora.client.wait_membership(room, bot.user_id, "join", timeout=90)
    assert (await dora.client.ask(room, "!ping")).body == "pong"
    await dora.client.kick(room, bot.user_id)
    await erin.client.leave(erin.room)
    unreached = f"{there}: up to 3; the chats of 2 of them I can't reach"
    for _ in range(30):
        asked = await alice.ask(f"moment {own} copies")
        if unreached in asked:
            break
    assert unreached in asked
    deleted = await alice.ask(f"delete {own}")
    assert f"`moment {own} copies` says more.\n" in deleted
    assert deleted.endswith(f"{there}: 2")
    # The chat in which Dora read it is still there.
    await gone(carol, for_carol.event_id)
    await gone(dora, for_dora.event_id)
    asked = await alice.ask(f"moment {own} copies")
    assert asked.startswith(f"#{own} is gone.")
    assert unreached in asked
    assert (await carol.ask(f"moment {number(for_carol)} copies")).startswith("There is no moment")
