"""Events to values."""

from __future__ import annotations

import pytest

from bridge.chat.inbound import Origin, OtherMessage, TextMessage
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.matrix.events import to_inbound

WHERE = Origin(AccountId(1), RoomId("!r:x.org"), EventId("$e"), UserId("@alice:x.org"), 0, True)


@pytest.mark.parametrize("kind", ["m.sticker", "m.video", "m.image"])
def test_what_can_t_be_used_keeps_its_thread(kind: str) -> None:
    relation = {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True}
    content = {"msgtype": kind, "body": "x", "m.relates_to": relation}
    event_type = kind if kind == "m.sticker" else "m.room.message"
    inbound = to_inbound(WHERE, event_type, content, UserId("@bot:x.org"))
    assert isinstance(inbound, OtherMessage)
    assert inbound.what == kind
    assert inbound.relation.thread == "$root"


@pytest.mark.parametrize(
    ("pressed", "token"),
    [
        ({"token": "abc-DEF_123"}, "abc-DEF_123"),
        ({"token": "abc", "more": 1}, "abc"),
        ({"token": "x" * 65}, ""),
        ({"token": "é"}, ""),
        ({"token": 5}, ""),
        ({}, ""),
        ("abc", ""),
        (["abc"], ""),
        (None, ""),
    ],
)
def test_a_button_that_was_pressed(pressed: object, token: str) -> None:
    """What makes no sense is a token that there is not: what stands beside it is never taken for words."""
    content = {"msgtype": "m.text", "body": "close", "chat.courtyard.choice": pressed}
    inbound = to_inbound(WHERE, "m.room.message", content, UserId("@bot:x.org"))
    assert isinstance(inbound, TextMessage)
    assert inbound.pressed == token


def test_words_are_no_button() -> None:
    inbound = to_inbound(WHERE, "m.room.message", {"msgtype": "m.text", "body": "1"}, UserId("@bot:x.org"))
    assert isinstance(inbound, TextMessage)
    assert inbound.pressed is None
