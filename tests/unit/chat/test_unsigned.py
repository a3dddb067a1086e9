"""What is said from sessions that their owners have not signed."""

import pytest

from bridge.chat.inbound import PictureMessage
from bridge.chat.reply import Message, Text
from tests.unit.chat.harness import ROOM, say, world


@pytest.mark.parametrize("unsigned_ms", [1, 61_000])
async def test_a_strict_bot_takes_nothing_from_unsigned_sessions(unsigned_ms: int) -> None:
    prepared: list[PictureMessage] = []

    async def prepare(event: PictureMessage) -> str:
        prepared.append(event)
        return "ready"

    async with world(unsigned="strict", pictures=prepare) as w:
        await w.text("post hello", id="$mine")
        await w.text("pst bye", id="$typo")
        before = list(w.calls)
        w.session = {"device": "NEW", "unsigned_ms": unsigned_ms}
        refused = [say("unsigned-refused")]
        assert await w.text("post hello") == refused
        assert await w.text("ping") == refused
        assert await w.picture("post look") == refused
        assert await w.edit("$mine", "post bye") == refused
        assert await w.edit("$typo", "post bye") == refused
        w.copy("$copy", "moment", 5)
        assert await w.text("nice", reply_to="$copy") == refused
        assert await w.text("!post hello", room=ROOM) == []
        assert (w.calls, prepared, w.delivery.messages) == (before, [], [])


async def test_who_writes_from_an_unsigned_session_is_answered_and_told_once() -> None:
    async with world() as w:
        w.session = {"device": "NEW", "unsigned_ms": 1}
        assert await w.text("ping") == ["pong"]
        assert w.delivery.messages == [], "the signature may be on its way"
        w.session = {"device": "NEW", "unsigned_ms": 61_000}
        assert await w.text("ping") == ["pong"]
        assert await w.text("ping") == ["pong"]
        assert w.delivery.messages == [Message((Text("unsigned-device"),))]
        w.session = {"device": "OTHER", "unsigned_ms": 61_000}
        assert await w.text("ping") == ["pong"]
        assert len(w.delivery.messages) == 2, "once for each session"
        w.session = {"device": "OLD", "signed_at": 1}
        assert await w.text("ping") == ["pong"]
        assert len(w.delivery.messages) == 2


async def test_unsigned_sessions_may_be_no_matter() -> None:
    async with world(unsigned="allow") as w:
        w.session = {"device": "NEW", "unsigned_ms": 61_000}
        assert await w.text("ping") == ["pong"]
        assert w.delivery.messages == []
