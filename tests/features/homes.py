"""Where the people of a village live: their rooms with all that arrived there, and a homeserver that keeps files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.chat.picture import StoredPicture
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.rights.archive.ports import FileGone

ACCOUNT = AccountId(1)
MINUTE = 60_000
HOUR = 60 * MINUTE
STORED = StoredPicture(
    file={"v": "v2", "url": "mxc://x.org/picture", "iv": "aXY", "hashes": {"sha256": "aGFzaA"}, "key": {"k": "a2V5"}},
    thumbnail={"v": "v2", "url": "mxc://x.org/small", "iv": "aXY", "hashes": {"sha256": "c21h"}, "key": {"k": "a2V5"}},
    info={"mimetype": "image/jpeg", "w": 640, "h": 480, "size": 1000, "thumbnail_info": {"w": 64, "h": 48}},
)


PICTURE = b"\xff\xd8\xff a picture"
"""What is behind `STORED`."""


@dataclass(slots=True)
class Shown:
    """An event of the bot in somebody's room."""

    event_id: EventId
    content: Mapping[str, Any]
    redacted: bool = False

    @property
    def body(self) -> str:
        return str(self.content.get("m.new_content", self.content)["body"])

    @property
    def buttons(self) -> dict[str, str]:
        """Tokens by their labels."""
        offered = self.content.get("m.new_content", self.content).get("chat.courtyard.choices", {"choices": []})
        return {one["label"]: one["token"] for one in offered["choices"]}


@dataclass(slots=True)
class Room:
    room_id: RoomId
    events: list[Shown] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """All that ever arrived, in order, as JSON."""


class FakeFiles:
    """A homeserver that keeps files; nothing in it is encrypted."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {str(STORED.file["url"]): PICTURE}
        self.cleaned: list[bytes] = []
        """Pictures that were made safe."""
        self.fails: list[Exception | None] = []
        """What becomes of the next requests; None: they work."""

    async def fetch(self, file: Mapping[str, Any], most: int) -> bytes:
        self._fail()
        data = self.kept.get(str(file["url"]))
        if data is None or len(data) > most:
            raise FileGone
        return data

    async def store(self, data: bytes) -> Mapping[str, Any]:
        self._fail()
        url = f"mxc://x.org/file{len(self.kept)}"
        self.kept[url] = data
        return {**STORED.file, "url": url}

    async def picture(self, data: bytes) -> StoredPicture:
        self._fail()
        if data != PICTURE:
            raise UserError("picture-broken")
        self.cleaned.append(data)
        return STORED

    def _fail(self) -> None:
        failure = self.fails.pop(0) if self.fails else None
        if failure is not None:
            raise failure


def user_id(name: str) -> UserId:
    """Of their server, or of the one that the name says: `dora:y.org`."""
    return UserId(f"@{name}" if ":" in name else f"@{name}:x.org")
