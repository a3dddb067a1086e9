"""Fetching pictures: a slow media server holds up nobody but those whose pictures lie there."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.chat.inbound import EncryptedFile, Origin, PictureMessage
from bridge.errors import UserError
from bridge.ids import AccountId, EventId, RoomId, UserId
from bridge.matrix import pictures as intake
from bridge.matrix.http import Homeserver
from bridge.matrix.media import encrypt
from bridge.matrix.pictures import PictureIntake
from bridge.moments.pictures import Pictures

SAFE = SimpleNamespace(
    data=b"safe",
    mimetype="image/png",
    width=1,
    height=1,
    blurhash="x",
    thumbnail=SimpleNamespace(data=b"small", mimetype="image/png", width=1, height=1),
)
CIPHERTEXT, FILE = encrypt(b"picture")


@dataclass
class Media:
    """A homeserver that fetches from other servers; those in `slow` never answer."""

    slow: set[str] = field(default_factory=set)
    open: int = 0
    most: int = 0

    async def download(self, mxc: str, max_bytes: int) -> bytes:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await (asyncio.Event().wait() if mxc.split("/")[2] in self.slow else asyncio.sleep(0.01))
        finally:
            self.open -= 1
        return CIPHERTEXT

    async def upload(self, data: bytes) -> str:
        return "mxc://example.org/new"

    async def process(self, data: bytes) -> Any:
        return SAFE


def sent(server: str) -> PictureMessage:
    origin = Origin(AccountId(1), RoomId("!r:x"), EventId("$e"), UserId(f"@alice:{server}"), 0, True)
    file = EncryptedFile(f"mxc://{server}/id", FILE["key"]["k"], FILE["iv"], FILE["hashes"]["sha256"])
    return PictureMessage(origin, "post", file, "image/png", 7)


def taking(media: Media) -> PictureIntake:
    return PictureIntake(cast(Homeserver, media), cast(Pictures, media), 1000, UserId("@bot:home.example.org"))


async def outcome(take: PictureIntake, server: str) -> str:
    try:
        return str((await take(sent(server))).file["url"])
    except UserError as error:
        return error.message_id


async def test_a_slow_media_server_holds_up_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_PATIENCE_S", 0.2)
    media = Media(slow={"slow.example.org"})
    take = taking(media)
    stuck = [asyncio.create_task(outcome(take, "slow.example.org")) for _ in range(30)]
    await asyncio.sleep(0.05)
    assert media.open == 2
    quick = await asyncio.gather(
        *(outcome(take, f"{n}.example.org") for n in range(8)), outcome(take, "home.example.org")
    )
    assert set(quick) == {"mxc://example.org/new"}
    await asyncio.sleep(0.3)
    assert [task.result() for task in stuck if task.done()] == ["picture-busy"] * 28  # told, and not after minutes
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    media.slow.clear()
    assert await outcome(take, "slow.example.org") == "mxc://example.org/new"


async def test_pictures_in_work_are_bounded() -> None:
    media = Media()
    take = taking(media)
    results = await asyncio.gather(*(outcome(take, "home.example.org") for _ in range(40)))
    assert media.most == 8
    assert results.count("mxc://example.org/new") == 24
    assert results.count("picture-busy") == 16
