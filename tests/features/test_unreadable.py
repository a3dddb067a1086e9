"""What people are told of a message that can't be read: once, with the reason when it is known, until it is read."""

from bridge.chat.inbound import Readable, TextMessage, Unreadable
from bridge.ids import EventId
from tests.features.village import Shown, Village

MISSING = {"en": "its key has not reached me yet", "zh": "它的密钥还没有到"}
WITHHELD = {"en": "your app keeps its key from me", "zh": "没有把密钥给我"}


def unreadable(village: Village, event: str, *, withheld: bool = False) -> list[Shown]:
    """Alice is told of an event of hers; what she gets now."""
    before = len(village.rooms["alice"].events)
    village.next_event = EventId(event)
    village._handle("alice", lambda origin: Unreadable(origin, withheld))
    return village.rooms["alice"].events[before:]


def readable(village: Village, event: str) -> None:
    village.next_event = EventId(event)
    village._handle("alice", lambda origin: Readable(origin))


def relation(shown: Shown) -> dict[str, object]:
    return dict(shown.content["m.relates_to"])


def test_the_reason_takes_the_place_of_the_notice(village: Village) -> None:
    for language in ("en", "zh"):
        village.say("alice", f"language {language}")
        event = f"$lost-{language}"
        (notice,) = unreadable(village, event)
        assert MISSING[language] in notice.body
        assert unreadable(village, event) == []
        (edit,) = unreadable(village, event, withheld=True)
        assert WITHHELD[language] in edit.body
        assert relation(edit)["rel_type"] == "m.replace"
        assert relation(edit)["event_id"] == notice.event_id
        assert unreadable(village, event, withheld=True) == []
        assert unreadable(village, f"{event}-2") == []
        assert unreadable(village, f"{event}-2", withheld=True) == []
        readable(village, event)
        assert notice.redacted
        assert edit.redacted


def test_the_reason_for_another_message_is_a_line_of_its_own(village: Village) -> None:
    (first,) = unreadable(village, "$one")
    assert unreadable(village, "$two") == []
    (second,) = unreadable(village, "$two", withheld=True)
    assert WITHHELD["en"] in second.body
    assert relation(second) == {"m.in_reply_to": {"event_id": "$two"}}
    readable(village, "$two")
    assert first.redacted
    assert second.redacted


def test_a_reason_that_is_known_from_the_start_is_the_notice(village: Village) -> None:
    (notice,) = unreadable(village, "$one", withheld=True)
    assert WITHHELD["en"] in notice.body
    assert "rel_type" not in relation(notice)
    assert unreadable(village, "$two") == [], "one notice is enough"
    readable(village, "$one")
    assert notice.redacted


def test_a_notice_that_is_not_sent_yet_says_the_reason(village: Village) -> None:
    village.stuck = {"alice"}
    village.next_event = EventId("$one")
    village._handle("alice", lambda origin: Unreadable(origin, False), sending=False)
    village.next_event = EventId("$one")
    village._handle("alice", lambda origin: Unreadable(origin, True), sending=False)
    village.stuck = set()
    before = len(village.rooms["alice"].events)
    village.deliver()
    (notice,) = village.rooms["alice"].events[before:]
    assert WITHHELD["en"] in notice.body


def test_what_was_answered_just_now_keeps_its_answer(village: Village) -> None:
    unreadable(village, "$one")
    village.next_event = EventId("$one")
    village._handle("alice", lambda origin: TextMessage(origin, "ping"))
    assert village.bodies("alice")[-1] == "pong"
    assert unreadable(village, "$one", withheld=True) == []
