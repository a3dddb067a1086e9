"""Where things are said: rooms with several people, DMs that others join, threads, edits, other people's reactions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.demo.synapse import Homeserver
from bridge.matrix.doorstep import NOTICE
from tests.e2e.bot import BotProcess, running_bot
from tests.e2e.clients.js import JsClient, JsProcess
from tests.e2e.clients.message import Message
from tests.e2e.conftest import unique
from tests.e2e.flow import Meet, answers, meeting, settled, shown, told
from tests.e2e.leaks import canary
from tests.e2e.people import Friendly, befriend, open_dm

pytestmark = pytest.mark.e2e

IN_DM = "I have answered in our private chat."
NEEDS_DM = "That is for a private chat. Please start an encrypted chat with me and ask there."


@pytest.fixture(scope="module")
async def open_bot(
    servers: tuple[Homeserver, Homeserver], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BotProcess]:
    """A bot that follows every invite."""
    settings = {"access": {"invites": "all"}}
    async with running_bot(tmp_path_factory.mktemp("open"), servers[0], unique("courtyard"), settings) as running:
        yield running


@pytest.fixture
async def meet(servers: tuple[Homeserver, Homeserver], js: JsProcess, open_bot: BotProcess) -> AsyncIterator[Meet]:
    """People for one test, each in a DM with the bot that follows every invite."""
    async with meeting(servers, js, open_bot) as meet:
        yield meet


def element(person: Friendly) -> JsClient:
    assert isinstance(person.client, JsClient)
    return person.client


async def session_of(person: Friendly, room: str, message: Message) -> str:
    """The Megolm session that a message was encrypted with."""
    event = await element(person).request("GET", f"/rooms/{room}/event/{message.event_id}")
    return str(event["content"]["session_id"])


async def enter(person: Friendly, host: Friendly, room: str) -> None:
    """`host` invites `person` into a room, who joins."""
    await host.client.invite(room, person.user_id)
    await accept(person, host, room)


async def accept(person: Friendly, host: Friendly, room: str) -> None:
    assert await person.client.wait_invite(host.user_id) == room
    await person.client.join(room)
    await host.client.wait_membership(room, person.user_id, "join")


async def test_what_is_personal_is_answered_in_the_dm(meet: Meet, open_bot: BotProcess) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    text = canary()
    await carol.ask(f"post to private | {text}")
    client = element(alice)
    # The bot comes last: alone with Alice it would take the room for a DM.
    room = await client.create_room(invite=[bob.user_id, carol.user_id, open_bot.user_id])
    await client.wait_membership(room, open_bot.user_id, "join")
    for person in (bob, carol):
        await accept(person, alice, room)

    # What is nobody's own is answered there; what doesn't speak to the bot is not.
    mark = carol.client.mark()
    for said in ("ping", "feed", "1", "pnig", "! wow", "!!!", "nice weather"):
        await carol.client.send(room, said)
    assert (await carol.client.ask(room, "!ping")).body == "pong"
    assert [m.body for m in shown(carol, room) if m.sender == open_bot.user_id] == ["pong"]
    assert (await bob.client.ask(room, "！ping")).body == "pong"

    # A personal answer goes to the DM, and the room learns nothing.
    for command in ("!feed", "!friends", "!moment 1", "!moment 77", f"!friend add {bob.user_id}", "!delete 5"):
        here = await answers(carol, command, room=room)
        assert [m.body for m in here] == [IN_DM], command
    await told(carol, mark, text)
    await settled(carol)
    await settled(bob, room)
    await bob.client.wait_message(bob.room, lambda m: carol.user_id in m.body and "1 — accept" in m.body)
    for person in (alice, bob, carol):
        seen = {m.body for m in shown(person, room) if m.sender == open_bot.user_id}
        assert seen == {"pong", IN_DM}, seen

    # In a thread, the neutral line stands in that thread.
    root = await carol.client.send(room, "let us plan")
    event_id = await carol.client.send(room, "!feed", thread_root=root)
    line = (await carol.client.replies(room, event_id))[0]
    assert (line.body, line.thread_root, line.reply_to) == (IN_DM, root, event_id)


async def test_a_personal_command_without_a_dm(
    meet: Meet, servers: tuple[Homeserver, Homeserver], js: JsProcess, open_bot: BotProcess
) -> None:
    alice = await meet("alice")
    name = unique("carol")
    await servers[1].register(name, "x")
    carol = await js.login(name, servers[1].url, name, "x")
    room = await element(alice).create_room(invite=[carol.user_id, open_bot.user_id])
    await element(alice).wait_membership(room, open_bot.user_id, "join")
    await accept(Friendly(carol, room), alice, room)
    assert (await carol.ask(room, "!post hello")).body == NEEDS_DM
    assert (await carol.ask(room, "!ping")).body == "pong"
    mine = await open_dm(carol, open_bot)
    assert (await mine.ask("album")).startswith("You have posted nothing yet.")
    await carol.stop()


async def test_a_third_member_ends_the_dm_at_once(meet: Meet, open_bot: BotProcess) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    await befriend(alice, bob)
    post, comment, like = canary(), canary(), canary()
    answer = await element(alice).ask(alice.room, f"post {post}")
    before = await session_of(alice, alice.room, answer)
    await bob.ask("feed")
    secret = await element(alice).ask(alice.room, "album")
    assert post in secret.body

    # The invite alone is enough.
    client = element(alice)
    await client.invite(alice.room, carol.user_id)
    assert (await client.ask(alice.room, "!album")).body == NEEDS_DM
    assert await bob.ask(f"comment 1 {comment}") == "Your comment is on #1."
    await settled(alice)
    await element(carol).wait_invite(alice.user_id)
    await element(carol).join(alice.room)
    await client.wait_membership(alice.room, carol.user_id, "join")
    await settled(carol, alice.room)
    # Nor may Carol see or do anything of Alice's by what the bot had said.
    await carol.client.send(alice.room, "hello", reply_to=secret.event_id)
    assert (await element(carol).ask(alice.room, "!moment 1")).body == IN_DM
    assert (await client.ask(alice.room, "!feed")).body == NEEDS_DM
    await bob.ask(f"comment 1 {like}")
    await settled(alice)
    everything = await element(carol).messages(alice.room)
    mine = [m for m in everything if m.sender == open_bot.user_id]
    assert {m.body for m in mine if m.readable} == {"pong", NEEDS_DM, IN_DM}
    hidden = [m for m in mine if m.event_id in (answer.event_id, secret.event_id)]
    assert all(m.decryption_failure for m in hidden)
    pong = await client.ask(alice.room, "!ping")
    assert await session_of(alice, alice.room, pong) != before
    assert not [m for m in shown(alice, alice.room) if comment in m.body or like in m.body]

    # A new DM is the current one, and gets what was held.
    anew = await open_dm(client, open_bot)
    await told(anew, 0, comment)
    await told(anew, 0, like)
    first = shown(anew)[0]
    assert first.body.startswith("Hello!")
    await settled(anew)
    assert [len([m for m in shown(anew) if word in m.body]) for word in (comment, like)] == [1, 1]
    assert not [m for m in shown(alice, alice.room) if comment in m.body or like in m.body]
    assert post in await anew.ask("album")


async def test_the_last_used_dm_is_the_current_one(meet: Meet, open_bot: BotProcess) -> None:
    alice, carol = await meet("alice", olm=True), await meet("carol", 1)
    await befriend(alice, carol)
    await carol.ask("post here I am")
    await alice.ask("feed")
    old = carol.room
    new = await open_dm(carol.client, open_bot)
    for room, person in ((new.room, new), (old, carol)):
        assert (await carol.client.ask(room, "ping")).body == "pong"
        word, mark = canary(), carol.client.mark()
        await alice.ask(f"comment 1 {word}")
        assert (await told(person, mark, word)).event_id
        await settled(carol, old)
        await settled(carol, new.room)
        assert len([m for m in (*shown(carol, old), *shown(carol, new.room)) if word in m.body]) == 1


async def test_reactions_and_numbers_of_others_do_not_count(meet: Meet) -> None:
    alice, bob, carol = await meet("alice"), await meet("bob", olm=True), await meet("carol", 1)
    mark = alice.client.mark()
    await bob.ask(f"friend add {alice.user_id}")
    question = await told(alice, mark, "1 — accept")
    await enter(carol, alice, alice.room)
    await element(carol).messages(alice.room)  # Carol scrolls up to it, or her server would not know it
    await carol.client.react(alice.room, question.event_id, "1️⃣")
    await carol.client.send(alice.room, "1", reply_to=question.event_id)
    await settled(carol, alice.room)
    # Not even Alice's own: it is no DM any more.
    await alice.client.react(alice.room, question.event_id, "1️⃣")
    await settled(alice)
    assert (await bob.ask("friends")).startswith("You have no friends here yet.")
    # Without the third one it is a DM again.
    await carol.client.leave(alice.room)
    await element(alice).wait_membership(alice.room, carol.user_id, "leave")
    mark = bob.client.mark()
    assert (await answers(alice, "1"))[0].body == f"You and {bob.user_id} are friends now."
    await told(bob, mark, f"You and {alice.user_id} are friends now.")


async def test_words_in_the_dm(meet: Meet) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1, olm=True)
    for person in (alice, carol):
        overview = await person.ask("help")
        for command in ("friend add", "post to", "feed more", "delete", "language"):
            assert f"`{command}" in overview
        assert "`friend add @user [note]`" in await person.ask("help friend add")
        assert "Did you mean ping?" in await person.ask("pnig")
        assert "Type `help`" in await person.ask("what is this")
        assert await person.ask("!PING") == "pong"
        assert "It goes like this: `comment N TEXT`" in await person.ask("comment 1")

        assert await person.ask("language zh") == "从现在起我用中文和你说话。"
        assert "我能听懂下面这些" in await person.ask("help")
        assert await person.ask("ping") == "pong"
        assert await person.ask("好友") == await person.ask("friends")
        assert "你还没有发布过动态" in await person.ask("相册")
        assert await person.ask("language en") == "From now on I speak English with you."


async def test_answers_stand_where_they_were_asked_for(meet: Meet) -> None:
    for person in (await meet("alice", olm=True), await meet("carol", 1)):
        asked = await person.client.send(person.room, "ping")
        answer = (await person.client.replies(person.room, asked))[0]
        assert (answer.body, answer.reply_to, answer.thread_root) == ("pong", asked, None)
        in_thread = await person.client.send(person.room, "help", thread_root=asked)
        answer = (await person.client.replies(person.room, in_thread))[0]
        assert (answer.reply_to, answer.thread_root) == (in_thread, asked)


async def test_an_edit_runs_the_command_again(meet: Meet) -> None:
    for person in (await meet("alice"), await meet("carol", 1, olm=True)):
        typo = await person.client.send(person.room, "pnig")
        answer = (await person.client.replies(person.room, typo))[0]
        assert "Did you mean" in answer.body
        await person.client.edit(person.room, typo, "ping")

        def edited(m: Message, event_id: str = answer.event_id) -> bool:
            return m.event_id == event_id and m.body == "pong"

        await person.client.wait_message(person.room, edited)
        await settled(person)
        assert len([m for m in shown(person) if m.reply_to == typo]) == 1
        # What has had an effect is not done twice.
        done = await person.client.send(person.room, "profile set name Somebody")
        await person.client.replies(person.room, done)
        await person.client.edit(person.room, done, "profile set name Somebody else")
        await settled(person)
        assert "Somebody else" not in await person.ask("profile")


async def test_a_room_in_which_encryption_can_be_turned_on(meet: Meet, open_bot: BotProcess) -> None:
    carol = await meet("carol", 1)
    client = element(carol)
    room = await client.create_dm(open_bot.user_id, encrypted=False)
    await client.send(room, "ping")
    await client.wait_membership(room, open_bot.user_id, "join")
    await told(Friendly(client, room), 0, "Hello!")
    state = await client.state(room, "m.room.encryption")
    assert state == {"algorithm": "m.megolm.v1.aes-sha2"}
    assert (await client.ask(room, "ping")).body == "pong"
    assert all(m.encrypted and m.shield is None for m in client.received(room))


async def test_a_room_that_stays_unencrypted_gets_one_notice(meet: Meet, open_bot: BotProcess) -> None:
    alice, carol = await meet("alice"), await meet("carol", 1)
    client = element(carol)
    room = await client.create_room(encrypted=False)
    await client.send(room, "!ping before the invite")
    await client.invite(room, open_bot.user_id)
    await client.wait_membership(room, open_bot.user_id, "join")
    notice = await client.wait_message(room, lambda m: True)
    assert (notice.body, notice.msgtype) == (NOTICE, "m.notice")
    await enter(alice, carol, room)
    await client.send(room, "!ping")
    await element(alice).send(room, "!help")
    await open_bot.stop()
    await client.send(room, "!ping while it is away")
    await open_bot.start()
    await client.send(room, "!ping again")
    await settled(carol)
    await settled(alice)
    # Encrypted from here on: what was said before stays unanswered, whatever stands in it.
    await client.set_state(room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    answer = await client.ask(room, "!ping")
    assert answer.body == "pong"
    assert [m.body for m in shown(carol, room) if m.sender == open_bot.user_id] == [NOTICE, "pong"]


async def test_what_was_said_around_the_invite(meet: Meet, open_bot: BotProcess) -> None:
    carol = await meet("carol", 1)
    client = element(carol)
    room = await client.create_room()
    early = await client.send(room, "!ping before you were invited")
    await open_bot.stop()
    await client.invite(room, open_bot.user_id)
    await client.wait_membership(room, open_bot.user_id, "invite")  # from now on the client encrypts for it too
    meanwhile = await client.send(room, "!ping")
    await open_bot.start()
    await client.wait_membership(room, open_bot.user_id, "join")
    answer = (await client.replies(room, meanwhile, timeout=60))[0]
    assert answer.body == "pong"
    await client.send(room, "later")
    assert (await client.ask(room, "!ping")).body == "pong"
    assert not [m for m in shown(carol, room) if m.reply_to == early]
