"""Events to values."""

from __future__ import annotations

import pytest

from bridge.chat.inbound import Origin, OtherMessage
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
