"""I3: codes that make friends, and the picture that they come with."""

import io
import re

import pytest
import segno
from PIL import Image

from bridge.chat.picture import DrawnPicture, StoredPicture
from bridge.contacts import qr
from bridge.contacts.model import ContactLimits
from bridge.errors import UserError
from tests.features.village import STORED, Village, user_id

LINK = "https://matrix.to/#/@courtyard:example.org"
CODE = re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b")


class Outlet:
    """Where pictures go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.pictures: list[DrawnPicture] = []
        self.error = error

    async def __call__(self, picture: DrawnPicture) -> StoredPicture:
        self.pictures.append(picture)
        if self.error is not None:
            raise self.error
        return StoredPicture(STORED.file, None, {"mimetype": picture.mimetype, "w": picture.width})


def modules(data: bytes) -> list[list[int]]:
    """The dark modules of a picture, read off its pixels."""
    picture = Image.open(io.BytesIO(data)).convert("L")
    count = picture.width // qr.SCALE - 2 * qr.BORDER
    middle = qr.BORDER * qr.SCALE + qr.SCALE // 2
    return [
        [int(picture.getpixel((middle + x * qr.SCALE, middle + y * qr.SCALE)) == 0) for x in range(count)]
        for y in range(count)
    ]


@pytest.mark.parametrize("content", [LINK, "https://matrix.to/#/@" + "x" * 200 + ":example.org"])
def test_the_picture_is_the_code_with_a_quiet_border(content: str) -> None:
    drawn = qr.draw(content, "invite K7QF-9XMP-2RTA")
    picture = Image.open(io.BytesIO(drawn.data)).convert("L")
    assert (picture.width, picture.height) == (drawn.width, drawn.height)
    assert modules(drawn.data) == [list(map(int, row)) for row in segno.make(content, error="m", micro=False).matrix]
    side, border = picture.width, qr.BORDER * qr.SCALE
    inner = Image.new("L", (side, side), 255)
    inner.paste(picture.crop((0, 0, side, side)))
    inner.paste(255, (border, border, side - border, side - border))
    assert inner.getextrema() == (255, 255), "nothing stands in the border"
    below = picture.crop((0, side, side, picture.height))
    assert below.getextrema() == (0, 255), "the line is below it"
    assert len(drawn.data) < 20_000


def test_a_new_code_comes_with_its_picture_and_makes_friends() -> None:
    outlet = Outlet()
    village = Village(publish=outlet)
    village.open("alice", "bob")
    [answer] = village.get("alice", "invite new")
    assert answer.content["msgtype"] == "m.image"
    assert answer.content["file"] == STORED.file
    assert answer.content["filename"] == "invite.png"
    found = CODE.search(answer.body)
    assert found
    assert LINK in answer.body
    assert modules(outlet.pictures[0].data) == [
        list(map(int, row)) for row in segno.make(LINK, error="m", micro=False).matrix
    ]
    assert village.one("bob", f"invite {found[0]}") == f"You and {user_id('alice')} are friends now."
    village.close()


@pytest.mark.parametrize("error", [None, TimeoutError(), UserError("picture-unavailable"), RuntimeError("no")])
def test_without_a_picture_it_is_told_in_words(error: Exception | None) -> None:
    village = Village(publish=None if error is None else Outlet(error))
    village.open("alice", "bob")
    [answer] = village.get("alice", "invite new 2 3d")
    assert answer.content["msgtype"] == "m.text"
    assert "It works 2 times" in answer.body
    assert LINK in answer.body
    found = CODE.search(answer.body)
    assert found
    assert "QR" not in answer.body.replace(found[0], "")
    assert village.one("bob", f"invite {found[0]}") == f"You and {user_id('alice')} are friends now."
    village.close()


def test_nothing_is_drawn_for_what_is_refused() -> None:
    outlet = Outlet()
    village = Village(publish=outlet, contact_limits=ContactLimits(invites=1))
    village.open("alice")
    assert village.one("alice", "invite new 1000").startswith("A code can work 100 times")
    assert village.one("alice", "invite new 1 never").startswith("Say how long it works")
    assert village.one("alice", "invites").startswith("None of your codes")
    assert outlet.pictures == []
    village.say("alice", "invite new")
    event = village.last_event
    assert len(outlet.pictures) == 1
    assert village.one("alice", "invite new").startswith("1 of your codes work already.")
    village.next_event = event  # the homeserver sends it again
    assert village.say("alice", "invite new") == []
    assert len(outlet.pictures) == 1
    village.close()
