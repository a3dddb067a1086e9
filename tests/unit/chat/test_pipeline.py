"""What a person relies on: each event counts once, answers come, and nobody acts in another's name."""

import asyncio
import gc

import pytest
import sqlalchemy as sa

from bridge.chat import sources
from bridge.chat.inbound import PictureMessage, RoomView, TextMessage
from bridge.chat.people import People
from bridge.chat.pipeline import OPENING
from bridge.errors import UserError
from bridge.ids import EventId, RoomId
from tests.unit.chat.harness import ACCOUNT, ALICE, BOB, BOBS_DM, DM, ROOM, World, say, world


async def test_ping_is_answered_in_dm_and_with_prefix_in_rooms() -> None:
    async with world() as w:
        for body in ("ping", "  PING ", "!ping", "! ping", "！ping", "你好"):
            assert await w.text(body) == ["pong"], body
        assert await w.text("!ping", room=ROOM) == ["pong"]
        assert await w.text("ping", room=ROOM) == []
        assert await w.text("@bot:x ping", room=ROOM, mentioned=True) == ["pong"]
        assert await w.text("Courtyard: ping", room=ROOM, mentioned=True) == ["pong"]
        assert await w.text("Courtyard is nice", room=ROOM, mentioned=True) == []
        assert await w.text("!unrelated", room=ROOM) == []


async def test_a_redelivered_event_does_nothing() -> None:
    async with world() as w:
        assert await w.text("post hello", id="$a") == ["pong"]
        assert await w.text("post hello", id="$a") == []
        assert len(w.calls) == 2  # the opening and one post
        # also when it failed
        assert await w.text("nonsense", id="$b") == [say("unknown-command")]
        assert await w.text("nonsense", id="$b") == []


async def test_two_deliveries_at_once_count_once() -> None:
    async with world() as w:
        await asyncio.gather(*(w.text("post hello", id="$a") for _ in range(5)))
        assert [call for call in w.calls if call[0] == "post"] == [("post", "hello", None)]
        assert len(w.pipeline._locks) == 0


async def test_unencrypted_rooms_and_events_are_left_alone() -> None:
    async with world() as w:
        assert await w.text("ping", room=RoomView(DM.room_id, ALICE, False)) == []
        assert await w.text("post hello", encrypted=False) == [say("not-encrypted")]
        assert await w.text("!post hello", encrypted=False, room=ROOM) == []
        assert not [call for call in w.calls if call[0] == "post"]
        await w.text("post hello", id="$mine")
        w.copy("$copy", "moment", 5)
        before = list(w.calls)
        assert await w.edit("$mine", "post bye", encrypted=False) == [say("not-encrypted")]
        assert await w.text("nice", reply_to="$copy", encrypted=False) == [say("not-encrypted")]
        assert w.calls == before


async def test_a_refusal_rolls_the_work_back_and_is_answered() -> None:
    async with world() as w:
        assert await w.text("refuse Atlantis", id="$a") == [say("timezone-unknown", name="Atlantis")]
        assert w.rows("SELECT * FROM sources") == []
        assert w.rows("SELECT command, effect FROM handled WHERE event_id = '$a'") == [(None, 0)]


@pytest.mark.parametrize("body", ["ping", "post hello", "refuse Atlantis", "nonsense", "post", "ping too much"])
async def test_nothing_of_what_was_said_stays(body: str) -> None:
    """Once it has been answered: not until the collector of garbage comes, which is seldom."""
    async with world() as w:
        await w.text("ping")
        gc.collect()
        gc.disable()
        try:
            assert await w.text(body)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [found for found in gc.garbage if isinstance(found, TextMessage | UserError)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert left == []


async def test_an_unexpected_error_gives_a_reference_and_no_personal_data() -> None:
    async with world() as w:
        (body,) = await w.text("crash", id="$a")
        (entry,) = w.logs.entries
        assert entry["ref"] in body
        assert entry["log_level"] == "error"
        assert entry["error"] == ["RuntimeError"]
        assert any("harness.py" in frame and "crash" in frame for frame in entry["frames"])
        assert "secret" not in str(entry)
        assert "alice" not in str(entry)
        assert w.rows("SELECT * FROM sources") == []
        assert await w.text("crash", id="$a") == []


async def test_an_error_that_cannot_be_answered_still_settles() -> None:
    async with world() as w:
        w.delivery.failing = True
        assert await w.text("ping", id="$a") == []
        w.delivery.failing = False
        assert await w.text("ping", id="$a") == []
        assert await w.text("ping") == ["pong"]
        assert "secret" not in str(w.logs.entries)


async def test_a_database_that_is_down_propagates_and_changes_nothing() -> None:
    async with world() as w:
        await w.text("ping")
        down = [True]

        def fail(statement: str) -> None:
            if down[0]:
                raise sa.exc.OperationalError(statement, {}, Exception("gone"))

        w.db.watch = fail
        with pytest.raises(sa.exc.OperationalError):
            await w.text("post hello", id="$a")
        down[0] = False
        assert await w.text("post hello", id="$a") == ["pong"]


async def test_cancelling_leaves_nothing_half_done() -> None:
    async with world() as w:
        await w.text("ping")
        tasks = [asyncio.create_task(w.text("post hello", id=f"$x{i}")) for i in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(w.pipeline._locks) == 0
        await w.text("ping")  # the transactions before it have ended
        done = {row[0] for row in w.rows("SELECT event_id FROM handled WHERE event_id LIKE '$x%'")}
        made = {row[0] for row in w.rows("SELECT event_id FROM sources")}
        assert done == made
        assert len(done) >= 10


async def test_the_quota_answers_once_and_then_is_silent() -> None:
    now = [0.0]
    async with world(capacity=4, clock=lambda: now[0]) as w:
        for _ in range(4):
            assert await w.text("ping") == ["pong"]
        assert await w.text("ping") == [say("quota-wait")]
        assert await w.text("ping") == []
        assert await w.text("ping", sender=BOB, room=BOBS_DM) == ["pong"]
        now[0] = 2.0
        assert await w.text("ping", id="$again") == ["pong"]
        assert await w.text("ping", id="$again") == []  # costs nothing
        assert await w.text("ping") == ["pong"]
        # what is taken back goes even now
        w.db.run_sync(
            lambda tx: tx.sql(
                "INSERT INTO sources (account_id, event_id, person_id, kind, ref_id)"
                " VALUES (1, '$post', ?, 'moment', 3)",
                (w.people.ensure(tx, ALICE).id,),
            )
        )
        assert await w.text("ping") == [say("quota-wait")]
        await w.redact("$post")
        assert ("redaction", ALICE, 3) in w.calls


async def test_opening_comes_once_per_dm() -> None:
    async with world() as w:
        await w.opened()
        assert [a.reply.parts for a in w.delivery.answers] == [(OPENING,)]
        assert w.delivery.answers[0].body.count("\n") == 2
        w.delivery.answers.clear()
        await w.opened()
        await w.text("ping")
        assert w.delivery.answers == []
        other = RoomView(RoomId("!other:one.example.org"), ALICE, True)
        await w.pipeline.handle(w_text(w, "ping", other), other)
        assert [a.reply.parts == (OPENING,) for a in w.delivery.answers] == [True, False]
        w.delivery.take()
        assert [call for call in w.calls if call[0] == "opened"] == [("opened", ALICE)]
        # the last used is the current one
        person = w.db.run_sync(lambda tx: w.people.get(tx, ALICE))
        assert person is not None
        assert w.db.run_sync(lambda tx: w.people.dm(tx, person.id)) == (1, other.room_id)
        await w.text("ping")
        assert w.db.run_sync(lambda tx: w.people.dm(tx, person.id)) == (1, DM.room_id)


async def test_outside_the_dm_commands_need_one() -> None:
    async with world() as w:
        assert await w.text("!post hello", room=ROOM) == [say("answer-needs-dm")]
        assert w.calls == []
        await w.text("ping")
        await w.pipeline.handle(w_text(w, "!post hello", ROOM), ROOM)
        (answer,) = w.delivery.answers
        # the handler forgot to say that it is personal
        assert answer.reply.personal
        assert w.last()[0] == "post"


async def test_typos_get_a_suggestion() -> None:
    async with world() as w:
        (body,) = await w.text("frend add @bob:two.example.org")
        assert "friend add" in body
        (body,) = await w.text("friend")
        assert "friend add" in body
        (body,) = await w.text("!pnig", room=ROOM)
        assert "ping" in body
        assert await w.text("What a day") == [say("unknown-command")]


async def test_arguments_are_checked_before_anything_runs() -> None:
    async with world() as w:
        assert await w.text("friend add") == [say("missing-argument", name="who", usage="friend add @user|N")]
        (body,) = await w.text("friend add bob")
        assert "friend add @user|N" in body
        await w.text("friend add [Bob](https://matrix.to/#/%40bob%3Atwo.example.org)")
        assert w.last() == ("add", BOB)


async def test_editing_a_failed_command_runs_it_and_a_done_one_not() -> None:
    async with world() as w:
        await w.text("frend add @bob:two.example.org", id="$a")
        assert await w.edit("$a", "friend add @bob:two.example.org") == [say("language-set")]
        assert w.last() == ("add", BOB)
        assert await w.edit("$a", "friend add @carol:two.example.org") == [say("edit-too-late")]
        assert w.last() == ("add", BOB)
        assert await w.edit("$never-seen", "ping") == [say("edit-too-late")]
        # what only reads runs again
        await w.text("ping", id="$b")
        (body,) = await w.edit("$b", "help ping")
        assert "ping" in body


async def test_editing_a_source_goes_to_its_feature_and_only_for_its_sender() -> None:
    async with world() as w:
        await w.text("ping")
        await w.text("ping", sender=BOB, room=BOBS_DM)
        await w.text("!post hello", id="$a", room=ROOM)
        await w.edit("$a", "!post bye", room=ROOM)
        assert w.last() == ("edit", ALICE, 7, "post bye")
        before = list(w.calls)
        assert await w.edit("$a", "!post mine", sender=BOB, room=ROOM) == []
        assert await w.edit("$a", "!post mine", sender=BOB, room=BOBS_DM) == []
        assert await w.redact("$a", sender=BOB, room=ROOM) == []
        assert w.calls == before
        await w.redact("$a", room=ROOM)
        assert w.last() == ("redaction", ALICE, 7)


async def test_in_a_room_nobody_edits_anothers_command() -> None:
    async with world() as w:
        await w.text("!pnig", id="$a", room=ROOM)
        assert await w.edit("$a", "!ping", sender=BOB, room=ROOM) == []
        assert await w.edit("$a", "!ping", room=ROOM) == ["pong"]
        assert await w.edit("$chat", "!ping", room=ROOM) == []
        assert w.db.run_sync(lambda tx: w.people.get(tx, BOB)) is not None


async def test_a_post_made_by_an_edit_belongs_to_the_first_message() -> None:
    async with world() as w:
        await w.text("psot hello", id="$a")
        await w.edit("$a", "post hello", id="$b")
        await w.redact("$a")
        assert w.last() == ("redaction", ALICE, 7)


async def test_replies_and_reactions_reach_the_feature_for_the_addressee_alone() -> None:
    async with world() as w:
        w.copy("$copy", "moment", 5)
        await w.text("> <@bot:x> old\n\nnice one", reply_to="$copy")
        assert w.last()[0::3] == ("reply", "nice one")
        await w.text("in the thread", thread="$copy")
        assert w.last()[3] == "in the thread"
        assert await w.text("!ping", reply_to="$copy") == ["pong"]
        await w.react("$copy", "❤")
        assert w.last()[0] == "reaction"
        before = list(w.calls)
        assert await w.text("ping", reply_to="$copy", sender=BOB, room=BOBS_DM) == ["pong"]
        assert await w.react("$copy", "❤", sender=BOB, room=BOBS_DM) == []
        assert await w.text("nice", reply_to="$copy", room=ROOM) == []
        assert await w.react("$copy", "❤", room=ROOM) == []
        assert [c for c in w.calls if c[0] != "opened"] == [c for c in before if c[0] != "opened"]


async def test_a_relation_that_a_server_could_have_made_up_turns_no_command_into_a_comment() -> None:
    async with world() as w:
        w.copy("$copy", "moment", 5)
        for text in ("post for my diary", "!post for my diary", "post"):
            before = len(w.calls)
            answer = await w.text(text, reply_to="$copy", outside=True)
            if text.startswith("!"):
                assert w.last() == ("post", "for my diary", None)
            else:
                assert answer == [say("unsure-command")]
                assert [c for c in w.calls[before:] if c[0] != "opened"] == []
        await w.text("post more of these", reply_to="$copy")  # the sender's own word: a comment
        assert w.last()[0::3] == ("reply", "post more of these")
        for text in ("hello there", "what a view"):
            await w.text(text, reply_to="$copy", outside=True, id=f"${text}")
            assert w.last()[0::3] == ("reply", text)


async def test_an_edit_that_a_server_aims_at_a_comment_brings_no_command_into_it() -> None:
    async with world() as w:
        w.copy("$copy", "moment", 5)
        await w.text("nice", reply_to="$copy", id="$comment")
        alice = await w.db.run(lambda tx: w.people.ensure(tx, ALICE))
        await w.db.run(lambda tx: sources.record(tx, ACCOUNT, EventId("$comment"), alice.id, "moment", 3))
        assert await w.edit("$comment", "post for my diary", outside=True) == [say("unsure-command")]
        assert w.last()[0] != "edit"
        await w.edit("$comment", "very nice", outside=True)
        assert w.last() == ("edit", ALICE, 3, "very nice")


async def test_messages_that_cannot_be_used_get_one_line_and_others_silence() -> None:
    async with world() as w:
        assert await w.other("m.video") == [say("cant-use-video")]
        assert await w.other("m.audio") == [say("cant-use-voice")]
        assert await w.other("m.file") == [say("cant-use")]
        assert await w.other("m.video", ROOM) == []
        for what in ("m.room.topic", "m.notice", "org.example.thing", "m.key.verification.request"):
            assert await w.other(what) == []


async def test_a_picture_with_a_caption_is_prepared_once_and_outside_the_transaction() -> None:
    prepared: list[PictureMessage] = []

    async def prepare(event: PictureMessage) -> str:
        prepared.append(event)
        if event.caption.endswith("bad"):
            raise UserError("picture-unavailable")
        await w.db.run(lambda tx: None)  # would hang inside a transaction
        return "ready"

    async with world(pictures=prepare) as w:
        await w.picture("post look", id="$p")
        assert w.last() == ("post", "look", "ready")
        assert await w.picture("post look", id="$p") == []
        assert await w.picture("post bad") == [say("picture-unavailable")]
        assert len(prepared) == 2
        assert await w.picture("") == [say("picture-howto")]
        assert await w.picture("nice, isn't it") == [say("picture-howto")]
        assert await w.picture("ping") == [say("picture-not-here")]
        (body,) = await w.picture("post")
        assert "post TEXT" in body
        assert len(prepared) == 2
        assert await w.picture("post look", room=ROOM) == []


async def test_without_a_preparer_pictures_are_refused() -> None:
    async with world() as w:
        assert await w.picture("post look") == [say("picture-unavailable")]


@pytest.mark.parametrize("prefix", ["/", "bot:", "机器人"])
async def test_the_prefix_is_the_operators(prefix: str) -> None:
    async with world(prefix=prefix) as w:
        assert await w.text(f"{prefix}ping", room=ROOM) == ["pong"]
        assert await w.text(f"{prefix} ping", room=ROOM) == ["pong"]
        for other in ("!ping", "！ping", "ping"):
            assert await w.text(other, room=ROOM) == []
        assert await w.text("ping") == ["pong"]
        assert await w.text(f"{prefix}ping") == ["pong"]
        assert await w.text("!ping") != ["pong"]


async def test_who_chose_nothing_gets_the_operators_language_and_time_zone() -> None:
    async with world(people=People("zh", "Asia/Shanghai")) as w:
        assert await w.text("what is this") == [say("unknown-command", "zh")]
        alice = await w.db.run(lambda tx: w.people.ensure(tx, ALICE))
        assert (alice.language, alice.time_zone) == ("zh", "Asia/Shanghai")
        await w.text("language en")
        assert await w.text("what is this") == [say("unknown-command")]
        alice = await w.db.run(lambda tx: w.people.ensure(tx, ALICE))
        assert (alice.language, alice.time_zone) == ("en", "Asia/Shanghai")


async def test_language_and_time_zone() -> None:
    async with world() as w:
        assert await w.text("language zh") == [say("language-set", "zh")]
        assert await w.text("胡说") == [say("unknown-command", "zh")]
        (body,) = await w.text("timezone shanghai")
        assert "Asia/Shanghai" in body
        assert await w.text("时区 Atlantis") == [say("timezone-unknown", "zh", name="Atlantis")]
        assert await w.text("语言 English") == [say("language-set")]
        (body,) = await w.text("language klingon")
        assert "zh (中文)" in body


async def test_hostile_texts_never_crash_the_pipeline() -> None:
    hostile = [
        "x" * 65_536,
        ">" * 10_000,
        "> " * 10_000 + "\nping",
        "\x00\ud800\u202eping",
        "post " + "<b><i>" * 3000,
        "post \u202e\u2066\u2067 olleh",
        '"' * 5000,
        "\n" * 5000,
        "friend add " + "@" * 5000,
        "friend add https://matrix.to/#/%FF%FE",
        "9" * 5000,
        "٣",
        "²",
        "!" * 5000,
        "1" + "\u0301" * 5000,
        "help nothing" + "\u202e" * 50,
        "\ue0000\ue001",
    ]
    async with world() as w:
        for body in hostile:
            answers = await w.text(body)
            assert len(answers) == 1, body[:20]
            assert not w.logs.entries, body[:20]
        assert await w.text("\x00p\u200bing") == ["pong"]
        assert await w.text("x" * 16_001) == [say("too-long", length=16_001, limit=16_000)]


def w_text(w: World, body: str, room: RoomView) -> TextMessage:
    return TextMessage(w.origin(ALICE, room, None), body)
