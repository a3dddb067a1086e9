"""A person's picture, made fit to pass on: fetched, decrypted, made safe, encrypted, uploaded."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any
from weakref import WeakValueDictionary

from bridge.chat.inbound import EncryptedFile, PictureMessage
from bridge.chat.picture import DrawnPicture, StoredPicture
from bridge.errors import UserError
from bridge.ids import UserId, server_name
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.media import DamagedMedia, decrypt, encrypt
from bridge.moments.pictures import Pictures, Processed

MINIATURE = (96, 96)
"""Pixels that a small picture has at most."""
_AT_ONCE = 8
"""Pictures in work, so that they take a bounded part of memory, of the places for events and of the connections."""
_AT_ONCE_PER_SERVER = 2
_MAX_INSIDE, _MAX_INSIDE_PER_SERVER = 24, 6
"""Those that wait for their turn counted too; more are refused."""
_PATIENCE_S = 20.0


class PictureIntake:
    """Implements `bridge.chat.hooks.PicturePreparer`. The copy that others get has a key of its own.

    A server that is slow to hand its pictures out holds up neither the pictures of other servers nor anything else.
    """

    def __init__(self, homeserver: Homeserver, pictures: Pictures, max_bytes: int, me: UserId) -> None:
        self._http = homeserver
        self._pictures = pictures
        self._max_bytes = max_bytes
        self._home = server_name(me)
        self._inside = 0
        self._from: Counter[str] = Counter()
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, event: PictureMessage) -> StoredPicture:
        """See `PicturePreparer`."""
        server = event.file.url.removeprefix("mxc://").partition("/")[0]
        turns = [self._turn]
        limit = _MAX_INSIDE
        if server != self._home:  # what lies on our own homeserver is there at once
            turn = self._turns.get(server)
            if turn is None:
                turn = self._turns[server] = asyncio.Semaphore(_AT_ONCE_PER_SERVER)
            # First the server's turn: who waits for a slow one must not keep a place that others could use.
            turns.insert(0, turn)
            limit = _MAX_INSIDE_PER_SERVER
        if self._inside >= _MAX_INSIDE or self._from[server] >= limit:
            raise UserError("picture-busy")
        self._inside += 1
        self._from[server] += 1
        try:
            async with AsyncExitStack() as stack:
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        for one in turns:
                            await stack.enter_async_context(one)
                except TimeoutError:
                    raise UserError("picture-busy") from None
                return await self._prepare(event)
        finally:
            self._inside -= 1
            self._from[server] -= 1
            if not self._from[server]:
                del self._from[server]

    async def _prepare(self, event: PictureMessage) -> StoredPicture:
        try:
            data = decrypt(event.file, await self._http.download(event.file.url, self._max_bytes))
            return await stored(self._http, await self._pictures.process(data))
        except TooLarge:
            raise UserError("picture-large", megabytes=max(1, self._max_bytes // 1_048_576)) from None
        except DamagedMedia:
            raise UserError("picture-broken") from None
        except (MatrixError, Unreachable, TokenRevoked):
            raise UserError("picture-unavailable") from None


class PictureOutlet:
    """Implements `bridge.chat.picture.Publish`."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._http = homeserver

    async def __call__(self, picture: DrawnPicture) -> StoredPicture:
        """See `Publish`.

        Raises:
            MatrixError, Unreachable, TokenRevoked, TooLarge
        """
        info = {"mimetype": picture.mimetype, "size": len(picture.data), "w": picture.width, "h": picture.height}
        return StoredPicture(await _uploaded(self._http, picture.data), None, info)


class Redraw:
    """A picture that a mini-program made, decoded and drawn anew as a person's is."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def __call__(self, data: bytes) -> DrawnPicture:
        """Raises UserError when it is no picture that can be used."""
        safe = await self._pictures.process(data)
        return DrawnPicture(safe.data, safe.mimetype, safe.width, safe.height)


class Miniature:
    """A picture of a profile, fetched, decrypted and drawn anew: so small that it can be handed on as a value."""

    def __init__(self, homeserver: Homeserver, pictures: Pictures, max_bytes: int) -> None:
        self._http = homeserver
        self._pictures = pictures
        self._max_bytes = max_bytes

    async def __call__(self, picture: StoredPicture) -> bytes:
        """Raises what it raises."""
        wanted: dict[str, Any] = dict(picture.thumbnail or picture.file)
        file = EncryptedFile(wanted["url"], wanted["key"]["k"], wanted["iv"], wanted["hashes"]["sha256"])
        data = await asyncio.to_thread(decrypt, file, await self._http.download(file.url, self._max_bytes))
        return (await self._pictures.process(data, MINIATURE)).thumbnail.data


async def _uploaded(homeserver: Homeserver, data: bytes) -> dict[str, Any]:
    ciphertext, file = encrypt(data)
    # The type of what is encrypted is nobody's business: application/octet-stream.
    return {**file, "url": await homeserver.upload(ciphertext)}


async def stored(homeserver: Homeserver, safe: Processed) -> StoredPicture:
    """Encrypt and upload a picture that was made safe.

    Raises:
        MatrixError, Unreachable, TokenRevoked, TooLarge
    """
    thumbnail = await _uploaded(homeserver, safe.thumbnail.data)
    file = await _uploaded(homeserver, safe.data)
    info: dict[str, Any] = {
        "mimetype": safe.mimetype,
        "size": len(safe.data),
        "w": safe.width,
        "h": safe.height,
        "xyz.amorgan.blurhash": safe.blurhash,
        "thumbnail_info": {
            "mimetype": safe.thumbnail.mimetype,
            "size": len(safe.thumbnail.data),
            "w": safe.thumbnail.width,
            "h": safe.thumbnail.height,
        },
    }
    return StoredPicture(file, thumbnail, info)
