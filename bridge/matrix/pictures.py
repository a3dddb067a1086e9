"""A person's picture, made fit to pass on: fetched, decrypted, made safe, encrypted, uploaded."""

from typing import Any

from bridge.chat.inbound import PictureMessage
from bridge.chat.picture import StoredPicture
from bridge.errors import UserError
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.media import DamagedMedia, decrypt, encrypt
from bridge.moments.pictures import Pictures


class PictureIntake:
    """Implements `bridge.chat.hooks.PicturePreparer`. The copy that others get has a key of its own."""

    def __init__(self, homeserver: Homeserver, pictures: Pictures, max_bytes: int) -> None:
        self._http = homeserver
        self._pictures = pictures
        self._max_bytes = max_bytes

    async def __call__(self, event: PictureMessage) -> StoredPicture:
        """See `PicturePreparer`."""
        try:
            ciphertext = await self._http.download(event.file.url, self._max_bytes)
            safe = await self._pictures.process(decrypt(event.file, ciphertext))
            thumbnail = await self._upload(safe.thumbnail.data)
            file = await self._upload(safe.data)
        except TooLarge:
            raise UserError("picture-large", megabytes=max(1, self._max_bytes // 1_048_576)) from None
        except DamagedMedia:
            raise UserError("picture-broken") from None
        except (MatrixError, Unreachable, TokenRevoked):
            raise UserError("picture-unavailable") from None
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

    async def _upload(self, data: bytes) -> dict[str, Any]:
        ciphertext, file = encrypt(data)
        # The type of what is encrypted is nobody's business: application/octet-stream.
        return {**file, "url": await self._http.upload(ciphertext)}
