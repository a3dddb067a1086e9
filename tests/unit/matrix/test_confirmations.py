"""The operator's answer decides whom the bot vouches for: it must be surely theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridge.chat.commands import build_registry
from bridge.chat.inbound import DmOpened
from bridge.chat.pipeline import Pipeline
from bridge.chat.quota import Quotas, Rate
from bridge.ids import UserId
from bridge.matrix.confirmations import Confirmations
from bridge.matrix.sas_values import ShortAuth
from tests.unit.chat.harness import ALICE, BOB, BOBS_DM, CATALOGUE, World, say, world

CAROL = UserId("@carol:two.example.org")
SHOWN = ShortAuth((1, 2, 3, 4, 5, 6, 7), (1000, 2000, 3000))
VERIFIED: dict[str, Any] = {"device": "OLD", "signed_at": 1}


class Desk:
    """Alice is the operator."""

    def __init__(self, w: World) -> None:
        self.w = w
        self.decided: list[tuple[int, bool]] = []
        self.open = {7}
        self.confirmations = Confirmations(w.db, ALICE, w.people, w.delivery)  # type: ignore[arg-type]
        self.confirmations.decide = lambda ref, matches: self.decided.append((ref, matches))
        self.confirmations.is_open = lambda ref: ref in self.open
        rate = Rate(1000, 1000)
        w.pipeline = Pipeline(
            w.db,
            build_registry([], w.people, CATALOGUE),
            self.confirmations.hooks,
            w.delivery,
            w.people,
            Quotas(rate, rate),
        )

    async def ask(self, ref: int = 7) -> bool:
        asked = await self.confirmations.ask(ref, CAROL, SHOWN, 60.0)
        if asked:
            question = self.w.delivery.messages[-1].copy
            assert question is not None
            assert question.ref_id is not None
            self.w.copy("$question", question.kind, question.ref_id)
        return asked


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    async with world() as w:
        made = Desk(w)
        await w.opened()
        w.delivery.take()
        w.session = VERIFIED
        yield made


@pytest.mark.parametrize(
    ("number", "matches", "answer"), [("1", True, "verification-confirmed"), ("2", False, "verification-refused")]
)
async def test_a_typed_number_decides(number: str, matches: bool, answer: str) -> None:
    async with desk() as d:
        assert await d.ask()
        assert await d.w.text(number) == [say(answer)]
        assert d.decided == [(7, matches)]
        assert await d.w.text(number) == [say("prompt-none")]
        assert d.decided == [(7, matches)]


@pytest.mark.hostile
async def test_what_a_homeserver_could_say_decides_nothing_and_closes_nothing() -> None:
    async with desk() as d:
        assert await d.ask()
        for key in ("👍", "✅", "1️⃣", "❌"):
            assert await d.w.react("$question", key) == [say("prompt-reaction")]
        for session in (
            {"device": "NEW", "unsigned_ms": 1},
            {"device": "NEW", "signed_at": None},  # of an identity that came just now
            {"device": None, "signed_at": 1},
        ):
            d.w.session = session
            assert await d.w.text("1") == [say("verification-type-it")]
            assert await d.w.text("1", reply_to="$question") == [say("verification-type-it")]
        assert await d.w.text("1", encrypted=False) == [say("not-encrypted")]
        assert d.decided == []
        d.w.session = VERIFIED
        assert await d.w.text("1") == [say("verification-confirmed")]
        assert d.decided == [(7, True)]


async def test_nobody_else_decides_and_nothing_after_the_end() -> None:
    async with desk() as d:
        await d.w.pipeline.handle(DmOpened(d.w.origin(BOB, BOBS_DM, None)), BOBS_DM)
        assert await d.ask()
        d.w.delivery.take()
        assert await d.w.text("1", sender=BOB, room=BOBS_DM) == [say("prompt-none")]
        d.open.clear()
        assert await d.w.text("1") == [say("verification-over")]
        assert d.decided == []

        d.open.add(8)
        assert await d.ask(8)
        await d.confirmations.ended(8, CAROL, signed=False)
        assert await d.w.text("1") == [say("prompt-none")]
        assert d.decided == []


async def test_an_operator_without_a_chat_is_not_asked() -> None:
    async with world() as w:
        d = Desk(w)
        assert not await d.ask()
        assert w.delivery.messages == []
        w.db.run_sync(lambda tx: w.people.ensure(tx, ALICE))
        assert not await d.ask()


async def test_the_operator_sees_what_to_compare_and_how_it_ended() -> None:
    async with desk() as d:
        await d.ask()
        text = str(d.w.delivery.messages[-1])
        assert CAROL in text
        assert text.count("verification-emoji") == 7
        await d.confirmations.ended(7, CAROL, signed=True)
        assert "verification-signed" in str(d.w.delivery.messages[-1])
        without = ShortAuth(None, (1000, 2000, 3000))
        assert await d.confirmations.ask(9, CAROL, without, 60.0)
        assert "verification-emoji" not in str(d.w.delivery.messages[-1])
