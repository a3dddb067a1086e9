"""Pictures that programs show, and the one in a profile that a program may be given."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bridge.chat.picture import DrawnPicture, StoredPicture
from bridge.config.programs import ProgramsConfig
from bridge.errors import UserError
from bridge.miniprograms.host.outside import Answered, Asked, Outside
from tests.features.apps import Engine, packed
from tests.features.village import STORED, Village
from tests.unit.miniprograms.fakes import does, says

URL = "https://api.example.org/soup.png"
PHOTO = b"a photo that was made safe"


class Gallery(Outside):
    """A server with pictures, by path; and the process around it may die when it is asked."""

    def __init__(self) -> None:
        super().__init__(ProgramsConfig())
        self.there = Answered(None, 200, {}, "", b"soup")
        self.asked: list[tuple[str, tuple[str, ...], int | None]] = []
        self.dies = False

    async def ask(self, asked: Asked, domains: Collection[str], most: int | None = None) -> Answered:
        self.asked.append((asked.shown, tuple(domains), most))
        if self.dies:
            raise KeyboardInterrupt
        return self.there


async def redraw(data: bytes) -> DrawnPicture:
    if data != b"soup":
        raise UserError("picture-type")
    return DrawnPicture(PHOTO, "image/png", 2, 2)


async def publish(picture: DrawnPicture) -> StoredPicture:
    assert picture.data == PHOTO
    return STORED


async def small(picture: StoredPicture) -> bytes:
    assert picture == STORED
    return b"a face"


def shows(event: dict[str, Any]) -> dict[str, Any]:
    if event["type"] == "fetch.result":
        return does(says(f"{event['data']['tag']} {event['data']['effect'][-2:]}: {event['data']['error']}"))
    if event["type"] == "close":
        return does()
    return does(says("Today", key="menu", picture={"alt": "Soup", "url": URL}))


@contextmanager
def village(handle: Any = shows, **more: Any) -> Iterator[tuple[Village, Engine, Gallery]]:
    engine, gallery = Engine(tester=handle), Gallery()
    town = Village(runtime=engine, outside=gallery, publish=publish, redraw=redraw, miniature=small)
    about: dict[str, Any] = {"domains": ("api.example.org", "other.example.org"), **more}
    town.install(packed(**about))
    town.open("alice", "bob")
    try:
        yield town, engine, gallery
    finally:
        town.close()


def test_a_picture_on_a_server_is_fetched_once_the_person_agrees() -> None:
    with village() as (town, engine, gallery):
        _, shown, asked = town.say("alice", "open tester")
        assert shown == "Tester\n\nToday\n\n(picture: Soup)"
        assert "wants to ask the server api.example.org" in asked
        assert gallery.asked == []
        before = len(town.rooms["alice"].events)
        town.say("alice", "2")
        [picture] = [e for e in town.rooms["alice"].events[before:] if e.content.get("msgtype") == "m.image"]
        assert picture.content["file"]["url"] == STORED.file["url"]
        assert picture.body == "Tester\n\nToday\n\nSoup"
        [again] = town.get("alice", "again")  # agreed: it comes with its picture at once
        assert again.content["msgtype"] == "m.image"
        assert gallery.asked == [(f"GET {URL}", ("api.example.org",), 1_048_576)] * 2
        assert engine.of("tester", "fetch.result") == []
        assert f"GET {URL}" in "\n".join(town.say("alice", "apps sent"))


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        (Answered("too_large"), "too_large"),
        (Answered("timeout"), "timeout"),
        (Answered("refused"), "refused"),
        (Answered(None, 404, {}, "", b"soup"), "unreadable"),
        (Answered(None, 200, {}, "", b"<svg onload=x>"), "unreadable"),
    ],
)
def test_what_can_not_be_shown_is_told_in_words_and_the_program_why(answered: Answered, error: str) -> None:
    with village() as (town, _, gallery):
        town.say("alice", "open tester")
        town.say("alice", "2")
        gallery.there = answered
        assert town.say("alice", "again") == [
            "Tester\n\nToday\n\n(picture: Soup)",
            f"Tester\n\npicture :0: {error}",
        ]


def test_no_is_no_and_in_rooms_nobody_is_asked() -> None:
    with village() as (town, _, gallery):
        town.say("alice", "open tester")
        assert town.say("alice", "3")[-1] == "Tester\n\npicture :0: refused"
        assert town.say("alice", "again")[-1] == "Tester\n\npicture :0: refused"
        town.meet_in("hall")
        assert town.say_in("hall", "bob", "!open tester")[1:] == [
            "Tester\n\nToday\n\n(picture: Soup)",
            "Tester\n\npicture :0: refused",
        ]
        assert gallery.asked == []


def test_after_a_crash_a_picture_is_fetched_again_and_shown_once() -> None:
    with village() as (town, _, gallery):
        town.say("alice", "open tester")
        town.say("alice", "2")
        gallery.dies = True
        before = len(town.rooms["alice"].events)
        with pytest.raises(KeyboardInterrupt):
            town.say("alice", "again")
        gallery.dies = False
        town.run_programs()
        town.say("alice", "friends")  # what waits is sent
        shown = [event for event in town.rooms["alice"].events[before:] if event.content.get("msgtype") == "m.image"]
        assert len(shown) == 1
        assert len(gallery.asked) == 3


def test_a_picture_in_the_answer_that_is_none_is_told_in_words() -> None:
    def draws(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "fetch.result":
            return does(says(event["data"]["error"]))
        data = "soup" if event["type"] == "open" else "no picture"
        return does(says("Drawn", picture={"alt": "Soup", "data": base64.b64encode(data.encode()).decode()}))

    with village(draws) as (town, _, _gallery):
        town.say("alice", "open tester")
        assert town.rooms["alice"].events[-1].content["msgtype"] == "m.image"
        assert town.say("alice", "again") == ["Tester\n\nDrawn\n\n(picture: Soup)", "Tester\n\nunreadable"]


def test_a_face_is_told_only_to_whom_it_was_granted_and_small() -> None:
    def asks(event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] == "open":
            return does({"type": "scope.request", "tag": "t", "scopes": ["profile.avatar"]})
        return does(says(f"{sorted(event['user']['profile'])}"))

    scopes = {"profile.avatar": "To show it beside your moves."}
    with village(asks, scopes=scopes) as (town, engine, _):
        town.say("alice", "profile set name Alice")
        town.picture("alice", "profile set avatar")
        town.say("alice", "open tester")
        assert town.one("alice", "hello") == "Tester\n\n[]"
        town.say("alice", "2")
        assert town.one("alice", "hello") == "Tester\n\n['avatar']"
        profile = {"avatar": base64.b64encode(b"a face").decode()}
        assert engine.of("tester")[-1]["user"]["profile"] == profile
        assert '"avatar": "…"' in town.one("alice", "apps preview tester")
        assert "Tester read of your profile: avatar" in town.one("alice", "log")
        town.say("alice", "revoke 1")
        assert town.one("alice", "hello") == "Tester\n\n[]"
