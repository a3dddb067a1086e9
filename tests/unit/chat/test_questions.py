"""Numbers and reactions answer the question that was meant, and only for whom it was asked."""

import pytest

from bridge.chat import prompts
from tests.unit.chat.harness import ALICE, BOB, BOBS_DM, World, say, world


async def asked(w: World, kind: str, ref: int, shown_as: str | None = None, ttl: int = 60_000) -> None:
    """A question to Alice; `shown_as`: the event that it was sent as."""
    alice = await w.db.run(lambda tx: w.people.ensure(tx, ALICE))
    prompt = await w.db.run(lambda tx: prompts.open(tx, alice.id, kind, ref, ["yes", "no"], ttl))
    if shown_as is not None:
        w.copy(shown_as, "prompt", prompt)


async def test_a_number_answers_the_question_that_it_is_a_reply_to() -> None:
    async with world() as w:
        await asked(w, "friend", 11, "$q1")
        await asked(w, "friend", 12, "$q2")
        assert await w.text("3", reply_to="$q1") == [say("prompt-range", count=2)]
        await w.text("2", reply_to="$q1")
        assert w.last() == ("choice", ALICE, 11, "no")
        assert await w.text("1", reply_to="$q1") == [say("prompt-none")]
        await asked(w, "friend", 15, "$gone")
        w.db.run_sync(lambda tx: prompts.close(tx, "friend", 15))
        assert await w.text("1", reply_to="$gone") == [say("prompt-none")]
        assert w.last() == ("choice", ALICE, 11, "no")


async def test_a_bare_number_answers_the_only_question_once_it_was_seen() -> None:
    async with world() as w:
        assert await w.text("1") == [say("prompt-none")]
        before = len(w.calls)
        await asked(w, "friend", 11)
        assert await w.text("1") == [say("prompt-none")]  # it has not reached her
        await asked(w, "friend", 11, "$q1")
        await asked(w, "friend", 12)
        assert await w.text("1") == [say("prompt-several")]  # nobody can know which one she means
        w.copy("$q2", "prompt", w.rows("SELECT MAX(id) FROM prompts")[0][0])
        assert await w.text("1") == [say("prompt-several")]
        assert len(w.calls) == before
        await w.text("2", reply_to="$q2")
        await w.text(" 1. ")
        assert w.last() == ("choice", ALICE, 11, "yes")
        assert await w.text("1") == [say("prompt-none")]
        await asked(w, "friend", 14, "$late", ttl=0)
        assert await w.text("1") == [say("prompt-none")]


async def test_a_bare_number_is_for_the_menu_that_was_just_called_up() -> None:
    async with world() as w:
        await asked(w, "friend", 11, "$q1")
        await asked(w, "menu", 21, "$m1")
        await asked(w, "menu", 22, "$m2")
        await w.text("2")
        assert w.last() == ("choice", ALICE, 22, "no")
        await w.text("1", reply_to="$m1", outside=True)
        assert w.last() == ("choice", ALICE, 21, "yes")
        await asked(w, "menu", 23, "$m3")
        await asked(w, "friend", 12, "$q2")  # something came in between
        assert await w.text("1") == [say("prompt-several")]
        assert await w.text("1", reply_to="$m3", outside=True) == [say("prompt-unsure")]
        assert w.last() == ("choice", ALICE, 21, "yes")


async def test_reactions_answer_only_questions_of_which_nothing_comes() -> None:
    async with world() as w:
        for key, option in (("👍🏽", "yes"), ("2️⃣", "no"), ("❌", "no"), ("✅", "yes"), ("1️⃣", "yes")):
            await asked(w, "taste", 13, "$q")
            assert await w.react("$q", "🎉") == []
            assert await w.react("$q", key, sender=BOB, room=BOBS_DM) == []
            await w.react("$q", key)
            assert w.last() == ("choice", ALICE, 13, option)
        assert await w.react("$q", "👍") == [say("prompt-none")]


@pytest.mark.parametrize("key", ["👍", "1️⃣", "2️⃣"])
async def test_a_reaction_lets_nobody_in(key: str) -> None:
    """Her homeserver could have made it up."""
    async with world() as w:
        await asked(w, "friend", 11, "$q")
        before = list(w.calls)
        assert await w.react("$q", key) == [say("prompt-reaction")]
        assert await w.react("$q", "🎉") == []
        assert [c for c in w.calls if c[0] != "opened"] == before
        await w.text("1")
        assert w.last() == ("choice", ALICE, 11, "yes")


async def test_which_of_several_questions_is_meant_must_be_the_senders_own_word() -> None:
    async with world() as w:
        await asked(w, "friend", 11, "$q1")
        await asked(w, "friend", 12, "$q2")
        assert await w.text("1", reply_to="$q1", outside=True) == [say("prompt-unsure")]
        assert [c for c in w.calls if c[0] != "opened"] == []
        await w.text("1", reply_to="$q1")
        assert w.last() == ("choice", ALICE, 11, "yes")
        await w.text("2", reply_to="$q2", outside=True)  # the only one that is left
        assert w.last() == ("choice", ALICE, 12, "no")
