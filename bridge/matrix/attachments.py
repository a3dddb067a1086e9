"""Encrypted files of archives on homeservers: the port `Files`. What takes long runs in a thread."""

import asyncio
from collections.abc import Mapping
from typing import Any

from bridge.chat.inbound import EncryptedFile
from bridge.chat.picture import StoredPicture
from bridge.errors import UserError
from bridge.matrix.http import Homeserver, MatrixError, TokenRevoked, TooLarge, Unreachable
from bridge.matrix.media import DamagedMedia, decrypt, encrypt
from bridge.matrix.pictures import stored
from bridge.moments.pictures import Pictures
from bridge.rights.archive.ports import FileGone, FileLater, FileRefused


class Attachments:
    """Implements `bridge.rights.archive.ports.Files`."""

    def __init__(self, homeserver: Homeserver, pictures: Pictures) -> None:
        self._http = homeserver
        self._pictures = pictures

    async def fetch(self, file: Mapping[str, Any], most: int) -> bytes:
        """See `Files`."""
        try:
            wanted = EncryptedFile(file["url"], file["key"]["k"], file["iv"], file["hashes"]["sha256"])
            ciphertext = await self._http.download(wanted.url, most)
            return await asyncio.to_thread(decrypt, wanted, ciphertext)
        except (KeyError, TypeError, TooLarge, DamagedMedia):
            raise FileGone from None
        except MatrixError as error:
            raise FileLater("busy") if error.temporary else FileGone("not there") from None
        except (Unreachable, TokenRevoked):
            raise FileLater from None

    async def store(self, data: bytes) -> Mapping[str, Any]:
        """See `Files`."""
        ciphertext, file = await asyncio.to_thread(encrypt, data)
        try:
            return {**file, "url": await self._http.upload(ciphertext)}
        except MatrixError as error:
            raise FileLater("busy") if error.temporary else FileRefused("refused") from None
        except (Unreachable, TokenRevoked):
            raise FileLater from None

    async def picture(self, data: bytes) -> StoredPicture:
        """See `Files`."""
        try:
            return await stored(self._http, await self._pictures.process(data))
        except UserError as error:
            if error.message_id == "picture-busy":  # others send pictures just now
                raise FileLater("busy") from None
            raise
        except MatrixError as error:
            raise FileLater("busy") if error.temporary else FileRefused("refused") from None
        except (Unreachable, TokenRevoked, TooLarge):
            raise FileLater from None
