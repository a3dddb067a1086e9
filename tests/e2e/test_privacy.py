"""Privacy, as people on two servers see it: tags, blocks, windows, strangers, invites, fields, and the explanations."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import segno

from tests.e2e import servers as homeservers
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, answers, gone, meeting, nothing_new, number, settled, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly, befriend
from tests.e2e.test_moments import find, post
from tests.features.test_invites import modules

pytestmark = pytest.mark.e2e

DAY_MS = 24 * 3600 * 1000


async def trio(meet: Meet) -> tuple[Friendly, Friendly, Friendly]:
    """Alice with two friends, Bob on her server (libolm) and Carol on the other."""
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    await befriend(alice, bob)
    await befriend(alice, carol)
    return alice, bob, carol


async def texts(reader: Friendly, *wanted: str, command: str = "feed") -> list[str]:
    """Which of these texts are in what a command shows, in its order."""
    return [text for m in await answers(reader, command) for text in wanted if text in m.body]


async def test_tags_are_audiences_and_nobody_sees_them(meet: Meet) -> None:
    alice, bob, carol = await trio(meet)
    tag = canary()
    assert (await alice.ask(f"tag add #{tag} {bob.user_id}")).startswith(f"In #{tag} now: {bob.user_id}.")
    to_tag, but_tag, live = canary(), canary(), canary()
    answer = await alice.ask(f"post to #{tag} | {to_tag}")
    assert answer.startswith("Posted as #")
    assert answer.endswith(f"for #{tag}: one person.")
    answer = await alice.ask(f"post to friends except #{tag} | {but_tag}")
    assert answer.endswith(f"for your friends except #{tag}: one person.")
    assert (await alice.ask(f"post to #{tag} live | {live}")).startswith("Posted as #")
    assert await texts(bob, to_tag, but_tag, live) == [live, to_tag]
    assert await texts(carol, to_tag, but_tag, live) == [but_tag]
    bobs_copy = await find(bob, live)
    carols_copy = await find(carol, but_tag)

    # Exclusion wins at once, inclusion follows where it is live: delivered copies go, on the other server too.
    answer = await alice.ask(f"tag add #{tag} {carol.user_id}")
    assert "One person loses sight of one moment. Up to one copy is being taken back, wherever it was shown." in answer
    await gone(carol, carols_copy.event_id)
    mark = carol.client.mark()
    await carol.client.react(carol.room, carols_copy.event_id, "❤️")
    line = await told(carol, mark, "That is no longer there.")
    assert line.reply_to == carols_copy.event_id
    mark = carol.client.mark()
    await carol.client.react(carol.room, carols_copy.event_id, "👍")
    await nothing_new(carol, mark)
    [line] = await answers(carol, canary(), reply_to=carols_copy.event_id)
    assert line.body == "That is no longer there."
    assert await texts(carol, to_tag, but_tag, live) == [live]
    await alice.ask(f"tag remove #{tag} {bob.user_id}")
    await gone(bob, bobs_copy.event_id)
    # What was posted to the tag as it was then stays; who was left out by it may see that now.
    assert await texts(bob, to_tag, but_tag, live) == [but_tag, to_tag]

    # The tag itself is nobody's business.
    await settled(bob)
    await settled(carol)
    assert not [m for person in (bob, carol) for m in shown(person) if tag in m.body]
    nobody = unique("no-tag")
    assert (await alice.ask(f"post to #{nobody} | {canary()}")).endswith("Nothing was changed.")
    assert (await bob.ask(f"post to #{tag} | {canary()}")).endswith("Nothing was changed.")


@pytest.mark.parametrize("server", [0, 1], ids=["same server", "other server"])
async def test_a_block_from_both_sides(meet: Meet, server: int) -> None:
    alice, dave = await meet("alice"), await meet("carol", server, olm=server == 0)
    await befriend(alice, dave)
    mine, theirs, later, comment = (canary() for _ in range(4))
    await post(alice, f"post {mine}")
    await post(dave, f"post {theirs}")
    copy, own_copy = await find(dave, mine), await find(alice, theirs)
    alices_profile = await dave.ask(f"profile {alice.user_id}")
    heard = {m.event_id for m in shown(dave)}
    assert (await alice.ask(f"block {dave.user_id}")).startswith(f"You block {dave.user_id} now.")
    # Both lose sight of each other, and nothing else is said.
    await gone(dave, copy.event_id)
    await gone(alice, own_copy.event_id)
    await settled(dave)
    assert [m.body for m in shown(dave) if m.event_id not in heard] == ["pong"]
    assert await texts(alice, theirs) == []

    # To the blocked one she is still a friend, who shows nothing.
    assert alice.user_id in (await dave.ask("friends")).splitlines()
    assert f"{dave.user_id} — blocked" in await alice.ask("friends")
    assert await dave.ask(f"profile {alice.user_id}") == alices_profile
    await post(alice, f"post {later}")
    assert await texts(dave, mine, later) == []
    quiet = alice.client.mark()
    gone_moment = number(copy)
    for command in (f"comment {gone_moment} {comment}", f"like {gone_moment}", f"chat {alice.user_id}"):
        await dave.ask(command)
    await post(dave, f"post to {alice.user_id} | {canary()}")
    await nothing_new(alice, quiet)
    assert await dave.ask(f"friend add {alice.user_id}") == f"You and {alice.user_id} are friends already."

    assert await alice.ask(f"unblock {dave.user_id}") == f"You no longer block {dave.user_id}."
    assert await texts(dave, mine, later) == [later, mine]


async def test_strangers_see_what_the_author_lets_them(meet: Meet) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    await befriend(alice, bob)
    public, friends = canary(), canary()
    await post(alice, f"post to public | {public}")
    await post(alice, f"post {friends}")
    album = f"album {alice.user_id}"
    nothing = await carol.ask(album)
    assert public not in nothing
    assert await texts(bob, public, friends, command=album) == [friends, public]

    answer = await alice.ask("privacy set strangers on")
    assert answer.startswith("Strangers see your 10 newest public moments.")
    assert await texts(carol, public, friends, command=album) == [public]
    copy = await find(carol, public, album)
    view = "\n".join(m.body for m in await answers(alice, "view as stranger"))
    assert public in view
    assert friends not in view

    assert (await alice.ask("privacy set strangers off")).startswith("Strangers see nothing of your moments.")
    await gone(carol, copy.event_id)
    assert await carol.ask(album) == nothing


async def test_an_invite_code_works_across_servers(meet: Meet, bot: BotProcess, tmp_path: Path) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    mark = alice.client.mark()
    answer = await alice.ask("invite new 2 3d")
    assert "It works 2 times" in answer
    # The picture that it comes with leads to the chat with the bot, as a phone would read it.
    poster = await alice.client.wait_message(alice.room, lambda m: "It works 2 times" in m.body, since=mark)
    assert isinstance(alice.client, JsClient)
    await alice.client.download_image(alice.room, poster.event_id, tmp_path / "invite.png")
    link = f"https://matrix.to/#/{bot.user_id}"
    assert link in answer
    wanted = segno.make(link, error="m", micro=False).matrix
    assert modules((tmp_path / "invite.png").read_bytes()) == [list(map(int, row)) for row in wanted]
    found = re.search(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", answer)
    assert found
    code = found[0]
    mark = alice.client.mark()
    assert await carol.ask(f"invite {code.lower()}") == f"You and {alice.user_id} are friends now."
    await told(alice, mark, f"You and {carol.user_id} are friends now.")
    assert f"{code} — once more" in await alice.ask("invites")
    wrong = await bob.ask("invite 2222-2222-2222")
    await alice.ask("privacy set by-code off")
    assert await bob.ask(f"invite {code}") == wrong
    await alice.ask("privacy set by-code on")
    assert await alice.ask(f"invite revoke {code}") == "That code no longer works."
    assert await bob.ask(f"invite {code}") == wrong
    assert await alice.ask("invites") == "None of your codes works now. `invite new` makes one."


async def test_view_as_and_why_tell_what_is_so(meet: Meet) -> None:
    alice, bob, carol = await trio(meet)
    named, everyone = canary(), canary()
    _, first = await post(alice, f"post to {bob.user_id} | {named}")
    _, second = await post(alice, f"post {everyone}")
    for reader in (bob, carol):
        view = "\n".join(m.body for m in await answers(alice, f"view as {reader.user_id}"))
        got = await texts(reader, named, everyone, command=f"album {alice.user_id}")
        assert [text for text in (everyone, named) if text in view] == got
    assert await alice.ask(f"why can't {carol.user_id} see {first}") == (
        f"No, {carol.user_id} can't see your moment #{first}.\nYou named others. (rule 22)"
    )
    assert (await alice.ask(f"why can {bob.user_id} see {first}")).startswith(f"Yes, {bob.user_id} can see")
    assert "for your friends" in await alice.ask(f"why can {carol.user_id} see {second}")
    # Only the owner is told.
    carols_number = number(await find(carol, everyone))
    assert await carol.ask(f"why can {bob.user_id} see {carols_number}") == (
        "That moment is not yours. Only its author can ask."
    )


async def test_privacy_at_a_glance_and_by_numbers(meet: Meet) -> None:
    alice, _, carol = await trio(meet)
    await post(alice, f"post {canary()}")
    overview = await alice.ask("privacy")
    assert "1 — Your friends see your moments however old they are." in overview
    row = next(line for line in overview.splitlines() if "Strangers see nothing" in line)
    question = await alice.ask(row.split(" ")[0])
    assert "1 — on" in question
    assert (await alice.ask("1")).startswith("Strangers see your 10 newest public moments.")
    # The checkup has noticed, and takes it back by its number.
    checkup = await alice.ask("privacy checkup")
    assert "You have 2 friends here." in checkup
    row = next(line for line in checkup.splitlines() if "Show them nothing." in line)
    assert (await alice.ask(row.split(" ")[0])).startswith("Strangers see nothing of your moments.")
    assert "Show them nothing." not in await alice.ask("privacy checkup")

    mark = carol.client.mark()
    answer = await alice.ask(f"privacy set mine {carol.user_id} off")
    assert answer.startswith(f"{carol.user_id} does not see your moments any more, and is not told.")
    assert "One person loses sight of one moment" in answer
    assert f"These don't see your moments: {carol.user_id}" in await alice.ask("privacy")
    await nothing_new(carol, mark)
    # It speaks Chinese as well, with the same numbers.
    await alice.ask("language 中文")
    assert "1 — " in await alice.ask("隐私")
    assert "Nothing was changed." in await carol.ask("privacy set window never")


async def test_parts_of_a_profile_have_audiences_of_their_own(meet: Meet) -> None:
    alice, bob, carol = await trio(meet)
    phone, region, name = canary(), canary(), canary()
    await alice.ask(f"profile set name {name}")
    await alice.ask(f"profile set region {region}")
    await alice.ask(f"profile set phone {phone}")
    ask = f"profile {alice.user_id}"
    for reader in (bob, carol):
        seen = await reader.ask(ask)
        assert region in seen
        assert phone not in seen  # a phone number is for its owner, unless they choose
    assert await alice.ask(f"privacy set phone {bob.user_id}") == (
        f"Your phone: for {bob.user_id}.\nOne friend more sees it now."
    )
    assert phone in await bob.ask(ask)
    assert phone not in await carol.ask(ask)

    # Narrowing takes the copies back, on both servers.
    copies = {
        reader.user_id: [m for m in shown(reader) if region in m.body and not m.redacted] for reader in (bob, carol)
    }
    assert all(copies.values())
    assert await alice.ask("privacy set region me") == (
        "Your region: for you alone.\n2 friends do not see it any more. Up to 2 copies are being taken back."
    )
    for reader in (bob, carol):
        await gone(reader, *(m.event_id for m in copies[reader.user_id]))
        assert region not in await reader.ask(ask)
    assert await alice.ask(f"why can't {carol.user_id} see phone") == (
        f"No, {carol.user_id} can't see your phone.\nThat part of your profile is not for {carol.user_id}. (rule 33)"
    )
    tells = await alice.ask("who can read this")
    assert "Whoever runs this bot could read what passes through it" in tells


async def old_moments(bot: BotProcess, days: int) -> None:
    """Let days pass for everything that was posted so far."""
    assert await bot.stop() == 0
    with closing(sqlite3.connect(bot.database)) as database, database:
        database.execute("UPDATE moments SET created_at = created_at - ?", (days * DAY_MS,))
    await bot.start()


@pytest.mark.crash
async def test_narrowing_reaches_a_server_that_was_away(js: JsProcess, tmp_path: Path) -> None:
    """A window that closes takes back what was delivered elsewhere; a server that is down gets it when it is back."""
    async with homeservers.pair(tmp_path / "servers") as servers:
        here, there = servers
        async with running_bot(tmp_path / "bot", here, unique("courtyard")) as bot, meeting(servers, js, bot) as meet:
            alice, bob, carol = await trio(meet)
            old, new, late = canary(), canary(), canary()
            await post(alice, f"post {old}")
            copies = [await find(reader, old) for reader in (bob, carol)]
            await old_moments(bot, 4)
            await post(alice, f"post {new}")
            new_copy = await find(carol, new)
            answer = await alice.ask("privacy set window 3d")
            assert answer.splitlines() == [
                "Your friends see your moments for 3 days.",
                "2 people lose sight of one moment. Up to 2 copies are being taken back, each wherever it was shown.",
            ]
            for reader, copy in zip((bob, carol), copies, strict=True):
                await gone(reader, copy.event_id)
                assert await texts(reader, old, new, command=f"album {alice.user_id}") == [new]
            # She still sees her own.
            assert await texts(alice, old, new, command="album") == [new, old]

            await settled(carol)
            await there.stop()
            assert "One person loses sight of" in await alice.ask(f"privacy set mine {carol.user_id} off")
            await post(alice, f"post {late}")
            await there.start()
            await gone(carol, new_copy.event_id)
            assert await texts(carol, old, new, late) == []
            assert await texts(bob, old, new, late) == [late, new]
